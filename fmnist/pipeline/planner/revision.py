"""Sizes chosen anew where training costs another time than planned: of what has not begun."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from fmnist.backends.parallelism import parallel_slowdown
from fmnist.pipeline.planner.planner import TimePlanner
from fmnist.pipeline.planner.profiles import FEWEST_EPOCHS, FEWEST_TRIALS, MOST_FINAL
from fmnist.runs.records.plan import RunProfile

# So many times as expensive as reckoned with, or as cheap, and sizes are chosen anew; and so many
# times that for networks of another cost than the base, which is known within a third.
DEPARTURE, _UNSURE = 1.25, 1.35
# Networks whose cost is within this factor of the base's train as fast as it does.
_ALIKE = 1.2
# What the final training gives of its epochs, at most, so that enough trials fit.
_GIVEN_FOR_TRIALS = 0.25


def revise_sizes(
    planner: TimePlanner, seconds: Sequence[float], *, scale: float, cost: float, finished: int
) -> None:
    """Choose sizes anew after a trial, where training departs from the plan.

    The final training keeps its share of the time, but for the fewest epochs that its recipe needs.
    Where after the first trial too few more would fit, it gives a part of its epochs, or the search
    is given back where that is not enough; later on it goes on, since what was found is worth more
    than what it took.

    Args:
        seconds: of the trial's epochs, with ``planner.jobs`` trials at once; the first compiles.
        scale: how many times as long one on all images takes.
        cost: of the trial's network, as a multiple of the base.
        finished: trials so far.
    """
    if planner.expected_epoch is None:
        return
    slowdown, trial = parallel_slowdown(planner.jobs), sum(seconds)
    epoch = scale * fmean(seconds[1:] or seconds)
    slower = epoch / slowdown / cost / planner.expected_epoch
    departure = DEPARTURE if 1 / _ALIKE < cost < _ALIKE else DEPARTURE * _UNSURE
    if 1 / departure < slower < departure:
        return
    planner.keep_first_plan()
    planner.expected_epoch *= slower
    before = planner.plan.final_epochs
    planner.plan = _with_epochs(planner.plan, before / slower)
    reserve = planner.search_reserve(slowdown * planner.expected_epoch, trial)
    missing = (FEWEST_TRIALS - finished) * trial / planner.jobs
    missing -= planner.budget.remaining() - reserve
    searched = planner.plan.searched
    if searched and finished <= 1 and missing > 0:
        planner.plan = _with_room(planner.plan, math.ceil(missing / planner.expected_epoch))
    text = f"training takes {slower:.2f} times as long as planned"
    if planner.plan.final_epochs != before:
        text += f"; {planner.plan.final_epochs} epochs of the final training in place of {before}"
    if searched and not planner.plan.searched:
        text += f"; the search is given back, since fewer than {FEWEST_TRIALS} trials fit"
    planner.note("search", text)


def give_back(planner: TimePlanner, complete: int) -> None:
    """Give a search back that completed too few trials to choose from, so its first one is used."""
    planner.keep_first_plan()
    planner.plan = replace(planner.plan, max_trials=1)
    planner.note(
        "search", f"given back: {complete} of {FEWEST_TRIALS} trials that it needs are complete"
    )


def _with_room(plan: RunProfile, epochs: int) -> RunProfile:
    """With so many epochs less; without a search where these are too many to give."""
    left = plan.final_epochs - epochs
    if plan.stretch > 1 and left >= max(FEWEST_EPOCHS, (1 - _GIVEN_FOR_TRIALS) * plan.final_epochs):
        return _with_epochs(plan, left)
    return replace(plan, max_trials=1)


def _with_epochs(plan: RunProfile, wanted: float) -> RunProfile:
    if plan.stretch == 1:  # the user chose the epochs
        return plan
    fewest, most = min(plan.final_epochs, FEWEST_EPOCHS), max(plan.final_epochs, MOST_FINAL)
    epochs = min(most, max(fewest, round(wanted)))
    # The machine may be fast again: as many epochs as before are still the most.
    stretch = max(plan.stretch, plan.stretch * plan.final_epochs / epochs)
    return replace(plan, final_epochs=epochs, stretch=stretch)
