"""What the search brought, and where its best values lie: numbers or None."""

from __future__ import annotations

from typing import Any

from fmnist.report.facts import Facts
from fmnist.report.narrative import results
from search.analysis.results import Confirmation
from search.space import Float

Numbers = dict[str, Any] | None
# Learning rates so many times apart at most are those near one of them.
_NEAR = 10.0


def ranges(facts: Facts) -> str:
    """Why the ranges are as narrow as they are; empty where the plan did not narrow them."""
    plan = facts.plan
    rate = next((p for p in facts.space or () if p.name == "learning_rate"), None)
    near = isinstance(rate, Float) and rate.high <= _NEAR * rate.low
    if plan is None or plan.sizes.most_cost is None or not near:
        return ""
    return (
        "Costlier networks are left out for the final training’s sake, smaller batches and distant "
        "learning rates because short trials tend to favour them; what is not searched was set "
        "beforehand, by validation images of this data set."
    )


def _confirmed(facts: Facts) -> Confirmation | None:
    found = facts.confirmation
    return found if found and found.seeds and len(found.candidates) > 1 else None


def start_kept(facts: Facts) -> Numbers:
    """The configuration that the search began with was kept after runs on fresh seeds."""
    found = _confirmed(facts)
    if found is None or found.start is None or found.start != found.winner:
        return None
    return {"candidates": len(found.candidates), "kept": found.start_kept}


def search_helped(facts: Facts) -> Numbers:
    """The winner leads the start on fresh seeds, with its whole interval."""
    found = _confirmed(facts)
    gain = found.gain if found else None
    return {"gain": gain, "found": found} if gain and gain.interval[0] > 0 else None


def search_unclear(facts: Facts) -> Numbers:
    """The winner's lead over the start may be chance."""
    found = _confirmed(facts)
    gain = found.gain if found else None
    return {"gain": gain, "found": found} if gain and gain.interval[0] <= 0 else None


def edges(facts: Facts) -> Numbers:
    """Values of the configuration lie at an end of what was searched."""
    found = results.at_the_edge(facts) if facts.by_search else []
    return {"sentence": " ".join(found)} if found else None
