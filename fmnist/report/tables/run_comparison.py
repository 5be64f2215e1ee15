"""Tables of several runs beside each other: classes, agreement, conditions, configurations."""

from __future__ import annotations

from collections.abc import Sequence

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.narrative.comparison import label
from fmnist.report.tables.base import Table
from fmnist.runs.records.comparison import Comparison
from fmnist.runs.records.metrics import ClassScore, TestScore

WITH_INTERVALS = 3
"""So many runs leave room for the interval of each recall."""
UNLIKE = "≠"
_NONE = "–"


def recalls(runs: Sequence[tuple[str, TestScore]]) -> Table:
    """Recall of each class, one column a run, and how far the runs lie apart."""
    spread = len(runs) <= WITH_INTERVALS
    rows = []
    for row in zip(*(score.classes for _, score in runs), strict=True):
        values = [c.recall for c in row]
        gap = text.signed_points(max(values) - min(values), digits=1)
        apart = gap if row[0].support else _NONE
        rows.append((row[0].name, *(_recall(c, spread=spread) for c in row), apart))
    caption = "Recall of each class and the largest difference between runs, in percentage points"
    if spread:
        caption += "; in brackets the 95\u202f% interval (Wilson)"
    head = ("Class", *(name for name, _ in runs), "Apart")
    numeric = tuple(range(1, len(head)))
    return Table(caption, head, tuple(rows), numeric=numeric, dense=True)


def _recall(c: ClassScore, *, spread: bool) -> str:
    if not c.support:
        return _NONE
    shown = text.percent(c.recall, digits=1)
    return f"{shown} ({text.interval(c.recall_interval, digits=1)})" if spread else shown


def agreement(found: Comparison) -> Table:
    """On how many images the first and each other system are right or wrong together."""
    rows = []
    for system, lead in found.others:
        both = found.first.correct - lead.only_first
        neither = found.n - both - lead.only_first - lead.only_other
        counts = (both, lead.only_first, lead.only_other, neither)
        rows.append((label(system, found), *(text.count(n) for n in counts)))
    head = ("Against", "Both right", "Only this run", "Only the other", "Both wrong")
    caption = f"Shared and separate errors among the {text.count(found.n)} test images"
    return Table(caption, head, tuple(rows), numeric=(1, 2, 3, 4))


def conditions(runs: Sequence[tuple[str, Facts]]) -> Table:
    """How each run came about: what it had of images, epochs and time."""
    rows = [
        (name, *cells) for name, cells in _conditions([facts for _, facts in runs]) if any(cells)
    ]
    shown = tuple((name, *(cell or _NONE for cell in cells)) for name, *cells in rows)
    head = ("Condition", *(name for name, _ in runs))
    return Table("How the runs came about", head, shown, dense=len(runs) > 2, sortable=False)


def _conditions(runs: Sequence[Facts]) -> list[tuple[str, list[str]]]:
    return [
        ("Kind", [_kind(f) for f in runs]),
        ("Trials", [text.count(len(f.trials)) if f.trials else "" for f in runs]),
        ("Parameters", [text.count(f.evidence.parameters) if f.evidence else "" for f in runs]),
        (
            "Training images",
            [text.count(f.history.training_images) if f.history else "" for f in runs],
        ),
        ("Epochs", [str(len(f.history.epochs)) if f.history else "" for f in runs]),
        ("Seed", [str(f.run.request.seed) for f in runs]),
        (
            "Time of all stages",
            [text.duration(sum(s.seconds for s in f.stages.stages)) if f.stages else ""
             for f in runs],
        ),
        ("Processor", [f.environment.cpu if f.environment else "" for f in runs]),
        ("Backend", [f.environment.backend if f.environment else "" for f in runs]),
    ]  # fmt: skip


def _kind(facts: Facts) -> str:
    if facts.run.recipe is not None:
        return f"recipe {facts.run.recipe.name}"
    return "search" if facts.by_search else "one configuration"


def configurations(runs: Sequence[tuple[str, Facts]]) -> Table:
    """Every field of the configurations, one column a run; a mark where they are unlike."""
    values = [facts.best.values() if facts.best else {} for _, facts in runs]
    fields = list(dict.fromkeys(field for found in values for field in found))
    rows = []
    for field in fields:
        cells = [text.value(found[field]) if field in found else _NONE for found in values]
        unlike = UNLIKE if len(set(cells)) > 1 else ""
        rows.append((text.title_case(field), unlike, *cells))
    head = ("Field", "Unlike", *(name for name, _ in runs))
    caption = f"The configurations side by side; {UNLIKE} marks the fields in which they differ"
    return Table(caption, head, tuple(rows), dense=len(runs) > 2)
