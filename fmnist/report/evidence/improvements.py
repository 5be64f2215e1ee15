"""Evidence on improvements: what was measured, ranked, and what the numbers suggest."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.evidence.ablation import NONE_MADE, left_out, told
from fmnist.report.evidence.base import ABSENT, Shown
from fmnist.report.facts import Facts
from fmnist.report.narrative import results
from fmnist.runs.records.ablation import BETTER, Experiments
from fmnist.runs.records.run import BestConfig

OWN = "improvements"


def improvements(facts: Facts) -> Shown:
    """What was measured to be better, and what the run's numbers suggest trying next."""
    found = facts.experiments
    sentences = _measured(found) if found is not None else []
    advice = _advice(facts)
    if found is None and advice and not facts.interim:
        advice.append(NONE_MADE)
    shown = Shown(
        sentences + advice,
        measured=_ranked(found) if found is not None else [],
        skipped=left_out(found.skipped_of(OWN)) if found is not None else [],
    )
    return shown if shown.sentences or shown.measured or shown.skipped else ABSENT


def _measured(found: Experiments) -> list[str]:
    """Which changes of all that were tried gained something."""
    if not found.experiments:
        return []
    better = [e for e in found.ranked if e.verdict == BETTER]
    number = text.counted(len(found.experiments), "change")
    if not better:
        return [f"Of {number} that were tried alone, none was found to be better."]
    gains = [f"{e.title} ({text.signed_points(e.difference, digits=e.digits)})" for e in better]
    return [
        f"Of {number} that were tried alone, these were better, by so many percentage points: "
        f"{text.listing(gains)}. Whether their gains add up was not tried."
    ]


def _ranked(found: Experiments) -> list[str]:
    """The experiments on this question and whatever else was better, the largest effect first."""
    ranked = [e for e in found.ranked if e.question == OWN or e.verdict == BETTER]
    return told(found, ranked)


def _advice(facts: Facts) -> list[str]:
    sentences: list[str] = []
    if facts.history is not None:
        sentences.append(_advice_from_curves(facts))
    if facts.metrics is not None:
        sentences += _advice_from_errors(facts)
    if facts.best is not None:
        edges = results.at_the_edge(facts.best, facts.space)
        if facts.space is not None and not edges:
            edges = [
                "No chosen value lies at an end of its searched range, so the ranges themselves "
                "give no sign of being too narrow."
            ]
        sentences += edges
        sentences += _missing_means(facts.best)
    return sentences


def _advice_from_curves(facts: Facts) -> str:
    assert facts.history is not None
    found = results.overfitting(facts.history)
    last = facts.history.epochs[-1].epoch
    if found.verdict == "none" and found.lowest_epoch == last:
        return (
            "Validation loss was lowest in the last epoch and the curves show no overfitting, so "
            "longer training or a larger network is worth trying."
        )
    if found.verdict == "clear":
        return (
            "Overfitting is clear, so stronger regularisation or more augmentation comes before "
            "a larger network."
        )
    return (
        f"Training accuracy differs from validation accuracy by {text.points(abs(found.gap))} at "
        "the chosen epoch; a larger network helps only together with more augmentation."
    )


def _advice_from_errors(facts: Facts) -> list[str]:
    assert facts.metrics is not None
    top = results.confusions(facts.metrics.test)[:3]
    if not top:
        return []
    share = sum(c.share_of_errors for c in top)
    pairs = text.listing([f"{c.true} taken for {c.predicted}" for c in top])
    return [
        f"{text.percent(share, digits=0)} of all test errors are of three kinds: {pairs}. Work on "
        "these classes, on their images or on what tells them apart, reaches the most errors."
        if len(top) == 3
        else f"The errors are of few kinds: {pairs}."
    ]


def _missing_means(best: BestConfig) -> list[str]:
    c = best.values()
    unused = []
    if not c.get("batch_norm"):
        unused.append("batch normalisation")
    if not (c.get("flip") or c.get("shift")):
        unused.append("augmentation")
    if not c.get("dropout"):
        unused.append("dropout")
    return [f"Not used by this configuration: {text.listing(unused)}."] if unused else []
