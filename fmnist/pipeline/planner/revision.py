"""Sizes chosen anew where training costs another time than planned: of what has not begun."""

from __future__ import annotations

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


def revise_sizes(
    planner: TimePlanner, seconds: Sequence[float], *, scale: float, cost: float, finished: int
) -> None:
    """Choose sizes anew after a trial, where training departs from the plan.

    The final training keeps its share of the time, but for the fewest epochs that its recipe needs.
    After the first trial the search is given back where too few more would fit; later on it goes
    on, since what was found is worth more than what it took.

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
    planner.plan = _revised(planner.plan, slower)
    text = f"training takes {slower:.2f} times as long as planned"
    if planner.plan.final_epochs != before:
        text += f"; {planner.plan.final_epochs} epochs of the final training in place of {before}"
    reserve = planner.search_reserve(slowdown * planner.expected_epoch, trial)
    fitting = finished + planner.jobs * (planner.budget.remaining() - reserve) / trial
    if planner.plan.searched and finished <= 1 and fitting < FEWEST_TRIALS:
        planner.plan = replace(planner.plan, max_trials=1)
        text += f"; the search is given back, since fewer than {FEWEST_TRIALS} trials fit"
    planner.note("search", text)


def _revised(plan: RunProfile, slower: float) -> RunProfile:
    if plan.stretch == 1:  # the user chose the epochs
        return plan
    fewest, most = min(plan.final_epochs, FEWEST_EPOCHS), max(plan.final_epochs, MOST_FINAL)
    epochs = min(most, max(fewest, round(plan.final_epochs / slower)))
    # The machine may be fast again: as many epochs as before are still the most.
    stretch = max(plan.stretch, plan.stretch * plan.final_epochs / epochs)
    return replace(plan, final_epochs=epochs, stretch=stretch)
