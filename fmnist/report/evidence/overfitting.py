"""Evidence on overfitting: the measured gap, the regularisers, early stopping."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.evidence.ablation import with_experiments
from fmnist.report.evidence.base import ABSENT, Shown
from fmnist.report.facts import Facts
from fmnist.report.narrative import ablation, results, training
from fmnist.runs.records.metrics import History

SHORT = (
    "The small trainings of the experiments have little to overfit with, so a regulariser can cost "
    "accuracy there and still gain some in the final training."
)


def overfitting(facts: Facts) -> Shown:
    """The gap between training and validation, the regularisers in use, each switched off."""
    shown = with_experiments(_curves(facts), facts, "overfitting")
    if shown.measured and ablation.informative(facts):
        shown.sentences.append(SHORT)
    return shown


def _curves(facts: Facts) -> Shown:
    sentences = []
    values = facts.best.values() if facts.best else {}
    if facts.history is not None:
        sentences.append(results.overfitting(facts.history, facts.single_view).sentence)
    if facts.best is not None:
        used = training.regularisers(values)
        sentences.append(
            f"The configuration uses {text.listing(used)}."
            if used
            else "The configuration switches no regulariser on."
        )
    if facts.history is not None:
        sentences.append(early_stopping(facts.history, str(values.get("schedule", ""))))
    return Shown(sentences) if sentences else ABSENT


def early_stopping(history: History, schedule: str = "") -> str:
    """Which epoch was kept; what an earlier end would have given is told of no falling rate."""
    kept, last = history.chosen, history.epochs[-1]
    number = text.counted(len(history.epochs), "epoch")
    rule = f"Of {number} the weights of epoch {kept.epoch} were kept, by validation accuracy"
    if kept.epoch == last.epoch:
        falls = schedule in training.COURSES
        why = (
            "; where the learning rate falls to zero the last is nearly always the best, so this "
            "tells nothing about stopping earlier"
        )
        return f"{rule}{why if falls else ''}."
    gain = text.points(kept.val_accuracy - last.val_accuracy)
    return (
        f"{rule}, which is {gain} above that of the last. It was chosen by the images that it is "
        "measured on, so the gain on new images is likely smaller."
    )
