"""Findings about the images: that they are few, test images that are nearly training images."""

from __future__ import annotations

from fmnist.data.sources import SAMPLE
from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.findings.base import CAUTION, WARNING, Finding

SECTION = "images"
LEAK = 0.01
"""Share of test images near training images from which the accuracy may be flattered."""


def trial(facts: Facts) -> list[Finding] | None:
    """The run is one of ``fmnist try``, on the sample that comes with the program."""
    if facts.run.data.name != SAMPLE.name:
        return None
    splits = facts.run.splits
    sentence = (
        f"This run is a trial: it learnt {text.count(splits.train)} images and was tested on "
        f"{text.count(splits.test)}, of the 60,000 and 10,000 of Fashion-MNIST. Its numbers show "
        "how the program works, not how good the network is."
    )
    title = f"A trial on {text.count(splits.train + splits.validation + splits.test)} images"
    return [Finding("trial", title, WARNING, sentence, "results", "fmnist run --time 10m")]


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
