"""The runs of a folder, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table

from fmnist.cli.display.tables import render
from fmnist.runs.listing import Listed
from fmnist.text import size

NONE = "–"


def runs_table(runs: Sequence[Listed]) -> str:
    """A line a run: 80 columns wide where names have up to 19 letters; no name is cut."""
    table = Table(box=None, pad_edge=False, header_style="", padding=(0, 2, 0, 0))
    table.add_column("started", min_width=10, no_wrap=True)
    table.add_column("state", min_width=8, no_wrap=True)
    table.add_column("test accuracy, 95 %", justify="right", no_wrap=True)
    table.add_column("trials", justify="right", no_wrap=True)
    table.add_column("size", justify="right", min_width=6, no_wrap=True)
    table.add_column("run", no_wrap=True)
    for run in runs:
        started = datetime.fromisoformat(run.started).astimezone() if run.started else None
        day = f"{started:%Y-%m-%d}" if started else NONE
        trials = NONE if run.trials is None else str(run.trials)
        table.add_row(day, run.state, _accuracy(run), trials, size(run.bytes), run.name)
    notes = [f"{r.name} {r.state}: {r.problem}" for r in runs if r.problem]
    if any(r.accuracy is None and r.validation is not None for r in runs):
        notes.append("best: highest validation accuracy so far; the test set was not read")
    return "\n".join([render(table), *([""] if notes else []), *notes])


def _accuracy(run: Listed) -> str:
    if run.accuracy is None:
        return NONE if run.validation is None else f"best {100 * run.validation:.2f} %"
    text = f"{100 * run.accuracy:.2f} %"
    if run.interval is None:
        return text
    return f"{text} {100 * run.interval[0]:.2f}–{100 * run.interval[1]:.2f}"
