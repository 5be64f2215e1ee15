"""An engine without Optuna's cost, and what the networks that it suggests are worth."""

import math
from bisect import insort

from fmnist.pipeline.planner.profiles import FEWEST_TRIALS
from search.engines.base import Suggestion
from search.space import Categorical, Float, Int, SearchSpace

SPACE = SearchSpace(
    (
        Int("filters", 16, 64, step=16),
        Int("units", 32, 256, log=True),
        Float("rate", 1e-4, 1e-2, log=True),
        Categorical("batch", (64, 128, 256)),
    )
)


def quality(params, epoch, chance):
    """A validation accuracy: better for larger networks and middling rates, later epochs."""
    fit = 0.02 * params["filters"] / 64 - 0.01 * abs(math.log10(params["rate"]) + 3)
    return 0.9 + fit - 0.1 / (epoch + 1) + chance.gauss(0, 0.003)


class RandomEngine:
    """Suggests at random, half of the time near the best; prunes as the median rule does.

    It stands for one whose study is on the disk: what it was told survives a kill.
    """

    def __init__(self, chance, allowed=lambda params: True):
        self.chance, self.allowed = chance, allowed
        self.asked, self.queue, self.count = {}, [], 0
        self.best, self.best_value, self.complete = {}, 0.0, 0
        self.steps, self.reported = {}, {}
        self.stopped = set()

    def ask(self):
        drawn = (self._params() for _ in range(100))
        found = next((p for p in drawn if self.allowed(p)), None) or self._params()
        params = self.queue.pop(0) if self.queue else found
        suggestion = Suggestion(self.count, params)
        self.count += 1
        self.asked[suggestion.number] = suggestion
        return suggestion

    def report(self, number, step, value):
        earlier = self.steps.setdefault(step, [])
        if (number, step) not in self.reported:
            insort(earlier, value)
            waits = self.complete < FEWEST_TRIALS or step < 3
            go_on = waits or value >= earlier[len(earlier) // 2]
            self.reported[number, step] = go_on
            if not go_on:
                self.stopped.add(number)
        return self.reported[number, step]

    def tell(self, number, state, value):
        params = self.asked.pop(number).params
        self.complete += state == "complete"
        if state == "complete" and value > self.best_value:
            self.best, self.best_value = params, value

    def enqueue(self, params, *, again=False):
        self.queue.append(params)

    def running(self):
        return tuple(self.asked.values())

    def close(self):
        pass

    def _params(self):
        params = {
            "filters": self.chance.choice((16, 32, 48, 64)),
            "units": round(math.exp(self.chance.uniform(math.log(32), math.log(256)))),
            "rate": math.exp(self.chance.uniform(math.log(1e-4), math.log(1e-2))),
            "batch": self.chance.choice((64, 128, 256)),
        }
        if self.best and self.chance.random() < 0.5:
            kept = self.chance.sample(sorted(self.best), 2)
            params.update({name: self.best[name] for name in kept})
        return params
