"""Trials in warm child processes: limits, kinds of failure, clean-up.

The parent watches: how long a task takes, how long it is silent, how much memory it holds. A child
serves many tasks and is replaced after a failure or when its memory has grown.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from multiprocessing import connection
from pathlib import Path
from typing import Any

from search.processes.child import Initializer, Setup
from search.processes.handle import ChildProcess
from search.records import Epoch, Failure
from search.tasks import Ended, EpochDone, Event, Limits, Objective, Task

# How often limits are looked at while nothing happens, in seconds.
_POLL = 0.25
# Importing a network library from a cold disk takes its time.
_START_SILENCE = 300.0
# Longer than the loop ever takes between two looks at its children.
_SLEPT = 10.0


class Supervisor:
    """Runs tasks of ``objective`` in up to ``jobs`` child processes; a ``Runner``.

    Args:
        objective: picklable; sent to a child before its first task, and again once it is another.
        jobs: tasks at once.
        initializer: picklable; called in every child before its first task. What it returns is
            the ``device`` of this supervisor.
        output: file for what the children write to their standard streams.
        clock: seconds that do not jump.
    """

    def __init__(
        self,
        objective: Objective | None = None,
        *,
        jobs: int = 1,
        initializer: Initializer | None = None,
        output: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.slots = jobs
        self.objective, self._initializer, self._output = objective, initializer, output
        self._clock = clock
        self._threads = shared_threads(jobs)
        self._children: list[ChildProcess | None] = [None] * jobs
        self._ended: list[Event] = []
        self._watched = clock()
        self.device: object = None

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm(self) -> None:
        """Start all children now, so that they import what they need while others work."""
        for slot in range(self.slots):
            self._ready_child(slot)

    def wait_until_warm(self, seconds: float = _START_SILENCE) -> None:
        """Wait until every child is ready, or so many seconds."""
        until = self._clock() + seconds
        while self._clock() < until and any(c and not c.ready for c in self._children):
            self._ended.extend(self._receive(_POLL))

    def start(self, task: Task, limits: Limits) -> None:
        """See ``Runner.start``."""
        slot = next(i for i, c in enumerate(self._children) if c is None or c.task is None)
        child = self._ready_child(slot)
        child.task, child.limits = task, limits
        child.started = child.last_message = self._clock()
        child.peak_memory = None
        if child.objective is not self.objective:
            child.send(self.objective)
            child.objective = self.objective
        child.send(task)

    def wait(self, seconds: float) -> list[Event]:
        """See ``Runner.wait``."""
        until = self._clock() + seconds
        while True:
            events = [*self._ended, *self._receive(max(0.0, min(_POLL, until - self._clock())))]
            self._ended.clear()
            self._watch()
            if events or self._clock() >= until:
                return events

    def answer(self, number: int, remaining: int) -> None:
        """See ``Runner.answer``."""
        # None where it was ended meanwhile, over a limit: its end is on the way.
        for child in self._busy(number):
            child.last_message = self._clock()
            child.send(remaining)

    def cancel(self, number: int, failure: Failure) -> None:
        """See ``Runner.cancel``."""
        for child in self._busy(number):
            self._end(child, failure)

    def close(self) -> None:
        """See ``Runner.close``."""
        for slot, child in enumerate(self._children):
            if child is not None:
                child.kill()
                self._children[slot] = None

    def processes(self) -> list[int]:
        """Process ids of the children that live."""
        return [c.process.pid or 0 for c in self._children if c and c.process.is_alive()]

    def _busy(self, number: int | None = None) -> list[ChildProcess]:
        """The children at work, or the one at work on that task."""
        busy = [c for c in self._children if c is not None and c.task is not None]
        return [c for c in busy if c.task and number in (None, c.task.number)]

    def _ready_child(self, slot: int) -> ChildProcess:
        child = self._children[slot]
        if child is not None and child.process.is_alive():
            return child
        if child is not None:
            child.kill()
        setup = Setup(self._initializer, self._threads[slot], self._output)
        self._children[slot] = child = ChildProcess.spawn(setup, f"trials-{slot}", self._clock())
        return child

    def _receive(self, seconds: float) -> Iterator[Event]:
        """Events from whatever children have to say within ``seconds``."""
        listening = {c.pipe: c for c in self._children if c is not None}
        if not listening:
            time.sleep(seconds)
            return
        for pipe in connection.wait(list(listening), timeout=seconds):
            child = listening[pipe]  # type: ignore[index]
            try:
                kind, content = child.pipe.recv()
            except (EOFError, OSError):
                yield from self._died(child)
                continue
            child.last_message = self._clock()
            yield from self._message(child, kind, content)

    def _message(self, child: ChildProcess, kind: str, content: Any) -> Iterator[Event]:
        if kind == "ready":
            child.ready, self.device = True, content
        elif child.task is None:
            return
        elif isinstance(content, Epoch):
            yield EpochDone(child.task.number, content)
        else:
            yield self._finished(child, content)

    def _finished(self, child: ChildProcess, failure: Failure | None) -> Ended:
        assert child.task is not None
        memory = child.memory()
        ended = Ended(child.task.number, failure, child.peak_memory)
        child.task = None
        # A loss that is no number says nothing about the process.
        if child.has_grown(memory) or (failure and failure.kind != "nan"):
            self._replace(child)
        return ended

    def _died(self, child: ChildProcess) -> Iterator[Event]:
        if child.task is not None:
            yield Ended(child.task.number, child.exit_reason(), child.peak_memory)
        self._replace(child)

    def _end(self, child: ChildProcess, failure: Failure) -> None:
        assert child.task is not None
        self._ended.append(Ended(child.task.number, failure, child.peak_memory))
        self._replace(child)

    def _replace(self, child: ChildProcess) -> None:
        slot = self._children.index(child)
        child.kill()
        # The next task starts its successor.
        self._children[slot] = None

    def _watch(self) -> None:
        """Hold every busy child against its limits."""
        # Read once: a sleep between two readings would look like silence.
        now = self._clock()
        self._forgive_sleep(now)
        for child in self._busy():
            failure = self._over_limit(child, child.memory(), now)
            if failure is not None:
                self._end(child, failure)

    def _forgive_sleep(self, now: float) -> None:
        """Time in which this process stood still, with its machine or alone, counts for nobody."""
        slept = now - self._watched if now - self._watched > _SLEPT else 0.0
        self._watched = now
        for child in self._busy() if slept else ():
            child.started = min(now, child.started + slept)
            child.last_message = min(now, child.last_message + slept)

    def _over_limit(self, child: ChildProcess, memory: int | None, now: float) -> Failure | None:
        limits = child.limits
        if limits.memory is not None and memory is not None and memory > limits.memory:
            held, limit = memory / 1e6, limits.memory / 1e6
            return Failure("memory", f"held {held:.0f} MB, over its limit of {limit:.0f} MB")
        if limits.seconds is not None and now - child.started > limits.seconds:
            return Failure("timeout", f"over its time limit of {limits.seconds:.0f} s")
        timeout = limits.progress_timeout
        if timeout is not None and not child.ready:
            timeout = max(timeout, _START_SILENCE)
        if timeout is not None and now - child.last_message > timeout:
            return Failure("hang", f"no sign of life for {timeout:.0f} s")
        return None


def shared_threads(jobs: int) -> list[int | None]:
    """Cores for each of ``jobs`` children; None: a single one, on a machine that is all ours."""
    cores = available_cores()
    if jobs == 1:
        return [None if cores >= (os.cpu_count() or 1) else cores]
    return [max(1, cores // jobs + (i < cores % jobs)) for i in range(jobs)]


def available_cores() -> int:
    """Logical processors this process may use: as its affinity and its container allow."""
    import joblib  # a quarter of a second

    return int(joblib.cpu_count())
