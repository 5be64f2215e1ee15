"""Findings about the images: labels in doubt, test images that are nearly training images."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.findings.base import CAUTION, NOTE, Finding

SECTION = "images"
LABELS = 0.01
"""Share of doubtful labels from which they are told: label errors of well-known test sets lie
at 3.3 % on average (Northcutt, Athalye and Mueller, NeurIPS 2021), so a third of that."""
LEAK = 0.01
"""Share of test images near training images from which the accuracy may be flattered."""


def label_noise(facts: Facts) -> list[Finding] | None:
    """More test labels are in doubt than can be passed over."""
    found = facts.gallery.label_errors if facts.gallery else None
    if found is None:
        return None
    test = found.test
    if test.suspected < LABELS * test.n:
        return []
    sentence = (
        f"The labels of {text.count(test.suspected)} of the {text.count(test.n)} test images are "
        "in doubt (confident learning); they were left as they are. A part of the errors may be "
        "right."
    )
    return [Finding("label-noise", "Labels in doubt", NOTE, sentence, SECTION)]


def near_duplicates(facts: Facts) -> list[Finding] | None:
    """More test images have a near-duplicate among the training images than can be passed over."""
    found = facts.gallery.duplicates if facts.gallery else None
    if found is None:
        return None
    pairs, n = len(found.pairs), found.test_images
    if pairs < LEAK * n:
        return []
    rest = found.without
    beside = ""
    if rest.n:
        beside = f"; without them accuracy is {text.percent(rest.correct / rest.n, rest.n)}"
    sentence = (
        f"{text.count(pairs)} of the {text.count(n)} test images look nearly like a training "
        f"image{beside}."
    )
    title = "Test images near training images"
    return [Finding("near-duplicates", title, CAUTION, sentence, SECTION)]
