"""What the numbers of a run say, in sentences: each computed, none written by hand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.narrative import training
from fmnist.report.narrative.failures import out_of_time
from fmnist.runs.records.metrics import ClassScore, History, Metrics, TestScore
from fmnist.runs.records.run import BestConfig
from search.records import Trial
from search.space import Categorical, Parameter, SearchSpace

CLEAR_RISE, VISIBLE_RISE = 0.10, 0.02
"""Relative rise of the validation loss over its minimum, see ``overfitting``."""
VISIBLE_GAP = 0.02
EDGE = 0.02
"""Share of a range that counts as its edge."""


@dataclass(frozen=True)
class Confusion:
    """One kind of error: ``count`` of ``support`` images of ``true`` taken for ``predicted``."""

    true: str
    predicted: str
    count: int
    support: int
    share_of_errors: float


@dataclass(frozen=True)
class Overfitting:
    """Verdict on the curves: ``clear``, ``mild`` or ``none``, with its numbers.

    ``gap`` is training minus validation accuracy at the chosen epoch; ``rise`` is how far the
    last validation loss lies above the lowest, as a share of the lowest.
    """

    verdict: str
    gap: float
    rise: float
    lowest_epoch: int
    sentence: str


def confusions(test: TestScore) -> list[Confusion]:
    """All kinds of error with at least one image, the most frequent first."""
    names = [c.name for c in test.classes]
    errors = max(test.n - test.correct, 1)
    found = [
        Confusion(names[i], names[j], n, sum(row), n / errors)
        for i, row in enumerate(test.confusion)
        for j, n in enumerate(row)
        if i != j and n
    ]
    return sorted(found, key=lambda c: -c.count)


def hardest(test: TestScore) -> ClassScore:
    """The class of the lowest recall among those with images."""
    return min((c for c in test.classes if c.support), key=lambda c: c.recall)


def easiest(test: TestScore) -> ClassScore:
    """The class of the highest recall among those with images."""
    return max((c for c in test.classes if c.support), key=lambda c: c.recall)


def overfitting(history: History) -> Overfitting:
    """Read over-fitting from the curves of the final training.

    Clear: the validation loss ends more than 10 % above its minimum while the training loss
    went on falling. Mild: it ends more than 2 % above, or training accuracy is more than two
    points above validation accuracy. None: otherwise.
    """
    lowest = min(history.epochs, key=lambda e: e.val_loss)
    last, chosen = history.epochs[-1], history.chosen
    rise = last.val_loss / lowest.val_loss - 1 if lowest.val_loss > 0 else 0.0
    gap = chosen.accuracy - chosen.val_accuracy
    falling = last.loss < lowest.loss
    if rise > CLEAR_RISE and falling:
        verdict = "clear"
    elif rise > VISIBLE_RISE or gap > VISIBLE_GAP:
        verdict = "mild"
    else:
        verdict = "none"
    sentence = _overfitting_sentence(verdict, gap, rise, lowest.epoch, last.epoch)
    return Overfitting(verdict, gap, rise, lowest.epoch, sentence)


def _overfitting_sentence(verdict: str, gap: float, rise: float, lowest: int, last: int) -> str:
    opening = {
        "clear": "The curves show clear overfitting",
        "mild": "The curves show mild overfitting",
        "none": "The curves show no overfitting",
    }[verdict]
    side = "above" if gap >= 0 else "below"
    sentence = (
        f"{opening}: at the chosen epoch training accuracy lies {text.points(abs(gap))} {side} "
        "validation accuracy"
    )
    if lowest == last:
        return f"{sentence}, and validation loss was lowest in the last epoch, {last}."
    return (
        f"{sentence}, and validation loss, lowest in epoch {lowest}, ends "
        f"{text.percent(rise, digits=1)} above that."
    )


def validation_against_test(facts: Facts) -> str:
    """Whether the test accuracy differs from the validation accuracy by more than chance."""
    metrics = facts.metrics
    if metrics is None:
        return ""
    chosen = "the configuration and the epoch were" if facts.by_search else "the epoch was"
    validation, test = metrics.validation, metrics.test
    difference = validation.accuracy - test.accuracy
    later = " The validation figure is from before the refit." if facts.refit_used else ""
    if abs(difference) < 0.00005:
        return f"Validation and test accuracy are the same.{later}"
    side = "below" if difference > 0 else "above"
    usual = by_chance(metrics)
    return (
        f"Test accuracy lies {text.points(abs(difference))} {side} the validation accuracy of "
        f"{text.percent(validation.accuracy, validation.n)}, "
        + (
            "a difference that the two sample sizes explain by chance alone."
            if usual
            else "more than the two sample sizes explain by chance"
            + (
                f"; {chosen} chosen on the validation images, which flatters them a little, and "
                "they come from the same file as the training images, the test images from another."
                if difference > 0
                else "."
            )
        )
        + later
    )


def by_chance(metrics: Metrics) -> bool:
    """Whether validation and test accuracy differ no more than two samples of one share do."""
    validation, test = metrics.validation, metrics.test
    spread = math.sqrt(sum(s.accuracy * (1 - s.accuracy) / s.n for s in (validation, test)))
    return abs(validation.accuracy - test.accuracy) <= 1.96 * spread


def trial_images(facts: Facts) -> int | None:
    """Number of images a trial trains on; None where the ledger does not tell one."""
    read = {e.n for e in facts.ledger or () if e.stage == "search" and e.split == "train"}
    return read.pop() if len(read) == 1 else None


def trial_effort(facts: Facts) -> str:
    """How much less a trial trains than the final network, from ledger and trials."""
    images, whole = trial_images(facts), facts.run.splits.train
    epochs = max((len(t.epochs) for t in facts.trials), default=0)
    if images is None or not epochs:
        return ""
    share = text.count(images) + (f" of the {text.count(whole)}" if images < whole else "")
    sentence = f"A trial trains on {share} images for at most {text.counted(epochs, 'epoch')}"
    history, final = facts.history, "retraining" if facts.refit_used else "final network"
    if history and (images < history.training_images or epochs < len(history.epochs)):
        sentence += (
            f", the {final} on {text.count(history.training_images)} for "
            f"{len(history.epochs)}, so trials reach lower accuracies than it does"
        )
    return sentence + "."


def stopped_early(facts: Facts) -> str:
    """How many trials were stopped early, and why; empty where none was."""
    stopped = [t for t in facts.trials if t.state == "pruned"]
    n = len(stopped)
    if not n:
        return ""
    trials = f"{text.counted(n, 'trial')} {'was' if n == 1 else 'were'}"
    return f"{trials} stopped early, {training.pruning(facts.run.request, stopped)}."


def search_course(trials: Sequence[Trial], best: Trial) -> str:
    """Where in the search the best trial came."""
    complete = [t for t in trials if t.state == "complete"]
    later = sum(t.number > best.number for t in trials)
    values = sorted((t.value for t in complete if t.value is not None), reverse=True)
    sentence = f"The best value came in trial {best.number}"
    if later == 0:
        sentence += ", the last one: a longer search may find a better configuration"
    else:
        sentence += f"; {text.counted(later, 'later trial')} did not improve on it"
    if len(values) > 1:
        sentence += f". The second best is {text.points(values[0] - values[1])} behind"
    return sentence + "."


def edges(best: BestConfig, space: SearchSpace) -> list[Parameter]:
    """The numbers whose chosen value lies at an end of the searched range."""
    values = best.values()
    return [p for p in space if p.name in values and _at_an_end(p, values[p.name])]


def at_the_edge(best: BestConfig, space: SearchSpace | None) -> list[str]:
    """A sentence on ``edges``, if there are any."""
    names = [p.name for p in edges(best, space)] if space else []
    if not names:
        return []
    values, several = best.values(), len(names) > 1
    found = text.listing([f"{text.title_case(n)} ({text.value(values[n])})" for n in names])
    return [
        f"{found[0].upper()}{found[1:]} {'lie' if several else 'lies'} at an end of the searched "
        f"{'ranges: wider ones' if several else 'range: a wider one'} may hold better values."
    ]


def _at_an_end(p: Parameter, value: Any) -> bool:
    if isinstance(p, Categorical) or p.low == p.high:
        return False
    low, high, place = float(p.low), float(p.high), float(value)
    if p.log:
        low, high, place = (math.log(max(v, low)) for v in (low, high, place))
    return not EDGE < (place - low) / (high - low) < 1 - EDGE


def states(trials: Sequence[Trial]) -> dict[str, int]:
    """Number of trials in each state that occurs; those there was no time for stand apart."""
    counts = Counter(
        "out of time" if out_of_time(t) else "cut off" if t.stopped_by == "clock" else t.state
        for t in trials
    )
    order = ("complete", "pruned", "cut off", "failed", "out of time")
    return {state: counts[state] for state in order if counts[state]}
