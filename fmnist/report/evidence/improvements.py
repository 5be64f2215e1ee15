"""Evidence on improvements: what is in use, what was measured, what the numbers suggest."""

from __future__ import annotations

from typing import Any

from fmnist.config.config import augmentations
from fmnist.report import text
from fmnist.report.evidence.ablation import NONE_MADE, left_out, told
from fmnist.report.evidence.base import ABSENT, Shown
from fmnist.report.facts import Facts
from fmnist.report.narrative import ablation, results
from fmnist.runs.records.ablation import BETTER, Experiments
from fmnist.runs.records.run import BestConfig

OWN = "improvements"


def improvements(facts: Facts) -> Shown:
    """What was measured to be better, what its numbers suggest."""
    found = facts.experiments
    telling = ablation.informative(facts)
    sentences = _measured(found) if found is not None and telling else []
    advice = _advice(facts)
    if found is None and advice and not facts.interim:
        advice.append(NONE_MADE)
    shown = Shown(
        sentences + advice,
        measured=_ranked(found) if found is not None and telling else [],
        skipped=left_out(found.skipped_of(OWN)) if found is not None else [],
    )
    return shown if shown.sentences or shown.measured or shown.skipped else ABSENT


def in_use(facts: Facts) -> list[str]:
    """Which of the usual improvements this network has, and which not."""
    if facts.best is None:
        return []
    found = means(facts.best, facts)
    parts = [("In use here", [n for n, on in found.items() if on])]
    parts.append(("Not in use", [n for n, on in found.items() if not on]))
    return [f"{head}: {text.listing(names)}." for head, names in parts if names]


def means(best: BestConfig, facts: Facts) -> dict[str, bool]:
    """The usual improvements, in words, and whether this network has them."""
    c: dict[str, Any] = best.values()
    optimizer = str(c.get("optimizer", "adam"))
    convolutions = {} if best.dense else _of_convolutions(c)
    moves = [text.title_case(n) for n in augmentations() if c.get(n) and n != "erasing"]
    return convolutions | {
        f"augmentation ({text.listing(moves)})" if moves else "augmentation": bool(moves),
        "random erasing": bool(c.get("erasing")),
        "dropout": bool(c.get("dropout")),
        "label smoothing": bool(c.get("label_smoothing")),
        "weight decay": bool(c.get("weight_decay") or c.get("l2")),
        "a learning-rate schedule": c.get("schedule", "constant") != "constant",
        {"adamw": "AdamW", "sgd": "SGD"}.get(optimizer, "AdamW or SGD"): optimizer != "adam",
        "a moving average of the weights": bool(c.get("ema")),
        "averaging over views of an image": any(map(c.get, ("test_time_flip", "test_time_shift"))),
        "mixing of images": False,
        "transfer learning": False,
        "an ensemble": bool(facts.metrics and facts.metrics.ensemble),
    }


def _of_convolutions(c: dict[str, Any]) -> dict[str, bool]:
    return {
        "batch normalisation": bool(c.get("batch_norm")),
        "several convolutions a stage": c.get("convolutions", 1) > 1,
        "residual connections": bool(c.get("residual") and c.get("convolutions", 1) > 1),
        "global pooling in place of a large dense layer": c.get("head") in ("average", "max"),
    }


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
    sentences = [s for s in (_more_epochs(facts), _advice_from_training(facts)) if s]
    if facts.metrics is not None:
        sentences += _advice_from_errors(facts)
    if facts.best is not None and facts.complete_trials >= results.FEW_TRIALS:
        sentences += results.at_the_edge(facts)
    return sentences


def _more_epochs(facts: Facts) -> str:
    """What comes first where the plan was not fulfilled."""
    if (found := results.lacking_epochs(facts)) is None:
        return ""
    had, planned = found
    return (
        f"Before all else come the {text.counted(planned - had, 'epoch')} that the final training "
        f"lacks: it had {had} of {planned}."
    )


def _advice_from_training(facts: Facts) -> str:
    if facts.history is None:
        return ""
    found = results.overfitting(facts.history, facts.single_view)
    if found.verdict == "open":
        return ""
    if found.verdict == "none":
        return (
            "The network does hardly better on images that it learnt than on new ones, so a larger "
            "network or more epochs come before more regularisation."
        )
    return (
        "The network overfits, so more augmentation or stronger regularisation comes before a "
        "larger network."
    )


def _advice_from_errors(facts: Facts) -> list[str]:
    assert facts.metrics is not None
    top = results.confusions(facts.metrics.test)[:3]
    if not top:
        return []
    share = sum(c.share_of_errors for c in top)
    pairs = text.listing([f"{c.true} taken for {c.predicted}" for c in top])
    if len(top) < 3:
        return [f"The errors are of few kinds: {pairs}."]
    return [
        f"{text.percent(share, digits=0)} of all test errors are of three kinds: {pairs}. Images "
        "of higher resolution, or a review of these labels, would reach them."
    ]
