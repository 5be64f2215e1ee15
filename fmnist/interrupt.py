"""Ctrl-C and SIGTERM at safe points only.

Python raises ``KeyboardInterrupt`` wherever it happens to be, and where that is a weak-reference
callback inside a library, it is printed and forgotten. So the first signal is only noted, and
the work asks at the end of each epoch; the second ends the process at once, which loses nothing
but the trial under way: every file is written whole or not at all.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_NOTICE = b"\nfmnist: stopping after this epoch; once more stops at once\n"
EXIT_CODE = 130


class Interrupt:
    """While entered, notes the signals; ``check`` raises once one has come."""

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        # Only the main thread may set handlers; elsewhere signals are somebody else's.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if a signal has come."""
        if self.requested:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            os._exit(EXIT_CODE)
        self.requested = True
        os.write(2, _NOTICE)
