"""The final network in sentences: what it learnt from, how it predicts, what an ensemble adds."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.runs.records.final_model import Ensemble
from fmnist.runs.records.metrics import Metrics

SURE = 0.05


def refit(facts: Facts) -> str:
    """What the final network was trained on, where that was not the retraining alone."""
    found, history = facts.refit, facts.history
    if found is None or history is None:
        return ""
    before = text.count(history.training_images)
    if not found.used:
        return (
            f"It was to be trained once more, on {text.count(found.images)} images with those of "
            f"the validation; {found.reason}. So the final model is the one trained on {before} "
            "images."
        )
    return (
        f"The final model was trained on {text.count(found.images)} images, training and "
        f"validation together, for the {text.counted(len(found.epochs), 'epoch')} that validation "
        f"chose; the curves and all validation figures are from the training on {before}."
    )


def view_names(metrics: Metrics | None) -> str:
    """The views that predictions are means over; empty where it is the image alone."""
    if metrics is None:
        return ""
    flip = "mirror image" if metrics.test_time_flip else ""
    if not metrics.test_time_shift:
        return flip and f"the image and its {flip}"
    pixels = "a pixel" if metrics.test_time_shift == 1 else "two pixels"
    moved = f"two copies moved by {pixels} along a diagonal"
    return f"the image, {moved}, and the {flip} of each" if flip else f"the image and {moved}"


def views(facts: Facts) -> str:
    """How predictions were made, where it was not from the image alone."""
    if not (names := view_names(facts.metrics)):
        return ""
    return (
        f"The final predictions are means over {names}, on validation and test "
        "images alike; trials and the choice of the epoch use the image alone."
    )


def view_gain(facts: Facts) -> str:
    """What the mean over the views adds to the accuracy; empty where it was not measured."""
    metrics = facts.metrics
    if metrics is None or not view_names(metrics) or metrics.single_view is None:
        return ""
    alone = metrics.single_view
    gains = [
        text.signed_points(both.accuracy - one.accuracy)
        for both, one in ((metrics.validation, alone.validation), (metrics.test, alone.test))
    ]
    return (
        f"Taking the mean over these views changes the accuracy by {gains[0]} "
        f"percentage points on the validation and by {gains[1]} on the test images; the image "
        f"alone gives {text.percent(alone.test.accuracy, alone.test.n)} on the test images."
    )


def ensemble(facts: Facts) -> str:
    """The average of several networks, its lead over the one, and whether that is chance."""
    found = facts.metrics.ensemble if facts.metrics else None
    if found is None:
        return ""
    return (
        f"Averaged with {_others(found)}, the final network would classify "
        f"{text.count(found.correct)} of {text.count(found.n)} test images correctly: "
        f"{text.percent(found.accuracy, found.n)} (95{text.THIN}% interval "
        f"{text.interval(found.interval, found.n)}). {_lead(found)} Everywhere else this report is "
        "about the one network."
    )


def _others(found: Ensemble) -> str:
    others = len(found.members) - 1
    planned = f", of {found.asked - 1} planned" if found.left_out else ""
    return f"{text.counted(others, 'further network')}{planned}"


def _lead(found: Ensemble) -> str:
    paired = found.against_single
    side = "above" if paired.difference >= 0 else "below"
    chance = "is beyond chance" if paired.p < SURE else "chance may explain"
    lead = f"{text.points(abs(paired.difference))} {side} the one network"
    judged = f"a difference that {chance}"
    return (
        f"That is {lead} on the same images, {judged} (McNemar's exact test: "
        f"{text.count(paired.only_first)} images only the ensemble has right, "
        f"{text.count(paired.only_second)} only the one network, {_p(paired.p)})."
    )


def _p(p: float) -> str:
    shown = text.p_value(p)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"
