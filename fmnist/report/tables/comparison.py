"""Tables of the comparison with other runs and with published results."""

from __future__ import annotations

from collections.abc import Sequence

from fmnist.report import text
from fmnist.report.narrative.comparison import label, published_figure
from fmnist.report.published import Placed
from fmnist.report.tables.base import Table
from fmnist.runs.records.comparison import Comparison, Lead, System

INTERVAL = f"95{text.THIN}% interval"


def accuracies(found: Comparison) -> Table:
    """Every system with its accuracy, and what a recipe was published with."""
    rows = tuple(_accuracy_row(s, found.n) for s in found.systems)
    head = ("Run", "What", "Correct", "Accuracy", INTERVAL, "Published")
    caption = f"The systems on the same {text.count(found.n)} test images, this run first"
    return Table(caption, head, rows, numeric=(2, 3, 4))


def _accuracy_row(system: System, n: int) -> tuple[str, ...]:
    return (
        system.name,
        system.what + (f": {system.title}" if system.title else ""),
        text.count(system.correct),
        text.percent(system.accuracy, n),
        text.interval(system.interval, n),
        published_figure(system),
    )


def tests(found: Comparison) -> Table:
    """McNemar's exact test of the run against each other system."""
    rows = tuple((label(s, found), *_test_cells(lead)) for s, lead in found.others)
    head = (
        "Against", "Lead", INTERVAL, "Only this run", "Only the other", "p", "p (Holm)",
        "Verdict",
    )  # fmt: skip
    caption = (
        "The lead of this run in percentage points, the images that only one of the two classifies "
        "correctly, McNemar's exact test, and whether this run is ahead or behind"
    )
    return Table(caption, head, rows, numeric=(1, 2, 3, 4, 5, 6), dense=True)


def _test_cells(lead: Lead) -> tuple[str, ...]:
    return (
        text.signed_points(lead.difference),
        f"{text.signed_points(lead.interval[0])} to {text.signed_points(lead.interval[1])}",
        text.count(lead.only_first),
        text.count(lead.only_other),
        text.p_value(lead.p),
        text.p_value(lead.p_holm),
        lead.verdict,
    )


def published(rows: Sequence[Placed]) -> Table:
    """The published results, the highest first, with our intervals and where the run stands."""
    numbers = {source: n for n, source in enumerate(sources(rows), start=1)}
    cells = tuple(
        (
            p.result.name,
            text.percent(p.result.accuracy),
            text.interval(p.result.interval),
            p.verdict,
            p.result.what + (f"; {p.result.figure}" if p.result.figure else ""),
            f"[{numbers[p.result.source]}]",
        )
        for p in reversed(rows)
    )
    head = ("Result", "Accuracy", INTERVAL, "This run is", "What", "Source")
    caption = "Published test accuracies and where this run stands to each"
    return Table(caption, head, cells, numeric=(1, 2), dense=True)


def sources(rows: Sequence[Placed]) -> list[str]:
    """The sources in the order in which the table names them."""
    return list(dict.fromkeys(p.result.source for p in reversed(rows)))
