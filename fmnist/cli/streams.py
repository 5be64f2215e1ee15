"""Standard streams that end no run: letters they lack are spelt, what they refuse is dropped."""

from __future__ import annotations

import codecs
import io
import os
import sys

from typing_extensions import Buffer, override

from fmnist.runs import library_output

_SPELT = {
    "×": "x", "→": "->", "…": "...", "–": "-", "−": "-", "━": "=", "─": "-", "±": "+-",
    "\u00a0": " ", "\u202f": " ", "\u2011": "-",
}  # fmt: skip
_ERRORS = "fmnist-spelt"
JOBS = {"run", "train", "worker", "reproduce", "experiment"}
"""Commands that are there for the files they leave; what they print is beside it."""


class _Stream(io.FileIO):
    """A stream whose reader may be gone, or whose disk full; ``lost`` is the first error."""

    lost: OSError | None = None

    @override
    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.lost = self.lost or error
            return memoryview(data).nbytes


def secure_streams() -> None:
    """Have standard output and error take any text at any time; those that are closed as well.

    Streams that a program has put in their place (a test's, a notebook's) are left alone.
    """
    codecs.register_error(_ERRORS, _spell)
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file, or a child's pipe, would take its number
            os.open(os.devnull, os.O_RDWR)
    for number, name in enumerate(("stdout", "stderr"), start=1):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__"):
            setattr(sys, name, _secured(stream, number))


def status_with_streams(code: int, command: str) -> int:
    """The exit status of ``command``; 1 where all it had to say could not be written."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    lost = getattr(raw, "lost", None)
    if lost is None or isinstance(lost, BrokenPipeError):  # who closes a pipe has read enough
        return code
    library_output.note(f"fmnist: standard output was lost: {lost.strerror}")
    return code if command in JOBS else code or 1


def _secured(stream: io.TextIOWrapper | None, number: int) -> io.TextIOWrapper:
    raw = _Stream(number, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding if stream else "utf-8",
        errors=_ERRORS,
        line_buffering=number == 2 or raw.isatty(),
    )


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(_SPELT.get(letter, "?") for letter in letters), error.end
