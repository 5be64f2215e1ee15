"""What limits the claims of a run, and what would be the next step: numbers or None."""

from __future__ import annotations

from typing import Any

from fmnist.report.facts import Facts
from fmnist.report.handin.performance import (
    DENSE,
    anchor,
    below_strongest,
    lead_over_dense,
    tested,
)
from fmnist.report.narrative.ablation import NEAR_ENOUGH
from fmnist.report.narrative.results import FEW_TRIALS, lacking_epochs
from fmnist.report.narrative.timing import spent
from search.analysis.results import Noise

SEEDS_ADVISED, DOUBTFUL = 3, 3

Numbers = dict[str, Any] | None


def cut_short(facts: Facts) -> Numbers:
    """The final training had less than half of its epochs: the first thing to be known."""
    found = lacking_epochs(facts)
    return {"had": found[0], "planned": found[1]} if found and 2 * found[0] < found[1] else None


def short_training(facts: Facts) -> Numbers:
    """The final training had clearly fewer epochs than planned."""
    found = lacking_epochs(facts)
    return {"had": found[0], "planned": found[1]} if found else None


def few_trials(facts: Facts) -> Numbers:
    """Too few trials ran to their end to say what a hyperparameter is worth."""
    complete = facts.complete_trials
    return {"complete": complete} if facts.by_search and complete < FEW_TRIALS else None


def no_search(facts: Facts) -> Numbers:
    """Nothing was tuned, since the search was given back."""
    return {} if facts.search_given_back else None


def _spread(facts: Facts) -> Noise | None:
    noise = facts.confirmation.noise if facts.confirmation else None
    return noise if noise and noise.sd is not None else None


def unknown_spread(facts: Facts) -> Numbers:
    """No configuration was trained twice."""
    return {} if _spread(facts) is None else None


def one_training_in_short(facts: Facts) -> Numbers:
    """The same for the abstract, where nothing graver stands there."""
    return None if cut_short(facts) else unknown_spread(facts)


def known_spread(facts: Facts) -> Numbers:
    """How far trainings of one configuration are apart."""
    noise = _spread(facts)
    return {"sd": noise.sd, "groups": noise.groups} if noise else None


def validation_chose(facts: Facts) -> Numbers:
    """The validation images made choices, so their accuracy is no measurement."""
    if facts.metrics is None or facts.history is None:
        return None
    return {"n": facts.metrics.validation.n, "searched": facts.by_search}


def small_experiments(facts: Facts) -> Numbers:
    """The trainings of the experiments are too far from the final one."""
    found = facts.experiments
    if found is None or found.base is None or found.fidelity is None or facts.metrics is None:
        return None
    reached, final = found.base.accuracy, facts.metrics.validation
    if reached >= NEAR_ENOUGH * final.accuracy:
        return None
    return {"reached": reached, "final": final, "fidelity": found.fidelity}


def other_effort(facts: Facts) -> Numbers:
    """Published figures come from other effort and cannot be compared image by image."""
    if anchor(facts, DENSE) is None:
        return None
    noted = facts.plan.decisions if facts.plan else ()
    untrained = any(d.stage == "baseline" for d in noted) and lead_over_dense(facts) is None
    return {"untrained": untrained}


def one_data_set(facts: Facts) -> Numbers:
    """What the data leave open, always; fewer words where there are pictures of the author's."""
    similar = facts.gallery.duplicates if facts.gallery else None
    return {"new_data": facts.new_data, "similar": similar}


def ethics(facts: Facts) -> Numbers:
    """Whom the data and the errors concern: known of the published data set alone."""
    data, machine = facts.run.data, facts.environment
    return {
        "verified": data.verified,
        "published": bool(data.published),
        "doubtful": _least_precise(facts),
        "seconds": sum(spent(facts).values()),
        "cores": machine.cores if machine else None,
    }


def _least_precise(facts: Facts) -> list[str]:
    """Up to three classes whose predictions are right less often than the average."""
    test = tested(facts)
    below = [c for c in test.tested_classes if c.precision < test.accuracy]
    return [c.name for c in sorted(below, key=lambda c: c.precision)[:DOUBTFUL]]


def more_epochs(facts: Facts) -> Numbers:
    """The epochs that are missing, and the time that they take at the measured speed."""
    found = lacking_epochs(facts)
    if found is None or facts.history is None:
        return None
    had, planned = found
    seconds = planned * facts.history.epoch_seconds
    return {"missing": planned - had, "planned": planned, "seconds": seconds}


def more_seeds(facts: Facts) -> Numbers:
    """Further trainings that would measure the spread, and the time that they take."""
    if facts.history is None or _spread(facts) is not None:
        return None
    seconds = sum(e.seconds for e in facts.history.epochs)
    return {"seeds": SEEDS_ADVISED, "seconds": SEEDS_ADVISED * seconds}


def as_many_epochs(facts: Facts) -> Numbers:
    """The epochs of the strongest published network, where it is ahead and had more of them."""
    ahead = below_strongest(facts)
    if ahead is None or facts.history is None or more_epochs(facts):
        return None
    published, had = ahead["result"].epochs, len(facts.history.epochs)
    if had >= published:
        return None
    return {**ahead, "published": published, "seconds": published * facts.history.epoch_seconds}


def more_seeds_in_short(facts: Facts) -> Numbers:
    """The same for the conclusion, where no other step comes before it."""
    return None if more_epochs(facts) else more_seeds(facts)
