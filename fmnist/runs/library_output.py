"""Standard error for this program's lines alone: what libraries write there goes to a file.

TensorFlow's native side, absl, alembic and Python's own warnings write to file descriptor 2 or to
``sys.stderr``; no log level reaches all of them, so the descriptor itself is led elsewhere.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

_STDERR = 2
_own: TextIO | None = None


@contextmanager
def separate() -> Iterator[None]:
    """Keep standard error for ``note`` meanwhile; what else is written there is dropped.

    ``libraries_into`` gives it a file. Where ``sys.stderr`` was replaced, nothing is led elsewhere.
    """
    global _own
    if not _is_descriptor(sys.stderr):
        yield
        return
    sys.stderr.flush()
    own = os.dup(_STDERR)
    stream = os.fdopen(
        own, "w", encoding=sys.stderr.encoding, errors=sys.stderr.errors, buffering=1
    )
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, _STDERR)
    os.close(null)
    faulthandler.enable(stream)  # a crash of native code is told all the same
    _own = stream
    try:
        yield
    finally:
        _own = None
        faulthandler.disable()
        sys.stderr.flush()
        os.dup2(own, _STDERR)
        with suppress(OSError):  # a full device
            stream.close()


@contextmanager
def libraries_into(file: Path) -> Iterator[None]:
    """Have what libraries write to standard error appended to ``file`` while it is ours alone."""
    if _own is None:
        yield
        return
    before, target = os.dup(_STDERR), os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(target, _STDERR)
    os.close(target)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, _STDERR)
        os.close(before)


def stream() -> TextIO:
    """Where this program's own lines for standard error go."""
    return _own or sys.stderr


def note(text: str) -> None:
    """Print a line of this program's own on standard error, where that takes it."""
    with suppress(OSError):
        print(text, file=stream(), flush=True)


def descriptor() -> int:
    """The same as a file descriptor, for handlers of signals, which may not lock a stream."""
    return _own.fileno() if _own else _STDERR


def _is_descriptor(stream: TextIO | None) -> bool:
    """Whether the stream is open and writes to descriptor 2 itself."""
    try:
        return stream is not None and stream.fileno() == _STDERR
    except (OSError, ValueError):  # replaced by a buffer, or closed
        return False
