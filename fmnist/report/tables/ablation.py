"""Tables of the experiments."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.narrative.ablation import INTERVAL, span
from fmnist.report.tables.base import Table
from fmnist.runs.records.ablation import Base, Experiments, Measured


def measured(found: Experiments) -> Table | None:
    """The configuration as it is, then every variant, the best first; None without any."""
    if found.base is None:
        return None
    rows = (_base_row(found.base, found), *(_row(e) for e in found.ranked))
    head = (
        "Network", "Parameters", "Seeds", "Accuracy", "Difference", INTERVAL, "p",
        "Corrected interval", "p (Holm)", "Verdict",
    )  # fmt: skip
    caption = (
        "The configuration as it is and its variants: mean validation accuracy, its difference "
        "from the configuration on as many seeds in percentage points, and whether the variant is "
        "better or worse"
    )
    return Table(caption, head, rows, numeric=(1, 2, 3, 4, 5, 6, 7, 8), dense=True)


def _base_row(base: Base, found: Experiments) -> tuple[str, ...]:
    digits = max((e.digits for e in found.experiments), default=1)
    return (
        "as it is",
        text.count(base.parameters),
        str(len(base.scores)),
        text.percent(base.accuracy, digits=digits),
        *("–",) * 6,
    )


def _row(e: Measured) -> tuple[str, ...]:
    return (
        e.title,
        text.count(e.parameters),
        str(e.seeds),
        text.percent(e.accuracy, digits=e.digits),
        text.signed_points(e.difference, digits=e.digits),
        span(e),
        text.p_value(e.p),
        span(e, adjusted=True),
        text.p_value(e.p_holm),
        e.verdict,
    )
