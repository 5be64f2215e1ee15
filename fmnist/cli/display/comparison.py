"""A comparison as two tables for the terminal: the accuracies, then who is ahead of whom."""

from __future__ import annotations

from typing import Literal

from rich.table import Table
from rich.text import Text

from fmnist.analysis.comparison import Comparison, Lead, System
from fmnist.cli.display.tables import render
from fmnist.report.text import count, p_value, signed_points
from fmnist.runs.records.comparison import AHEAD, ALPHA, BEHIND

WIDTH = 100
_COLORS = {AHEAD: "green", BEHIND: "red"}


def comparison_text(comparison: Comparison, *, color: bool = False) -> str:
    """The tables, at most 100 columns wide; words are wrapped, long names cut.

    Args:
        comparison: of two systems or more.
        color: mark the verdicts, for a terminal that knows colours.
    """
    return render(
        f"{comparison.data}, the same {count(comparison.n)} test images\n",
        _accuracies(comparison),
        "",
        _leads(comparison),
        f"\n{_reading(comparison)}",
        width=WIDTH,
        color=color,
    )


def _table(first: str, *others: str, words: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True, overflow="ellipsis")
    for name in others:
        of_words = name in words
        justify: Literal["left", "right"] = "left" if of_words else "right"
        table.add_column(name, justify=justify, no_wrap=not of_words, overflow="ellipsis")
    return table


def _accuracies(comparison: Comparison) -> Table:
    table = _table("run", "what", "correct", "accuracy", "95 % interval", "published",
                   words=("what", "published"))  # fmt: skip
    for system in comparison.systems:
        table.add_row(
            Text(system.name), Text(system.what), count(system.correct),
            f"{100 * system.accuracy:.2f} %", _span(system.interval) + " %",
            Text(_published(system)),
        )  # fmt: skip
    return _with_whole_numbers(table)


def _with_whole_numbers(table: Table) -> Table:
    """The table, whose words give way where it is too wide."""
    for column in table.columns:
        if column.justify == "right":
            column.min_width = max(len(str(cell)) for cell in (column.header, *column.cells))
    return table


def _leads(comparison: Comparison) -> Table:
    table = _table("against", "lead", "95 % interval", "only first", "only other", "p", "p (Holm)",
                   "verdict", words=("verdict",))  # fmt: skip
    for system, lead in comparison.others:
        table.add_row(
            Text(system.name), signed_points(lead.difference), _bounds(lead),
            count(lead.only_first), count(lead.only_other), p_value(lead.p), p_value(lead.p_holm),
            Text(lead.verdict, style=_COLORS.get(lead.verdict, "")),
        )  # fmt: skip
    return _with_whole_numbers(table)


def _bounds(lead: Lead) -> str:
    low, high = lead.interval
    return f"{signed_points(low)} to {signed_points(high)}"


def _span(interval: tuple[float, ...]) -> str:
    return "–".join(f"{100 * bound:.2f}" for bound in interval)


def _published(system: System) -> str:
    if system.published:
        return "–".join(f"{100 * figure:g}" for figure in system.published) + " %"
    return system.finding or "–"


def _reading(comparison: Comparison) -> str:
    return (
        f"lead: accuracy of {comparison.first.name} minus that of the row, in percentage points; "
        "only first, only other: images that one of the two alone classifies correctly; "
        f"p: McNemar's exact test; verdict: whether {comparison.first.name} is ahead of the row or "
        f"behind it, by p corrected for the number of tests (Holm) below {ALPHA:g}."
    )
