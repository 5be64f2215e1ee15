"""What the suites of the engines share: a space, a study by hand, its log."""

import math

from search.engines import SAMPLERS_OF, open_engine
from search.engines.trial_store import NAMES
from search.records import Epoch, Trial
from search.space import Float, Int, SearchSpace

SPACE = SearchSpace((Int("a", 1, 9, step=4), Float("x", 0.001, 1.0, log=True)))
FILES = {"optuna": "study.db", "keras-tuner": "engine.json"}
PAIRS = [(name, sampler) for name, samplers in SAMPLERS_OF.items() for sampler in samplers]
NONE = {"complete": 0, "pruned": 0, "failed": 0}


def counts(engine):
    """How many trials it has stored in each state that is an end."""
    trials = engine._rows if hasattr(engine, "_rows") else engine._store.trials()
    names = [NAMES.get(t.state, t.state) for t in trials]
    return {state: names.count(state) for state in NONE}


class Bench:
    """Opens engines of one kind on one folder, one at a time, and keeps their log."""

    def __init__(self, folder, name, sampler):
        self.folder, self.name, self.sampler = folder, name, sampler
        self.path = folder / FILES[name]
        self.log = []
        self.engine = None

    def open(self, space=SPACE, **options):
        self.close()
        # Nine epochs: three rounds of Hyperband; ten trials: Bayesian search learns after five.
        options = {"sampler": self.sampler, "seed": 1, "epochs": 9, "max_trials": 10, **options}
        self.engine = open_engine(self.name, self.folder, space, **options)
        return self.engine

    def close(self):
        if self.engine is not None:
            self.engine.close()
            self.engine = None

    def ask(self, n):
        return [self.engine.ask() for _ in range(n)]

    def end(self, suggestion, state="complete", steps=2, *, tell=True):
        """Report ``steps`` values, record the trial and tell of it."""
        value = score(suggestion.params)
        values = [value * step / steps for step in range(1, steps + 1)]
        for step, reported in enumerate(values, start=1):
            self.engine.report(suggestion.number, step, reported)
        ended = record(suggestion, state, values)
        self.log.append(ended)
        if tell:
            self.engine.tell(ended.number, state, ended.value)
        return ended

    def run(self, n):
        found = []
        for _ in range(n):
            found += self.ask(1)
            self.end(found[-1])
        return found


def score(params):
    return 1 - (math.log10(params["x"]) + 1) ** 2 / 4 - params["a"] / 100


def record(suggestion, state, values):
    epochs = tuple(Epoch(e, 0.0, 1.0, v, 1.0, 1.0) for e, v in enumerate(values, start=1))
    value = None if state == "failed" else values[-1]
    return Trial(suggestion.number, state, suggestion.params, value, epochs, 1, "", 1.0)
