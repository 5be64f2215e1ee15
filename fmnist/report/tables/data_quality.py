"""Tables of what was found in the images."""

from __future__ import annotations

from collections.abc import Sequence

from fmnist.report import text
from fmnist.report.tables.base import Table
from fmnist.runs.records.data_quality import NearDuplicates, Suspected


def suspected(found: Sequence[tuple[str, Suspected]], names: Sequence[str]) -> Table | None:
    """The most frequent kinds of doubtful label, of each split."""
    rows = tuple(
        (split, names[p.given], names[p.suggested], text.count(p.count))
        for split, part in found
        for p in part.pairs
    )
    if not rows:
        return None
    head = ("Images", "Label given", "What the network says", "Suspected")
    return Table("The most frequent kinds of suspected label error", head, rows, numeric=(3,))


def duplicates(found: NearDuplicates, names: Sequence[str]) -> list[list[str]]:
    """All pairs of near-duplicates behind their pictures, head row first."""
    head = ["Test image", "Training image", "RMS difference", "Class", "Class there", "Mirrored"]
    rows = [
        [
            str(p.test),
            str(p.train),
            f"{p.rms:.2f}",
            names[p.test_label],
            names[p.train_label],
            "yes" if p.mirrored else "no",
        ]
        for p in found.pairs
    ]
    return [head, *rows]
