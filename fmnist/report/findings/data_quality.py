"""Findings about the images: test images that are nearly training images."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.findings.base import CAUTION, Finding

SECTION = "images"
LEAK = 0.01
"""Share of test images near training images from which the accuracy may be flattered."""


def near_duplicates(facts: Facts) -> list[Finding] | None:
    """More test images resemble a training image than can be passed over."""
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
        f"{text.count(pairs)} of the {text.count(n)} test images are very similar to a "
        f"training image{beside}."
    )
    title = "Test images very similar to training images"
    return [Finding("near-duplicates", title, CAUTION, sentence, SECTION)]
