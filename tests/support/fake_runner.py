"""A runner without processes for tests of the study: objectives are generators on a fake clock."""

from collections.abc import Callable, Generator

from search.records import Epoch, Failure, TrialError
from search.tasks import Ended, EpochDone, Event, Limits, Task

Objective = Callable[[Task], Generator[Epoch, int, None]]


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Inline:
    """Steps every task in turn; a ``Failure`` that an objective yields ends it that way."""

    def __init__(self, objective: Objective, slots: int = 1) -> None:
        self.objective, self.slots = objective, slots
        self.tasks: list[Task] = []
        self.limits: list[Limits] = []
        self._events: list[Event] = []
        self._under_way: dict[int, Generator[Epoch, int, None]] = {}

    def start(self, task, limits):
        self.tasks.append(task)
        self.limits.append(limits)
        self._under_way[task.number] = self.objective(task)
        self._step(task.number, None)

    def wait(self, seconds):
        events, self._events = self._events, []
        return events

    def answer(self, number, remaining):
        if remaining:
            self._step(number, remaining)
        else:
            self._end(number)

    def cancel(self, number, failure):
        if number in self._under_way:
            self._end(number, failure)

    def close(self):
        self._under_way.clear()

    def _step(self, number, remaining):
        try:
            made = self._under_way[number].send(remaining)
        except StopIteration:
            self._end(number)
        except TrialError as error:
            self._end(number, Failure(error.kind, str(error)))
        else:
            if isinstance(made, Failure):
                self._end(number, made)
            else:
                self._events.append(EpochDone(number, made))

    def _end(self, number, failure=None):
        self._under_way.pop(number).close()
        self._events = [e for e in self._events if e.number != number]
        self._events.append(Ended(number, failure, 1000))


def epoch(number, value, seconds=1.0, **changes):
    """An epoch whose accuracies are ``value``."""
    numbers = {"accuracy": value, "loss": 1 - value, "val_accuracy": value, "val_loss": 1 - value}
    return Epoch(epoch=number, seconds=seconds, **{**numbers, **changes})


def toy(clock, *, seconds=1.0):
    """Reaches the parameter ``x`` in the last epoch, ``seconds`` an epoch."""

    def objective(task):
        number, remaining = 0, task.epochs
        while remaining:
            number += 1
            clock.now += seconds
            remaining = yield epoch(number, task.params["x"] * number / task.epochs, seconds)

    return objective
