"""Whether the probabilities can be trusted, and what one temperature makes of them: sentences."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.runs.records.calibration import Calibration


def verdict(facts: Facts) -> str:
    """How far probability and accuracy are apart, which way, and whether chance explains it."""
    found = _found(facts)
    if found is None or facts.metrics is None:
        return ""
    before, accuracy = found.before, facts.metrics.test.accuracy
    gap = before.mean_confidence - accuracy
    sentence = (
        f"The network states a mean probability of {text.percent(before.mean_confidence)} for the "
        f"class it predicts and is right in {text.percent(accuracy)} of the cases. Bin by bin "
        f"the two differ by {text.points(before.ece)} on average, the expected calibration error "
        "(ECE)"
    )
    if before.within_chance:
        return (
            f"{sentence}: no more than a perfectly calibrated network would show by chance "
            f"(95{text.THIN}% of samples stay below {text.points(before.ece_by_chance)})."
        )
    return (
        f"{sentence}, more than the {text.points(before.ece_by_chance)} that chance explains: "
        f"{_side(gap, before.ece)}.{cause(facts)}"
    )


def _side(gap: float, ece: float) -> str:
    if abs(gap) < ece / 2:
        return "its probabilities are in part too high, in part too low"
    return f"its probabilities are too {'high' if gap > 0 else 'low'} (it is " + (
        "over-confident)" if gap > 0 else "under-confident)"
    )


def underconfident(facts: Facts) -> bool:
    """Whether the network states less, on average, than it is right."""
    found = _found(facts)
    if found is None or facts.metrics is None:
        return False
    return found.before.mean_confidence < facts.metrics.test.accuracy


def cause(facts: Facts) -> str:
    """Why a network of label smoothing states too little: that is no defect."""
    c = facts.best.values() if facts.best else {}
    smoothing = c.get("label_smoothing")
    if not smoothing or not underconfident(facts):
        return ""
    aim = 1 - smoothing + smoothing / len(facts.class_names)
    return (
        f" That is expected: label smoothing of {text.value(smoothing)} asks for a probability of "
        f"{text.percent(aim, digits=0)}, not of certainty."
    )


def scaling(facts: Facts) -> str:
    """What the temperature is, where it is from, and what it changes."""
    found = _found(facts)
    if found is None:
        return ""
    before, after = found.before, found.after
    return (
        "Temperature scaling divides the logarithms of the probabilities by one number, here "
        f"{found.temperature:.2f}, and normalises again; it was fitted on {_images(facts, found)}. "
        f"It {_way(found)} the probability of every predicted class and changes no prediction, so "
        "the accuracy stays. The ECE goes from "
        f"{text.percent(before.ece)} to {text.percent(after.ece)}, the "
        f"loss from {text.loss(before.loss)} to {text.loss(after.loss)}.{_left(found)} Only here "
        "are probabilities scaled: all others of this report are as the network gives them."
    )


def _left(found: Calibration) -> str:
    if found.after.within_chance:
        return ""
    return (
        f" That still is above the {text.percent(found.after.ece_by_chance)} that chance explains: "
        "one temperature does not mend it wholly."
    )


def _found(facts: Facts) -> Calibration | None:
    return facts.metrics.calibration if facts.metrics else None


def _images(facts: Facts, found: Calibration) -> str:
    images = f"the {text.count(found.fitted_on.n)} validation images"
    if not facts.refit_used:
        return images
    return (
        f"{images} with the network before the refit, since the final one has learnt them; that "
        "it fits the final one too is an assumption"
    )


def _way(found: Calibration) -> str:
    return "raises" if found.temperature < 1 else "lowers"
