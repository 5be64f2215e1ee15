"""Whether ``experiments.json`` holds together, what it can tell, and words for one experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fmnist.analysis.paired_effects import ENOUGH
from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.runs.codec import FactsError
from fmnist.runs.records.ablation import UNDECIDED, VERDICTS, Experiments, Fidelity, Measured

INTERVAL = f"95{text.THIN}% interval"
NEAR_ENOUGH = 0.9
"""Share of the final network's validation accuracy from which small trainings tell of it."""
_OLD_UNDECIDED = "no difference found"


def checked(found: Experiments, file: str, classes: int) -> Experiments:
    """The experiments, without a verdict where there were too few seeds for one.

    Raises:
        FactsError: names the entry that breaks a rule which the types do not say.
    """
    for e in found.experiments:
        _check(e, f"{file}: {e.key}")
        _check_confusions(e, f"{file}: {e.key}", classes)
    if found.experiments and (found.base is None or found.fidelity is None):
        raise FactsError(f"{file}: experiments need their base and their fidelity")
    return replace(found, experiments=tuple(_judged(e) for e in found.experiments))


def _check(e: Measured, where: str) -> None:
    fractions = (e.accuracy, e.base_accuracy, e.p, e.p_holm)
    if not all(0 <= x <= 1 for x in fractions):
        raise FactsError(f"{where}: accuracies and p-values must lie between 0 and 1")
    if not all(low <= e.difference <= high for low, high in (e.interval, e.shown_interval)):
        raise FactsError(f"{where}: the difference must lie within its interval")
    if e.verdict not in (*VERDICTS, _OLD_UNDECIDED):
        raise FactsError(f"{where}: verdict must be one of {', '.join(VERDICTS)}")


def _check_confusions(e: Measured, where: str, classes: int) -> None:
    for counts in (e.confusions.base, e.confusions.variant) if e.confusions else ():
        answers = sum(map(sum, counts))
        if {len(counts), *map(len, counts)} != {classes} or answers != e.validation * e.seeds:
            raise FactsError(
                f"{where}: each confusion matrix must hold {e.validation} images of {e.seeds} "
                f"seeds in {classes} by {classes} classes"
            )


def _judged(e: Measured) -> Measured:
    open_ = e.seeds < ENOUGH or e.verdict == _OLD_UNDECIDED
    return replace(e, verdict=UNDECIDED) if open_ else e


def informative(facts: Facts) -> bool:
    """Whether there are experiments that tell something of the final training."""
    found = facts.experiments
    return found is not None and bool(found.experiments) and not doubt(facts)


def doubt(facts: Facts) -> str:
    """Why the experiments say nothing about the final training; empty where they do."""
    found = facts.experiments
    if found is None or found.base is None or found.fidelity is None:
        return ""
    reasons = []
    if found.fidelity.seeds < ENOUGH:
        seeds = text.counted(found.fidelity.seeds, "seed")
        reasons.append(
            f"With {seeds} two trained networks are compared, not two configurations: how much "
            "trainings differ by chance is not known."
        )
    reached = facts.history.chosen.val_accuracy if facts.history else None
    if reached is not None and found.base.accuracy < NEAR_ENOUGH * reached:
        reasons.append(
            f"The small trainings reach {text.percent(found.base.accuracy, digits=1)}, less than "
            f"{text.percent(NEAR_ENOUGH, digits=0)} of the {text.percent(reached, digits=1)} of "
            "the final one."
        )
    return " ".join(reasons)


def effort(facts: Facts) -> str:
    """How much the small trainings see and reach, beside the final one."""
    found, history = facts.experiments, facts.history
    if found is None or found.base is None or found.fidelity is None or history is None:
        return ""
    size, batch = found.fidelity, facts.best.values().get("batch_size", 0) if facts.best else 0
    steps = f" in {text.count(max(1, size.images // batch) * size.epochs)} steps" if batch else ""
    final = history.training_images * len(history.epochs)
    return (
        f"These trainings see {text.count(size.effort)} images{steps} and reach "
        f"{text.percent(found.base.accuracy, digits=1)}; the final network saw {text.count(final)} "
        f"and reached {text.percent(history.chosen.val_accuracy, digits=1)} on validation images."
    )


def size(found: Fidelity) -> str:
    """``6,000 images for 3 epochs, 2 seeds each``."""
    seeds = "with one seed" if found.seeds == 1 else f"with {found.seeds} seeds each"
    return (
        f"{text.counted(found.images, 'image')} for {text.counted(found.epochs, 'epoch')}, {seeds}"
    )


def span(e: Measured, *, adjusted: bool = False) -> str:
    """An interval in percentage points: ``−0.30 to 0.72``."""
    bounds = e.shown_interval if adjusted else e.interval
    low, high = (text.signed_points(bound, digits=e.digits) for bound in bounds)
    return f"{low} to {high}"


def confused(e: Measured, names: Sequence[str]) -> str:
    """The confusion whose count changes most, told as a count: single ones are not tested.

    Args:
        names: of the classes; empty where no answers were kept.
    """
    if e.confusions is None:
        return ""
    base, variant = (np.array(counts) for counts in (e.confusions.base, e.confusions.variant))
    change = np.abs(variant - base)
    np.fill_diagonal(change, 0)
    true, other = (int(k) for k in np.unravel_index(change.argmax(), change.shape))
    shares = (text.percent(m[true, other] / base[true].sum(), digits=1) for m in (base, variant))
    if not change.any():
        return "Both confuse the same classes equally often."
    before, after = shares
    return (
        f"The confusion that changes most is {names[true]} taken for {names[other]}: {before} of "
        f"its images as it is, {after} {e.title}. Single confusions are counted and not tested."
    )


def methods(found: Experiments) -> str:
    """How the intervals were found, in words."""
    names = list(dict.fromkeys(e.method for e in found.experiments))
    return text.listing(names)
