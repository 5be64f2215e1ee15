"""The chapter of the user's own pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts, present
from fmnist.report.figures.image_strips import photo_strip
from fmnist.report.narrative.new_data import summary
from fmnist.report.tables import new_data as tables
from fmnist.runs import artifacts

FIRST = 12
"""Pictures of the figure; the others are behind it."""


def has_new_data(facts: Facts) -> bool:
    """Whether pictures of the user's own were classified."""
    return facts.new_data is not None


def new_data(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Each picture as it was and as the network sees it; accuracy beside that of the test."""
    found, names = present(facts.new_data, artifacts.NEW_DATA), facts.class_names
    scores = present(facts.metrics, artifacts.METRICS).test.classes
    strips = [
        photo_strip(photo, names)
        for photo in sorted(found.photos, key=lambda photo: photo.right)
        if photo.original and photo.pixels
    ]
    labels = {photo.label for photo in found.photos}
    return {
        "found": found,
        "summary": summary(found),
        "classes": tables.classes(found, scores),
        "without": [name for label, name in enumerate(names) if label not in labels],
        "first": strips[:FIRST],
        "others": strips[FIRST:],
        "pictures": tables.pictures(found, names),
        "wrong": found.n - found.correct,
    }
