"""Tables of the user's own pictures: each class, and each picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fmnist.report import text
from fmnist.report.tables.base import Table
from fmnist.runs.records.metrics import ClassScore
from fmnist.runs.records.new_data import NewData, Photo
from fmnist.text import listed


def classes(found: NewData, scores: Sequence[ClassScore]) -> Table:
    """Pictures of each class that has some, and how many the test images let expect.

    Args:
        scores: of the test images, by label.
    """
    of = [[p for p in found.photos if p.label == label] for label in range(len(scores))]
    rows = [_class(photos, scores) for photos in of if photos]
    expected = "–" if found.same_classes is None else f"{found.same_classes.accuracy * found.n:.1f}"
    total = ("All", text.count(found.n), text.count(found.correct), expected, "")
    head = ("Class", "Pictures", "Right", "Right, if as on test images", "Taken for")
    return Table(
        "The pictures by class, and how many would be right at the recall of the test images",
        head, (*rows, total), numeric=(1, 2, 3), foot=1, sortable=False,
    )  # fmt: skip


def _class(photos: Sequence[Photo], scores: Sequence[ClassScore]) -> tuple[str, ...]:
    score, n = scores[photos[0].label], len(photos)
    expected = f"{score.recall * n:.1f}" if score.support else "–"
    wrong = Counter(scores[p.predicted].name for p in photos if not p.right)
    taken = listed([f"{name} ({text.count(k)})" for name, k in wrong.most_common()])
    right = text.count(n - wrong.total())
    return score.name, text.count(n), right, expected, taken or "–"


def pictures(found: NewData, names: Sequence[str]) -> list[list[str]]:
    """Every picture, head row first."""
    head = ["Picture", "Predicted", "Probability", "Right", "Probability of its class", "Prepared"]
    rows = [
        [p.file, names[p.predicted], text.percent(p.p_predicted, digits=1),
         "yes" if p.right else "no", text.percent(p.p_label, digits=1), ", ".join(p.steps)]
        for p in found.photos
    ]  # fmt: skip
    return [head, *rows]
