"""Reading the files that are attached to a PDF, such as the report of a run.

The PDF may be a stranger's: nothing in it is executed, and every file has a limit of size.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fmnist.errors import UserError

START = b"%PDF-"
LARGEST_PDF = 64_000_000
LARGEST_FILE = 16_000_000
_MOST_ENTRIES = 2000


class PdfError(UserError):
    """A PDF that cannot be read or lacks an attachment; the message says what to give instead."""


def is_pdf(path: Path) -> bool:
    """Whether a file is a PDF, by its name or its first bytes."""
    if path.suffix.lower() == ".pdf":
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(START)) == START
    except OSError:
        return False


def attached_text(path: Path, name: str) -> str:
    """The attachment ``name`` as text; see ``attached``.

    Raises:
        PdfError: as there, or it is not UTF-8.
    """
    try:
        return attached(path, [name])[name].decode("utf-8")
    except UnicodeDecodeError:
        raise PdfError(f"{path}: its attachment {name} is not a text") from None


def attached(path: Path, needed: Sequence[str], wanted: Sequence[str] = ()) -> dict[str, bytes]:
    """Attachments of a PDF by name.

    Args:
        needed: names without which it is an error.
        wanted: names that may be missing.

    Raises:
        PdfError: no PDF, encrypted, damaged or too large; a needed attachment is missing, or
            one is there twice.
    """
    with _readable(path):
        reader = _opened(path)
        files = list(_embedded(reader))
        names = [name for name, _ in files]
        for name in needed:
            _check_named(path, name, names)
        asked = {*needed, *wanted}
        for name in sorted(asked & set(names)):
            if names.count(name) > 1:
                raise PdfError(
                    f"{path}: has several attachments named {name}; save the one that is meant "
                    "and give that file"
                )
        return {name: _content(path, name, file) for name, file in files if name in asked}


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever a damaged file makes the library do becomes one kind of error, and no noise."""
    library = logging.getLogger("pypdf")
    before, library.disabled = library.disabled, True
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise PdfError(f"{path}: cannot be read as a PDF: {why}") from None
    finally:
        library.disabled = before


def _opened(path: Path) -> Any:
    from pypdf import PdfReader

    size = path.stat().st_size
    if size > LARGEST_PDF:
        raise PdfError(
            f"{path}: has {size / 1e6:.0f} MB; a report has less than {LARGEST_PDF // 1_000_000}"
        )
    with path.open("rb") as file:
        if file.read(len(START)) != START:
            raise PdfError(f"{path}: is not a PDF file")
    reader = PdfReader(path)
    # With an owner's password only it opens without one.
    if reader.is_encrypted and not reader.decrypt(""):
        raise PdfError(f"{path}: is encrypted; save it without a password, or give the run folder")
    return reader


def _check_named(path: Path, name: str, names: Sequence[str]) -> None:
    if name in names:
        return
    if not names:
        raise PdfError(
            f"{path}: has no attachments: it is the interim report of a run that has not finished, "
            "or no report of this program, or it was printed or saved by a program that drops "
            f"them; give the run folder or its {name}"
        )
    shown = ", ".join(sorted(_plain(n) for n in names[:10]))
    raise PdfError(
        f"{path}: has no attachment {name}, only {shown}; give the run folder or its {name}"
    )


def _plain(name: str) -> str:
    """A stranger's name may not steer the terminal."""
    return "".join(c if c.isprintable() else "?" for c in name)[:60]


def _embedded(reader: Any) -> Iterator[tuple[str, Any]]:
    """Name and stream of every embedded file (ISO 32000-1, 7.7.4 and 7.11.4)."""
    names = reader.trailer["/Root"].get_object().get("/Names")
    tree = names.get_object().get("/EmbeddedFiles") if names is not None else None
    for entry in _leaves(tree) if tree is not None else ():
        streams = entry["/EF"].get_object()
        name = entry.get("/UF", entry.get("/F"))
        yield str(name), streams.get("/UF", streams.get("/F")).get_object()


def _leaves(tree: Any) -> Iterator[Any]:
    """The file specifications of a name tree, whose branches may lead in a circle."""
    waiting, seen = [tree], 0
    while waiting:
        node = waiting.pop(0).get_object()
        found = node.get("/Names", ())
        seen += 1 + len(found)
        if seen > _MOST_ENTRIES:
            raise ValueError("its list of attachments is too long")
        waiting += list(node.get("/Kids", ()))[:_MOST_ENTRIES]
        yield from (found[i].get_object() for i in range(1, len(found), 2))


def _content(path: Path, name: str, stream: Any) -> bytes:
    """The bytes of an embedded file; unpacked here, so that a small one cannot become huge."""
    packed: bytes = stream._data
    kind = stream.get("/Filter")
    kinds = [kind] if isinstance(kind, str) else list(kind or ())
    if kinds not in ([], ["/FlateDecode"]):
        raise PdfError(f"{path}: its attachment {name} is packed in an unknown way")
    data = zlib.decompressobj().decompress(packed, LARGEST_FILE + 1) if kinds else packed
    if len(data) > LARGEST_FILE:
        raise PdfError(
            f"{path}: its attachment {name} is larger than {LARGEST_FILE // 1_000_000} MB"
        )
    return data
