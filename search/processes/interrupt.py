"""Ctrl-C and SIGTERM at safe points only.

Python raises ``KeyboardInterrupt`` wherever it happens to be, and where that is a weak-reference
callback inside a library, it is printed and forgotten. So the first signal is only noted, and
the work asks for it all the time; the second ends the process at once, which loses nothing but
the epoch under way: every file is written whole or not at all, and children end with their parent.

A terminal that goes away (SIGHUP: a lost connection, a closed window) ends no night: the run goes
on unseen, and ``fmnist status`` shows it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
NOTICE = "stopping, with an interim report; once more stops at once"
EXIT_CODE = 130


class Interrupt:
    """While entered, notes the signals; ``check`` raises once one has come.

    Attributes:
        requested: whether a signal has come.
        notice: told once, from inside the signal's handler.
    """

    def __init__(self) -> None:
        self.requested = False
        self.notice: Callable[[str], object] = lambda _: None
        self._before: dict[int, Any] = {}
        self._terminals: list[int] = []

    def __enter__(self) -> Interrupt:
        # Only the main thread may set handlers; elsewhere signals are somebody else's.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
            if hasattr(signal, "SIGHUP"):
                self._terminals = [fd for fd in (1, 2) if os.isatty(fd)]
                self._before[signal.SIGHUP] = signal.signal(
                    signal.SIGHUP, self._redirect_output_to_devnull
                )
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

    def _redirect_output_to_devnull(self, number: int, frame: FrameType | None) -> None:
        """Write to nowhere what would go to the terminal that is gone."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for fd in self._terminals:
            os.dup2(nowhere, fd)
        os.close(nowhere)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            os._exit(EXIT_CODE)
        self.requested = True
        self.notice(NOTICE)
