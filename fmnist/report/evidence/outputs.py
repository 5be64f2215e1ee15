"""Evidence on what goes in and what comes out: pixel ranges, softmax, confusions."""

from __future__ import annotations

import math

from fmnist.report import text
from fmnist.report.evidence.ablation import with_experiments
from fmnist.report.evidence.base import ABSENT, Shown
from fmnist.report.facts import Facts
from fmnist.report.figures.classification import softmax_figure
from fmnist.report.narrative import results, training
from fmnist.runs.records.metrics import TestScore

SCALES = {"unit": (0.0, 255.0), "signed": (127.5, 127.5)}
"""What is taken off the raw pixels, and what they are divided by."""


def normalisation(facts: Facts) -> Shown:
    """Raw pixel values, what the configuration does to them, and other ranges tried."""
    return with_experiments(_pixels(facts), facts, "normalisation")


def _pixels(facts: Facts) -> Shown:
    sentences = []
    if facts.evidence is not None and facts.evidence.pixels is not None:
        p = facts.evidence.pixels
        sentences.append(
            f"The raw training pixels run from {p.minimum:g} to {p.maximum:g}, with mean "
            f"{p.mean:.1f} and standard deviation {p.std:.1f}."
        )
    if facts.best is not None:
        kind = str(facts.best.values().get("normalisation", ""))
        sentences += [training.NORMALISATIONS[kind]] if kind in training.NORMALISATIONS else []
        sentences += _scaled(facts, kind)
        if facts.best.values().get("batch_norm"):
            sentences.append(
                "Batch normalisation then rescales the feature maps inside the network as well."
            )
    return Shown(sentences) if sentences else ABSENT


def _scaled(facts: Facts, kind: str) -> list[str]:
    """Mean and standard deviation of the pixels as they enter."""
    pixels = facts.evidence.pixels if facts.evidence else None
    if pixels is None or kind not in SCALES:
        return []
    shift, by = SCALES[kind]
    mean, std = (pixels.mean - shift) / by, pixels.std / by
    return [f"Their mean is then {mean:.3f}, their standard deviation {std:.3f}."]


def softmax(facts: Facts) -> Shown:
    """Logits and probabilities of one test image."""
    if facts.evidence is None or facts.evidence.softmax is None:
        return ABSENT
    record, names = facts.evidence.softmax, facts.class_names
    outcome = "correctly" if record.predicted == record.true else "wrongly"
    ranked = sorted(range(len(names)), key=lambda k: -record.logits[k])
    first, second = ranked[0], ranked[1]
    ahead = record.logits[first] - record.logits[second]
    times = text.number(float(f"{math.exp(ahead):.2g}"))
    return Shown(
        [
            f"Test image {record.test_index} is {outcome} classified as "
            f"{names[record.predicted]}, from the image alone.",
            f"The logit of {names[first]} lies {ahead:.2f} above that of {names[second]}, so its "
            f"probability is exp({ahead:.2f}) ≈ {times} times as large.",
            *_targets(facts),
        ],
        [softmax_figure(record, names)],
    )


def _targets(facts: Facts) -> list[str]:
    """What label smoothing asks for, and whether the stated probabilities hold."""
    c, k = facts.best.values() if facts.best else {}, len(facts.class_names)
    smoothing = c.get("label_smoothing")
    if not smoothing:
        return []
    low = smoothing / k
    return [
        f"Label smoothing of {text.value(smoothing)} makes the targets {1 - smoothing + low:.3f} "
        f"for the true class and {low:.3f} for each other, in place of 1 and 0."
    ]


def confusion_matrix(facts: Facts) -> Shown:
    """The most frequent error and the hardest and easiest class."""
    if facts.metrics is None:
        return ABSENT
    test = facts.metrics.test
    ranked, low, high = results.confusions(test), results.hardest(test), results.easiest(test)
    if not ranked:
        return Shown([f"All {text.count(test.n)} test images lie on the diagonal."])
    worst = ranked[0]
    back = next(
        (c.count for c in ranked if (c.true, c.predicted) == (worst.predicted, worst.true)), 0
    )
    return Shown(
        [
            f"The most frequent error takes {worst.true} for {worst.predicted}: "
            f"{text.count(worst.count)} of {text.count(worst.support)} images. The other way "
            f"round it happens {text.count(back)} times.",
            f"{low.name} is the hardest class, with a recall of "
            f"{text.percent(low.recall, digits=1)} (95{text.THIN}% interval "
            f"{text.interval(low.recall_interval, digits=1)}); {high.name} is the easiest, with "
            f"{text.percent(high.recall, digits=1)}.",
            *_columns(test, worst),
        ]
    )


def _columns(test: TestScore, worst: results.Confusion) -> list[str]:
    """The precisions of the most confused pair: a heavy column beside a weak row."""
    pair = [c for c in test.tested_classes if c.name in (worst.true, worst.predicted)]
    if len(pair) < 2:
        return [f"The test set holds no image of {worst.predicted}."]
    named = [f"{text.score(c.precision)} for {c.name}" for c in pair]
    return [
        f"Precision is {text.listing(named)}, against a mean of {text.score(test.macro.precision)}"
        ": what leaves one row arrives in the other’s column."
    ]
