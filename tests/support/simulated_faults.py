"""What may happen to the process of a simulated night: kills, and calls that raise once."""

import errno
import math
import os

from simulation import Killed

from search.json_lines import to_line
from search.records import EpochLog, TrialLog

# The calls of a night are some hundreds; the first ones matter as much as all the others.
_CALLS = 600
_KINDS = ("error", "killed before", "killed within", "killed after")


class Faults:
    """Draws what happens, and counts what did.

    Attributes:
        kills: seconds after the start at which the process is killed.
        calls: what happens to which call of engine, journals and markers, counted from 1.
    """

    def __init__(self, chance=None, total=0.0):
        self.chance, self.total, self.count = chance, total, 0
        self.kills, self.calls = [], {}
        if chance is not None:
            kills, calls = chance.choice((0, 0, 0, 1, 1, 2, 4)), chance.choice((0, 0, 1, 1, 2, 4))
            self.kills = sorted(chance.uniform(0, total) for _ in range(kills))
            numbers = [math.exp(chance.uniform(0, math.log(_CALLS))) for _ in range(calls)]
            self.calls = {int(number): chance.choice(_KINDS) for number in numbers}

    def call(self, work, torn=lambda: None):
        """Do ``work`` unless this is a call to which something happens.

        Args:
            torn: what a kill in the middle leaves.
        """
        self.count += 1
        kind = self.calls.pop(self.count, "")
        if kind == "error":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if kind == "killed within":
            torn()
        if kind in ("killed before", "killed within"):
            raise Killed
        result = work()
        if kind == "killed after":
            raise Killed
        return result

    def seconds_away(self):
        """Until somebody repeats the command."""
        shares = (0.0, self.chance.uniform(0, 30), self.chance.uniform(0, 0.1 * self.total))
        return self.chance.choice(shares)

    def lose_checkpoints(self):
        return self.chance.random() < 0.1


class FaultyEngine:
    """An engine whose calls fail as drawn."""

    def __init__(self, engine, faults):
        self.engine, self.faults = engine, faults
        self.running, self.close = engine.running, engine.close

    def ask(self):
        return self.faults.call(self.engine.ask)

    def report(self, *what):
        return self.faults.call(lambda: self.engine.report(*what))

    def tell(self, *what):
        self.faults.call(lambda: self.engine.tell(*what))

    def enqueue(self, params, *, again=False):
        self.faults.call(lambda: self.engine.enqueue(params, again=again))


class FaultyTrialLog(TrialLog):
    """A log whose writes fail as drawn; it counts complete trials as they come."""

    def __init__(self, path, faults):
        super().__init__(path)
        self.faults = faults
        self.complete = sum(t.state == "complete" for t in self.trials)
        self._best = super().best()

    def append(self, trial):
        write = super().append
        self.faults.call(lambda: write(trial), lambda: tear(self.path, trial.to_json()))
        if trial.state == "complete":
            self.complete += 1
            if self._best is None or trial.value > self._best.value:
                self._best = trial

    def best(self):
        return self._best


class FaultyEpochLog(EpochLog):
    """A journal whose writes fail as drawn."""

    def __init__(self, path, faults):
        super().__init__(path)
        self.path, self.faults = path, faults

    def append(self, number, epoch):
        write = super().append
        self.faults.call(lambda: write(number, epoch), lambda: tear(self.path, {"trial": number}))


def tear(path, row):
    """Write half of a line."""
    line = to_line(row)
    with path.open("ab") as file:
        file.write(line[: len(line) // 2])
