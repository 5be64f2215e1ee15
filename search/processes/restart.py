"""Runs a worker's loop as a child process, and again after a crash."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from functools import partial
from types import FrameType
from typing import Final

from search.processes.child import signal_at_parent_death

_LONGEST_PAUSE: Final = 60.0
_log = logging.getLogger("search.distributed")
_POSIX: Final = os.name == "posix"
_FORWARDED: Final = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


def run_with_restarts(
    command: Sequence[str],
    *,
    progress: Callable[[], int] = lambda: 0,
    final: Container[int] = (0,),
    crashes: int = 5,
    pause: float = 1.0,
    stderr: int | None = None,
) -> int:
    """Run ``command`` until it ends as it should; its exit status.

    It is started again after a crash, after a pause that doubles with each crash in a row. A
    signal to end (Ctrl-C, SIGTERM, SIGHUP) is passed on, and nothing is started after it. The
    child gets SIGTERM where this process dies (Linux).

    Args:
        progress: a number that grows with what was achieved, such as trials finished; a crash
            after which it has grown is the first one in a row.
        final: exit statuses that mean what they say and are returned at once; every other one,
            and death by a signal, is a crash.
        crashes: so many in a row, and the last one's status is returned (128 + n for signal n).
        pause: seconds before the first restart; a minute is the longest pause.
        stderr: a file descriptor for the child's standard error; that of this process without.

    Raises:
        OSError: the command cannot be started.
    """
    achieved, in_a_row = progress(), 0
    with _forwarding_signals() as forwarder:
        while True:
            status = forwarder.run(command, stderr)
            if status in final or forwarder.signalled:
                return status
            if (now := progress()) > achieved:
                achieved, in_a_row = now, 0
            in_a_row += 1
            _log.warning("the worker ended with status %d, crash %d in a row", status, in_a_row)
            if in_a_row >= crashes:
                return status
            if forwarder.sleep(min(_LONGEST_PAUSE, pause * 2 ** (in_a_row - 1))):
                return status


class _SignalForwarder:
    """Runs one child at a time and hands signals on to it.

    Attributes:
        signalled: whether a signal to end has come.
    """

    def __init__(self) -> None:
        self.signalled = False
        self._child: subprocess.Popen[bytes] | None = None
        self._woken = threading.Event()

    def run(self, command: Sequence[str], stderr: int | None = None) -> int:
        """Run a child to its end; 128 + n where signal n ended it, as shells say it."""
        # In a group of its own: Ctrl-C reaches it through here, once.
        exit_with_parent = partial(signal_at_parent_death, signal.SIGTERM)
        options = {"process_group": 0, "preexec_fn": exit_with_parent} if _POSIX else {}
        self._child = subprocess.Popen(command, stderr=stderr, **options)  # type: ignore[call-overload]
        if self.signalled:  # while it was being born
            self._child.terminate()
        status = int(self._child.wait())
        self._child = None
        return 128 - status if status < 0 else status

    def forward(self, number: int, _: FrameType | None) -> None:
        """A signal has come."""
        self.signalled = True
        self._woken.set()
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(number)

    def sleep(self, seconds: float) -> bool:
        """Wait; whether a signal ended that."""
        return self._woken.wait(seconds)


@contextlib.contextmanager
def _forwarding_signals() -> Iterator[_SignalForwarder]:
    forwarder = _SignalForwarder()
    before = {number: signal.signal(number, forwarder.forward) for number in _FORWARDED}
    try:
        yield forwarder
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
