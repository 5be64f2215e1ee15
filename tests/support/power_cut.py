"""Power cuts: the states of a disk that may follow a record of writes; see ``disk_shim.c``.

What was synced is there. Of what was not, any block of 512 bytes may be; names made, renamed and
removed in a folder come in their order, as far as they come; neither waits for the other.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

BLOCK = 512


class Call(NamedTuple):
    """One call of the record; ``number`` is where it writes, or the size it leaves."""

    what: str
    path: str
    number: int
    data: bytes


def read_record(path: Path) -> list[Call]:
    """The calls in the order in which they were made."""
    record, at, calls = path.read_bytes(), 0, []
    while at < len(record):
        end = record.index(b"\n", at)
        what, name, number, size = record[at:end].decode().split()
        at = end + 1 + int(size)
        calls.append(Call(what, name, int(number), record[end + 1 : at]))
    return calls


@dataclass(eq=False)
class _File:
    synced: bytes = b""
    pending: list[Call] = field(default_factory=list)


class Disk:
    """A disk and what the system has in memory of it."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, list[bytes]] = defaultdict(list)
        """Lines that a journal was asked for, and said to be on the disk."""
        self._files: dict[str, _File | None] = {}  # as the process sees them; None: a folder
        self._names: dict[str, _File | None] = {}  # as they are on the disk
        self._pending: dict[str, list[tuple[str, _File | None, str]]] = defaultdict(list)

    def apply(self, call: Call) -> None:
        """Make one call."""
        what, path, _, data = call
        if what == "mark":
            self.acknowledged[Path(path).name].append(data.rstrip())
        elif what in ("create", "mkdir"):
            self._name(path, _File() if what == "create" else None)
        elif what == "rename":
            self._name(data.decode(), self._files.pop(path), path)
        elif what == "unlink":
            self._pending[_parent(path)].append(("", self._files.pop(path), path))
        elif what != "sync":
            self._files[path].pending.append(call)
        elif file := self._files.get(path):
            file.synced = _drawn(file, "all", None)
            file.pending.clear()
        else:
            self._renamed(path, len(self._pending[path]), self._names)
            self._pending[path].clear()

    def cut(self, rng: random.Random, folder: Path) -> None:
        """Write one of the states that a power cut may leave now to ``folder``."""
        names = dict(self._names)
        for parent, pending in self._pending.items():
            self._renamed(parent, rng.randint(0, len(pending)), names)
        for path, file in sorted(names.items()):
            target = folder / path
            if not target.parent.is_dir():
                continue  # the name of its folder was lost
            if file is None:
                target.mkdir()
            else:
                target.write_bytes(_drawn(file, rng.choice(("all", "none", "torn", "torn")), rng))

    def _name(self, path: str, file: _File | None, before: str = "") -> None:
        self._files[path] = file
        self._pending[_parent(path)].append((path, file, before))

    def _renamed(self, parent: str, count: int, names: dict[str, _File | None]) -> None:
        for path, file, before in self._pending[parent][:count]:
            names.pop(before, None)
            if path:
                names[path] = file


def _parent(path: str) -> str:
    return str(Path(path).parent)


def _drawn(file: _File, how: str, rng: random.Random | None) -> bytes:
    """The content of a file of whose pending writes all, none or some blocks came."""
    content = bytearray(file.synced)
    for call in file.pending if how != "none" else ():
        if call.what == "truncate":
            if how == "all" or rng.random() < 0.5:
                content = content[: call.number].ljust(call.number, b"\0")
            continue
        start, end = call.number, call.number + len(call.data)
        while start < end:
            stop = min(end, (start // BLOCK + 1) * BLOCK)
            if how == "all" or rng.random() < 0.5:
                content = content.ljust(start, b"\0")
                content[start:stop] = call.data[start - call.number : stop - call.number]
            start = stop
    return bytes(content)
