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

from search.processes.child import Setup, WarmUp
from search.processes.handle import Worker
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
        objective: picklable; sent to a child once, before its first task. May be set later.
        jobs: tasks at once.
        warm_up: picklable; called in every child before its first task. What it returns is the
            child's greeting.
        output: file for what the children write to their standard streams.
        clock: seconds that do not jump.
    """

    def __init__(
        self,
        objective: Objective | None = None,
        *,
        jobs: int = 1,
        warm_up: WarmUp | None = None,
        output: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.slots = jobs
        self.objective, self._warm_up, self._output = objective, warm_up, output
        self._clock = clock
        self._threads = shared_threads(jobs)
        self._children: list[Worker | None] = [None] * jobs
        self._ended: list[Event] = []
        self._watched = clock()
        self.greeting: object = None

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
            self._ended.extend(self._heard(_POLL))

    def start(self, task: Task, limits: Limits) -> None:
        """See ``Runner.start``."""
        slot = next(i for i, c in enumerate(self._children) if c is None or c.task is None)
        worker = self._ready_child(slot)
        worker.task, worker.limits = task, limits
        worker.started = worker.heard = self._clock()
        worker.peak_memory = None
        if not worker.has_objective:
            worker.send(self.objective)
            worker.has_objective = True
        worker.send(task)

    def wait(self, seconds: float) -> list[Event]:
        """See ``Runner.wait``."""
        until = self._clock() + seconds
        while True:
            events = [*self._ended, *self._heard(max(0.0, min(_POLL, until - self._clock())))]
            self._ended.clear()
            self._watch()
            if events or self._clock() >= until:
                return events

    def answer(self, number: int, remaining: int) -> None:
        """See ``Runner.answer``."""
        # None where it was ended meanwhile, over a limit: its end is on the way.
        for worker in self._busy(number):
            worker.heard = self._clock()
            worker.send(remaining)

    def cancel(self, number: int, failure: Failure) -> None:
        """See ``Runner.cancel``."""
        for worker in self._busy(number):
            self._end(worker, failure)

    def close(self) -> None:
        """See ``Runner.close``."""
        for slot, worker in enumerate(self._children):
            if worker is not None:
                worker.kill()
                self._children[slot] = None

    def processes(self) -> list[int]:
        """Process ids of the children that live."""
        return [c.process.pid or 0 for c in self._children if c and c.process.is_alive()]

    def _busy(self, number: int | None = None) -> list[Worker]:
        """The children at work, or the one at work on that task."""
        busy = [c for c in self._children if c is not None and c.task is not None]
        return [c for c in busy if c.task and number in (None, c.task.number)]

    def _ready_child(self, slot: int) -> Worker:
        worker = self._children[slot]
        if worker is not None and worker.process.is_alive():
            return worker
        if worker is not None:
            worker.kill()
        setup = Setup(self._warm_up, self._threads[slot], self._output)
        self._children[slot] = worker = Worker.spawn(setup, f"trials-{slot}", self._clock())
        return worker

    def _heard(self, seconds: float) -> Iterator[Event]:
        """Events from whatever children have to say within ``seconds``."""
        listening = {c.pipe: c for c in self._children if c is not None}
        if not listening:
            time.sleep(seconds)
            return
        for pipe in connection.wait(list(listening), timeout=seconds):
            worker = listening[pipe]  # type: ignore[index]
            try:
                kind, content = worker.pipe.recv()
            except (EOFError, OSError):
                yield from self._died(worker)
                continue
            worker.heard = self._clock()
            yield from self._message(worker, kind, content)

    def _message(self, worker: Worker, kind: str, content: Any) -> Iterator[Event]:
        if kind == "ready":
            worker.ready, self.greeting = True, content
        elif worker.task is None:
            return
        elif isinstance(content, Epoch):
            yield EpochDone(worker.task.number, content)
        else:
            yield self._finished(worker, content)

    def _finished(self, worker: Worker, failure: Failure | None) -> Ended:
        assert worker.task is not None
        memory = worker.memory()
        ended = Ended(worker.task.number, failure, worker.peak_memory)
        worker.task = None
        # A loss that is no number says nothing about the process.
        if worker.has_grown(memory) or (failure and failure.kind != "nan"):
            self._replace(worker)
        return ended

    def _died(self, worker: Worker) -> Iterator[Event]:
        if worker.task is not None:
            yield Ended(worker.task.number, worker.cause_of_death(), worker.peak_memory)
        self._replace(worker)

    def _end(self, worker: Worker, failure: Failure) -> None:
        assert worker.task is not None
        self._ended.append(Ended(worker.task.number, failure, worker.peak_memory))
        self._replace(worker)

    def _replace(self, worker: Worker) -> None:
        slot = self._children.index(worker)
        worker.kill()
        # The next task starts its successor.
        self._children[slot] = None

    def _watch(self) -> None:
        """Hold every busy child against its limits."""
        # Read once: a sleep between two readings would look like silence.
        now = self._clock()
        self._forgive_sleep(now)
        for worker in self._busy():
            failure = self._over_limit(worker, worker.memory(), now)
            if failure is not None:
                self._end(worker, failure)

    def _forgive_sleep(self, now: float) -> None:
        """Time in which this process stood still, with its machine or alone, counts for nobody."""
        slept = now - self._watched if now - self._watched > _SLEPT else 0.0
        self._watched = now
        for worker in self._busy() if slept else ():
            worker.started = min(now, worker.started + slept)
            worker.heard = min(now, worker.heard + slept)

    def _over_limit(self, worker: Worker, memory: int | None, now: float) -> Failure | None:
        limits = worker.limits
        if limits.memory is not None and memory is not None and memory > limits.memory:
            held, limit = memory / 1e6, limits.memory / 1e6
            return Failure("memory", f"held {held:.0f} MB, over its limit of {limit:.0f} MB")
        if limits.seconds is not None and now - worker.started > limits.seconds:
            return Failure("timeout", f"over its time limit of {limits.seconds:.0f} s")
        silence = limits.silence
        if silence is not None and not worker.ready:
            silence = max(silence, _START_SILENCE)
        if silence is not None and now - worker.heard > silence:
            return Failure("hang", f"no sign of life for {silence:.0f} s")
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
