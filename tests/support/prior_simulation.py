"""Searches of toy objectives, with and without what earlier searches tell."""

from contextlib import nullcontext

import numpy as np
import optuna
from optuna.trial import TrialState

from search.engines.base import Suggestion
from search.engines.optuna import OptunaEngine
from search.engines.prior import Prior, PriorStudy, PriorTrial, rank_trials, thin_out
from search.engines.trial_store import PRIOR, STATES, TrialStore
from search.records import Epoch, Trial
from search.space import Categorical, Float, Int, SearchSpace

SPACE = SearchSpace(
    (
        Int("filters", 16, 64, step=16),
        Int("more_filters", 32, 128, step=32),
        Float("dropout", 0.0, 0.5),
        Float("rate", 1e-3, 4e-2, log=True),
        Categorical("batch", (64, 128, 256)),
    )
)
NOISE = 0.002
"""Standard deviation of an accuracy under another seed."""


class MemoryStore(TrialStore):
    """The trials of a study in memory."""

    worker = ""

    def __init__(self, space=SPACE):
        self.space, self.all = space, []

    def exclusive(self):
        return nullcontext()

    def trials(self):
        return self.all

    def has_room(self):
        return True

    def claim_waiting(self, trials):
        trial = next((t for t in trials if t.state == TrialState.WAITING), None)
        if trial is not None:
            trial.state = TrialState.RUNNING
        return trial

    def create(self, template):
        template.number = len(self.all)
        self.all.append(template)
        return template

    def suggestion(self, trial):
        return Suggestion(trial.number, dict(trial.params), prior=PRIOR in trial.user_attrs)

    def finish(self, number, state, value):
        self.all[number].values = None if value is None else [value]
        self.all[number].state = STATES[state]


class Objective:
    """An accuracy that falls with the distance from ``best``, a point of the unit cube."""

    def __init__(self, best, weights, *, top=0.94, scale=1.0):
        self.best, self.weights, self.top, self.scale = best, weights, top, scale

    def accuracy(self, params):
        distance = np.abs(to_unit(params) - self.best) ** 1.5
        return self.top - self.scale * float(self.weights @ distance)

    def measure(self, params, chance):
        return self.accuracy(params) + chance.normal(0, NOISE * self.scale)


def to_unit(params):
    """A point of ``SPACE`` in the unit cube."""
    rate = np.log(params["rate"] / 1e-3) / np.log(40)
    batch = np.log2(params["batch"] / 64) / 2
    filters = (params["filters"] - 16) / 48, (params["more_filters"] - 32) / 96
    return np.array([*filters, params["dropout"] * 2, rate, batch])


def from_unit(point):
    x = np.clip(point, 0, 1)
    return {
        "filters": 16 + 16 * round(3 * x[0]),
        "more_filters": 32 + 32 * round(3 * x[1]),
        "dropout": float(x[2] / 2),
        "rate": float(np.clip(1e-3 * 40 ** x[3], 1e-3, 4e-2)),
        "batch": 64 * 2 ** round(2 * x[4]),
    }


def search(objective, start, seed, trials, prior=None):
    """Trials of a study that begins with ``start``."""
    store, chance = MemoryStore(), np.random.default_rng(seed)
    engine = OptunaEngine(store, seed=seed, prior=prior)
    engine.enqueue(start)
    records = []
    for number in range(trials):
        suggestion = engine.ask()
        value = objective.measure(suggestion.params, chance)
        engine.tell(number, "complete", value)
        epochs = (Epoch(1, value, 0.1, value, 0.1, 1.0),)
        records.append(
            Trial(number, "complete", suggestion.params, value, epochs, seed, "", 1.0,
                  prior=suggestion.prior)
        )  # fmt: skip
    return records


def reached(objective, records):
    """The accuracy, free of chance, of the trial that looked best."""
    return objective.accuracy(max(records, key=lambda t: t.value).params)


def prior_of(studies, start, most=40):
    """What ``pipeline.prior`` makes of runs, here without files."""
    best, trials = [], []
    for study in studies:
        ranked = rank_trials(study)
        trials += [PriorTrial(t.params, rank) for t, rank in ranked]
        if ranked[0][0].params not in (start, *best):
            best.append(ranked[0][0].params)
    names = tuple(PriorStudy(str(i), len(study)) for i, study in enumerate(studies))
    return Prior(names, tuple(best[:2]), tuple(thin_out(trials, most)))


def case(seed, kind, runs=3, trials=12):
    """An objective, where its searches begin, and what ``runs`` earlier ones tell.

    Args:
        kind: ``helpful``: of objectives with a best point nearby; ``misleading``: half the range
            away in every parameter; ``unrelated``: anywhere; ``noise``: of chance alone.
    """
    chance = np.random.default_rng(seed)
    size = len(SPACE)
    best, weights = chance.uniform(0.15, 0.85, size), 0.1 * chance.dirichlet(np.ones(size))
    start = from_unit(best + chance.normal(0, 0.25, size))
    elsewhere = chance.uniform(0, 1, size)
    studies = []
    for number in range(runs):
        old = {
            "helpful": best + chance.normal(0, 0.08, size),
            "misleading": np.where(best > 0.5, best - 0.5, best + 0.5),
            "unrelated": elsewhere,
            "noise": best,
        }[kind]
        changed = weights * (0 if kind == "noise" else chance.uniform(0.7, 1.4, size))
        # Fewer images or epochs: lower accuracies, further apart.
        top, scale = 0.94 - chance.uniform(0, 0.05), chance.uniform(0.8, 2.0)
        objective = Objective(old, changed, top=top, scale=scale)
        studies.append(search(objective, start, 1000 * seed + number, trials))
    return Objective(best, weights), start, prior_of(studies, start)


def gains(kind, seeds, trials):
    """Accuracy reached with a prior less that without, for each seed."""
    found = []
    for seed in range(seeds):
        objective, start, prior = case(seed, kind)
        both = (search(objective, start, seed, trials, p) for p in (prior, None))
        with_prior, without = (reached(objective, records) for records in both)
        found.append(with_prior - without)
    return np.array(found)


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Points of accuracy after 10 and 20 trials, with a 95 % interval of the mean over 200 seeds.
    for trials in (10, 20):
        for kind in ("helpful", "misleading", "unrelated", "noise"):
            found = 100 * gains(kind, 200, trials)
            spread = 1.96 * found.std(ddof=1) / len(found) ** 0.5
            print(f"{trials} {kind}: median {np.median(found):+.2f}, mean {found.mean():+.2f} ± "
                  f"{spread:.2f}", flush=True)  # fmt: skip
