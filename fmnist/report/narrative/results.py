"""What the numbers of a run say, in sentences: each computed, none written by hand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import binomtest

from fmnist.analysis.intervals import newcombe
from fmnist.config.config import RULES
from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.narrative import training
from fmnist.report.narrative.failures import out_of_time
from fmnist.runs.records.metrics import ClassScore, History, Metrics, SingleView, TestScore
from fmnist.runs.records.score import Score
from search.records import Trial
from search.space import Categorical, Parameter
from search.study.running_trial import is_infeasible

CLEAR_RISE, VISIBLE_RISE, _HARDLY = 0.10, 0.02, 0.01
"""Relative rise of the validation loss over its minimum, see ``overfitting``."""
VISIBLE_GAP = 0.02
FEWEST_EPOCHS = 5
"""Of a training whose curves say something."""
FEW_TRIALS = 10
"""Complete trials below which what is seen in the trials of a search has no power."""
EDGE = 0.02
"""Share of a range that counts as its edge."""
LEVEL = 0.05
ENOUGH_EPOCHS = 0.9
"""Share of the planned epochs with which a training is as long as planned."""


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
    """Verdict on the training: ``clear``, ``mild``, ``none`` or ``open``, with its numbers.

    ``gap`` is the accuracy of the kept weights on plain training images minus that on test images,
    which chose no epoch, None where not measured; ``rise`` is how far the last validation loss lies
    above the lowest, as a share of the lowest.
    """

    verdict: str
    gap: float | None
    rise: float
    lowest_epoch: int
    sentence: str


def earlier_runs(facts: Facts) -> str:
    """What the search learnt from earlier runs, and how many of its trials did; empty if none."""
    prior, used = facts.prior, sum(t.prior for t in facts.trials)
    if prior is None or not used:
        return ""
    names, earlier = [s.name for s in prior.studies], sum(s.trials for s in prior.studies)
    return (
        f"The search knew {text.counted(len(names), 'earlier run')} on the same data "
        f"({text.listing(names)}; {text.counted(earlier, 'trial')}). Of "
        f"{text.counted(len(facts.trials), 'new trial')} {used} used them: they tried what had "
        "won there, then what TPE suggests by the trials of all runs, the earlier ones counted by "
        "rank within their run. The others took no notice of them. Test results of "
        "earlier runs played no part."
    )


def confusions(test: TestScore, true: str | None = None) -> list[Confusion]:
    """All kinds of error with at least one image, or those of one class, most frequent first."""
    names, errors = [c.name for c in test.classes], max(test.n - test.correct, 1)
    rows = range(len(names)) if true is None else [names.index(true)]
    found = []
    for i in rows:
        counts = test.confusion[i]
        support = sum(counts)
        found += [
            Confusion(names[i], names[j], n, support, n / errors)
            for j, n in enumerate(counts)
            if n and i != j
        ]
    return sorted(found, key=lambda c: -c.count)


def hardest(test: TestScore) -> ClassScore:
    """The class of the lowest recall among those with images."""
    return min(test.tested_classes, key=lambda c: c.recall)


def easiest(test: TestScore) -> ClassScore:
    """The class of the highest recall among those with images."""
    return max(test.tested_classes, key=lambda c: c.recall)


def uneven(count: int, back: int, classes: int) -> bool:
    """Whether one direction of the most frequent of all pairs is more frequent than chance."""
    pairs = classes * (classes - 1) / 2
    return bool(binomtest(count, count + back).pvalue < LEVEL / pairs)


def overfitting(history: History, seen: SingleView | None = None) -> Overfitting:
    """Judge overfitting by the kept weights on plain images, and by the validation loss.

    Clear: the validation loss ends more than 10 % above its minimum while the training loss
    went on falling. Mild: it ends more than 2 % above, or plain training images are classified more
    than two points better than test images. None: neither. Open: fewer than five epochs, or
    the gap was not measured; accuracy on augmented batches says nothing about it.
    """
    lowest = min(history.epochs, key=lambda e: e.val_loss)
    last = history.epochs[-1]
    rise = last.val_loss / lowest.val_loss - 1 if lowest.val_loss > 0 else 0.0
    learnt = seen.training if seen else None
    gap = learnt.accuracy - seen.test.accuracy if learnt and seen else None
    if len(history.epochs) < FEWEST_EPOCHS:
        verdict = "open"
    elif rise > CLEAR_RISE and last.loss < lowest.loss:
        verdict = "clear"
    elif rise > VISIBLE_RISE or (gap is not None and gap > VISIBLE_GAP):
        verdict = "mild"
    else:
        verdict = "open" if gap is None else "none"
    parts = (_opening(verdict, len(history.epochs)), gap_measured(seen), _rise(history, rise))
    return Overfitting(verdict, gap, rise, lowest.epoch, " ".join(s for s in parts if s))


def lacking_epochs(facts: Facts) -> tuple[int, int] | None:
    """Epochs of the final training, had and planned, where it had clearly fewer."""
    if facts.history is None or facts.plan is None:
        return None
    had, planned = len(facts.history.epochs), facts.plan.winner_epochs
    return (had, planned) if had < ENOUGH_EPOCHS * planned else None


def _opening(verdict: str, epochs: int) -> str:
    if epochs < FEWEST_EPOCHS:
        return f"Overfitting cannot be judged from {text.counted(epochs, 'epoch')}."
    return {
        "clear": "The network overfits clearly.",
        "mild": "The network overfits mildly.",
        "none": "The network overfits little.",
        "open": "Whether the network overfits cannot be judged: its accuracy on plain training "
        "images was not measured in this run.",
    }[verdict]


def gap_measured(seen: SingleView | None) -> str:
    """How much better the kept weights do on images that they learnt; empty where not known."""
    if seen is None or seen.training is None:
        return ""
    learnt, chose, new = seen.training, seen.validation, seen.test
    bounds = newcombe(learnt.correct, learnt.n, new.correct, new.n)
    return (
        f"From the image alone the kept weights classify {text.percent(learnt.accuracy)} of "
        f"{text.count(learnt.n)} plain training images correctly, {text.percent(chose.accuracy)} "
        f"of the validation images, by which their epoch was chosen, and "
        f"{text.percent(new.accuracy)} of the test images, which chose nothing: to these a gap of "
        f"{text.signed_points(learnt.accuracy - new.accuracy)} percentage points (95"
        f"{text.THIN}% interval {text.point_span(bounds)})."
    )


def _rise(history: History, rise: float) -> str:
    lowest, last = min(history.epochs, key=lambda e: e.val_loss).epoch, history.epochs[-1].epoch
    if lowest == last:
        return f"Validation loss was lowest in the last epoch, {last}."
    if lowest == last - 1 and rise < _HARDLY:
        return f"Validation loss was lowest in epoch {lowest}, the last but one."
    if rise < _HARDLY:
        return f"Validation loss was lowest in epoch {lowest} and hardly rose after it."
    above = text.percent(rise, digits=1)
    return f"Validation loss, lowest in epoch {lowest}, ends {above} above that."


def validation_against_test(facts: Facts) -> str:
    """Whether the test accuracy differs from the validation accuracy by more than chance."""
    metrics = facts.metrics
    if metrics is None:
        return ""
    validation, test = metrics.validation, metrics.test
    difference = validation.accuracy - test.accuracy
    later = " The validation figure is from before the refit." if facts.refit_used else ""
    if abs(difference) < 0.00005:
        return f"Validation and test accuracy are the same.{later}"
    side = "below" if difference > 0 else "above"
    return (
        f"Test accuracy lies {text.points(abs(difference))} {side} the validation accuracy of "
        f"{text.percent(validation.accuracy, validation.n)}; {_judged(metrics)}{later}"
    )


def _judged(metrics: Metrics) -> str:
    """Whether two samples of one network differ so much; no cause is measured, so none is told."""
    gap = usual_gap(metrics.validation, metrics.test)
    usual = f"two samples of these sizes usually differ by up to {text.points(gap)}"
    if by_chance(metrics):
        return f"{usual}, so a bias below that would not be seen."
    causes = ""
    if metrics.validation.accuracy > metrics.test.accuracy:
        causes = (
            " Possible reasons are the choice on the validation images, and test images that are a "
            "little different; which of them was not measured."
        )
    return f"{usual}, so this is more than chance in drawing images.{causes}"


def usual_gap(one: Score, other: Score) -> float:
    """What the accuracies on two samples of these sizes differ by at most, in 95 of 100 cases."""
    return 1.96 * math.sqrt(sum(s.accuracy * (1 - s.accuracy) / s.n for s in (one, other)))


def by_chance(metrics: Metrics) -> bool:
    """Whether validation and test accuracy differ no more than two samples of one share do."""
    validation, test = metrics.validation, metrics.test
    return abs(validation.accuracy - test.accuracy) <= usual_gap(validation, test)


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
            f"{len(history.epochs)}: a trial is "
            f"{text.percent(images * epochs / _seen(history), digits=0)} of that effort, and "
            "reaches lower accuracies"
        )
    return sentence + "."


def _seen(history: History) -> int:
    return history.training_images * len(history.epochs)


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
    later = sum(t.number > best.number for t in complete)
    cut = any(t.number > best.number and t.state == "pruned" for t in trials)
    values = sorted((t.value for t in complete if t.value is not None), reverse=True)
    sentence = f"The best value came in trial {best.number}"
    if later:
        sentence += f"; {text.counted(later, 'later trial')} that ran to the end did not reach it"
    elif len(complete) > 1 or not cut:
        sentence += ", the last that ran to its end: a longer search may find a better one"
    else:
        sentence += ", the only one that ran to its end"
    if len(values) > 1:
        sentence += (
            f". The second best is {text.points(values[0] - values[1])} behind; that means little "
            "without the spread between two runs of one configuration"
        )
    return sentence + "."


def edges(facts: Facts) -> list[Parameter]:
    """The numbers whose chosen value lies at an end of the searched range, and could lie beyond."""
    values = facts.best.values() if facts.best else {}
    return [p for p in facts.space or () if p.name in values and _at_an_end(p, values[p.name])]


def at_the_edge(facts: Facts) -> list[str]:
    """A sentence on ``edges``, and one where the plan left out the networks beyond them."""
    found = edges(facts)
    bounded = bool(facts.plan and facts.plan.sizes.most_cost is not None)
    values = facts.best.values() if facts.best else {}
    largest = [p for p in found if bounded and _is_largest_size(p, values[p.name])]
    told = _told_edges([p.name for p in found if p not in largest], values)
    why = "Larger filter counts were not searched, to leave the final training its epochs."
    return told + [why] * bool(largest)


def _is_largest_size(p: Parameter, value: Any) -> bool:
    return p.name.startswith("filters_") and not isinstance(p, Categorical) and value == p.high


def _told_edges(names: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    if not names:
        return []
    several = len(names) > 1
    found = text.listing([f"{text.title_case(n)} ({text.value(values[n])})" for n in names])
    return [
        f"{found[0].upper()}{found[1:]} {'lie' if several else 'lies'} at an end of the searched "
        f"{'ranges: wider ones' if several else 'range: a wider one'} may hold better values."
    ]


def _at_an_end(p: Parameter, value: Any) -> bool:
    rule = RULES.get(p.name)
    if isinstance(p, Categorical) or p.low == p.high or (rule and value == p.low == rule.low):
        return False
    low, high, place = float(p.low), float(p.high), float(value)
    if p.log:
        low, high, place = (math.log(max(v, low)) for v in (low, high, place))
    return not EDGE < (place - low) / (high - low) < 1 - EDGE


def state_of(trial: Trial) -> str:
    """The state in words, with what ended a trial that was not the pruner or a failure."""
    if is_infeasible(trial):
        return "above a limit"
    if out_of_time(trial):
        return "out of time"
    return "cut off" if trial.stopped_by == "clock" else trial.state


def states(trials: Sequence[Trial]) -> dict[str, int]:
    """Number of trials in each state that occurs; those there was no time for stand apart."""
    counts = Counter(state_of(t) for t in trials)
    order = ("complete", "pruned", "cut off", "failed", "out of time", "above a limit")
    return {state: counts[state] for state in order if counts[state]}
