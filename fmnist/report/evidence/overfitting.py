"""Evidence on overfitting: the curves, the regularisers, early stopping."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.evidence.ablation import with_experiments
from fmnist.report.evidence.base import ABSENT, Shown
from fmnist.report.facts import Facts
from fmnist.report.narrative import results, training
from fmnist.runs.records.metrics import History


def overfitting(facts: Facts) -> Shown:
    """The gap between training and validation, the regularisers in use, each switched off."""
    return with_experiments(_curves(facts), facts, "overfitting")


def _curves(facts: Facts) -> Shown:
    sentences = []
    if facts.history is not None:
        sentences.append(results.overfitting(facts.history).sentence)
        sentences.append(
            "Training accuracy is measured with augmentation and dropout on, which lowers it."
        )
    if facts.best is not None:
        used = training.regularisers(facts.best.values())
        sentences.append(
            f"The configuration uses {text.listing(used)}."
            if used
            else "The configuration switches no regulariser on."
        )
    if facts.history is not None:
        sentences.append(early_stopping(facts.history))
    return Shown(sentences) if sentences else ABSENT


def early_stopping(history: History) -> str:
    """What keeping the best epoch gained over keeping the last."""
    kept, last = history.chosen, history.epochs[-1]
    number = text.counted(len(history.epochs), "epoch")
    if kept.epoch == last.epoch:
        return (
            f"Early stopping: of {number} the last had the highest validation accuracy and was "
            "kept, so ending earlier would have gained nothing."
        )
    gain = text.points(kept.val_accuracy - last.val_accuracy)
    return (
        f"Early stopping: of {number} the weights of epoch {kept.epoch} were kept, whose "
        f"validation accuracy is {gain} above that of the last. It was chosen by the images that "
        "it is measured on, so the gain on new images is likely smaller."
    )
