"""Findings about the final training."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.findings.base import CAUTION, NOTE, WARNING, Finding
from fmnist.report.narrative import final_model, results

SECTION = "training"
STILL_FALLING = 0.01
"""Share by which the last epoch lowers the validation loss; less may be the chance of batches."""


def overfitting(facts: Facts) -> list[Finding] | None:
    """The verdict on the curves, see ``reading.overfitting``."""
    if facts.history is None:
        return None
    found = results.overfitting(facts.history)
    if found.verdict == "none":
        return []
    severity = WARNING if found.verdict == "clear" else CAUTION
    return [Finding("overfitting", "Overfitting", severity, found.sentence, SECTION)]


def undertrained(facts: Facts) -> list[Finding] | None:
    """The last epoch is the best and the validation loss still falls."""
    if facts.history is None or len(facts.history.epochs) < 2:
        return None
    *earlier, last = facts.history.epochs
    lowest = min(e.val_loss for e in earlier)
    fall = 1 - last.val_loss / lowest if lowest > 0 else 0.0
    if facts.history.chosen_epoch != last.epoch or fall < STILL_FALLING:
        return []
    sentence = (
        f"The last epoch, {last.epoch}, was the best, with a validation loss "
        f"{text.percent(fall, digits=1)} below all before: more epochs may give a better network."
    )
    return [Finding("undertrained", "Training may have ended early", CAUTION, sentence, SECTION)]


def shortened(facts: Facts) -> list[Finding] | None:
    """The final training had fewer epochs than the plan gave it."""
    if facts.history is None or facts.plan is None:
        return None
    planned, had = facts.plan.sizes.final_epochs, len(facts.history.epochs)
    if had >= planned:
        return []
    sentence = (
        f"The final training had {text.counted(had, 'epoch')} of the {planned} first planned: "
        "there was no time for more."
    )
    return [Finding("short-training", "Training shorter than planned", NOTE, sentence, SECTION)]


def refit(facts: Facts) -> list[Finding] | None:
    """The final network learnt the validation images too, or was to and did not."""
    sentence = final_model.refit(facts)
    if not sentence:
        return None
    title = "Trained on the validation images too" if facts.refit_used else "No second training"
    return [Finding("refit", title, NOTE, sentence, SECTION)]
