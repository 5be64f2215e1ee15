"""A child process as its parent sees it: born, spoken to, measured, and buried with a cause."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil

from search.processes import child
from search.processes.child import Setup
from search.processes.temporary import make_temporary_folder
from search.records import Failure
from search.tasks import Limits, Objective, Task

# A child is replaced once it holds this many times what it held after its first task, and so
# many bytes more.
_GROWTH, _GROWTH_BYTES = 2.0, 600e6
_TAIL_BYTES = 4000

_SAFE_PATH = "PYTHONSAFEPATH"


@dataclass
class ChildProcess:
    """One child process and what it is doing.

    Attributes:
        last_message: clock reading of its last sign of life.
        ready: whether it is warm.
        started: clock reading at which its task began.
        peak_memory: most resident bytes seen during the task.
        baseline: resident bytes after its first task.
    """

    process: BaseProcess
    pipe: connection.Connection
    setup: Setup
    last_message: float
    ready: bool = False
    objective: Objective | None = None
    task: Task | None = None
    limits: Limits = field(default_factory=Limits)
    started: float = 0.0
    peak_memory: int | None = None
    baseline: int | None = None
    _oom_kills: int = field(default_factory=lambda: _oom_kills(), init=False)
    _written: int = field(default=0, init=False)

    @classmethod
    def spawn(cls, setup: Setup, name: str, now: float) -> ChildProcess:
        """Start a process; spawned, not forked: a forked TensorFlow hangs."""
        context = multiprocessing.get_context("spawn")
        make_temporary_folder()
        ours, theirs = context.Pipe()
        process = context.Process(target=child.main, args=(theirs, setup), name=name, daemon=True)
        written = _size(setup.output)
        with _terminal_signals_blocked(), nothing_foreign_imported():
            process.start()
        theirs.close()
        child_process = cls(process, ours, setup, now)
        child_process._written = written
        return child_process

    def send(self, *messages: Any) -> None:
        """Say something; to a child that died this moment it is lost, and its end is noticed."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for message in messages:
                self.pipe.send(message)

    def memory(self) -> int | None:
        """Resident bytes; None once the process is gone."""
        try:
            held = int(psutil.Process(self.process.pid).memory_info().rss)
        except (psutil.Error, ValueError):
            return None
        self.peak_memory = max(held, self.peak_memory or 0)
        return held

    def has_grown(self, memory: int | None) -> bool:
        """Whether it holds so much more than after its first task that it should be replaced."""
        if memory is None:
            return False
        self.baseline = self.baseline or memory
        return memory > max(_GROWTH * self.baseline, self.baseline + _GROWTH_BYTES)

    def exit_reason(self) -> Failure:
        """Why the process ended, by its exit status and its last words."""
        self.process.join(5)
        code = self.process.exitcode
        words = self._output_tail()
        if "bad_alloc" in words or "MemoryError" in words:
            return Failure("memory", "its process could not allocate memory", words)
        if code == -signal.SIGKILL and _oom_kills() > self._oom_kills:
            return Failure("memory", "the system ran out of memory and killed its process", words)
        if code is not None and code < 0:
            return Failure("killed", f"killed by {signal.Signals(-code).name}", words)
        return Failure("killed", f"its process ended with status {code}", words)

    def kill(self) -> None:
        """End the process at once, whatever it is doing."""
        self.process.kill()
        self.process.join(10)
        self.pipe.close()
        with contextlib.suppress(ValueError):  # still there: unkillable, in the kernel
            self.process.close()

    def _output_tail(self) -> str:
        """The last of what children have written since this one was born."""
        output = self.setup.output
        if output is None or not output.exists():
            return ""
        with output.open("rb") as file:
            file.seek(max(self._written, _size(output) - _TAIL_BYTES))
            return file.read().decode(errors="replace").strip()


@contextlib.contextmanager
def _terminal_signals_blocked() -> Iterator[None]:
    """A child born now starts deaf to Ctrl-C, until it has said what it wants of it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, child.TERMINAL_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def nothing_foreign_imported(*, main: bool = True) -> Iterator[None]:
    """A child born now imports the parent's modules, not a ``types.py`` of the working folder.

    Nor does it look for the parent's main file where there is none, a script on standard input,
    or where it needs none of it, ``main`` false.
    """
    program = sys.modules["__main__"]
    file, spec = getattr(program, "__file__", None), getattr(program, "__spec__", None)
    gone = file is not None and not (main and Path(file).exists())
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    if gone:
        del program.__file__
    if not main:
        program.__spec__ = None
    try:
        yield
    finally:
        program.__spec__ = spec
        if gone:
            program.__file__ = file
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def _oom_kills() -> int:
    """How often this system has killed for want of memory; 0 where it does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _size(path: Path | None) -> int:
    return path.stat().st_size if path is not None and path.exists() else 0
