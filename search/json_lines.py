"""Files of JSON objects, one a line, that only grow; each line carries its checksum."""

from __future__ import annotations

import contextlib
import json
import operator
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.folders import sync_folder

_CHECKSUM = b', "crc32": "%08x"}'
_LENGTH = len(_CHECKSUM % 0)


class RecordError(ValueError):
    """A file of records that holds something else; the message names file and line."""


class JsonLines:
    """A file of JSON objects, one a line, that only grows and survives a crash while growing.

    A torn last line (a power cut while writing) is cut off when the file is opened; a line that
    could not be written whole (a full disk) is taken back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists():
            self._cut_torn_line()

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one object and wait until it is on the disk.

        Raises:
            OSError: it could not be written; the file is as before.
        """
        line = to_line(row)
        with self.path.open("ab", buffering=0) as file:
            before = file.tell()
            try:
                written = file.write(line)
                if written != len(line):
                    file.write(line[written:])  # says why it does not fit
                os.fsync(file.fileno())
                if before == 0:  # a file that is new must be found after a power cut
                    sync_folder(self.path.parent)
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(before)
                raise

    def _cut_torn_line(self) -> None:
        data = self.path.read_bytes()
        whole = _end_of_whole_lines(data)
        if whole < len(data):
            with self.path.open("r+b") as file:
                file.truncate(whole)


def to_line(row: Mapping[str, Any]) -> bytes:
    """The object as a line, its last entry the CRC-32 of the line without it."""
    body = json.dumps(row).encode()
    return body[:-1] + _CHECKSUM % zlib.crc32(body) + b"\n"


def lines_of(path: Path) -> list[bytes]:
    """The whole lines of a file, none without the file."""
    data = _content(path)
    return data[: _end_of_whole_lines(data)].split(b"\n")[:-1]


def all_lines_of(path: Path) -> list[bytes]:
    """The lines of a file, the last one whole or torn; none without the file."""
    lines = _content(path).split(b"\n")
    return lines if lines[-1] else lines[:-1]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _end_of_whole_lines(data: bytes) -> int:
    end = data.rfind(b"\n") + 1
    last = data.rfind(b"\n", 0, max(0, end - 1)) + 1
    # JSON has no zero bytes: those are blocks of the disk that a power cut kept from being written.
    return last if b"\0" in data[last:end] else end


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file of JSON objects, none without the file; nothing is mended.

    Raises:
        RecordError: a whole line that is damaged; the message names file and line.
    """
    rows = []
    for number, line in enumerate(lines_of(path), start=1):
        try:
            rows.append(to_row(line))
        except ValueError as error:
            raise RecordError(f"{path}: line {number} {error}") from None
    return rows


def to_row(line: bytes) -> dict[str, Any]:
    """The object in a line; lines of the first versions have no checksum.

    Raises:
        ValueError: it is no JSON object, or another than was written.
    """
    body, end = line[:-_LENGTH] + b"}", line[-_LENGTH:]
    checksum = _CHECKSUM % zlib.crc32(body)
    # Nearly the name, too: a damaged checksum is not the line of a first version.
    if sum(map(operator.eq, end[:12], checksum)) > 10 and end != checksum:
        raise ValueError("is damaged: its checksum is another")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError(f"holds no object: {row!r}")
    row.pop("crc32", None)
    return row
