"""Plot of the confirmation: what the search promised against runs on fresh seeds."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fmnist.report import text
from fmnist.report.figures.style import (
    BLUE,
    INK,
    SKY,
    VERMILLION,
    Figure,
    canvas,
    legend_above,
    to_svg,
)
from fmnist.report.figures.tooltips import tell
from search.analysis.results import Candidate, Confirmation, Interval

INTERVAL = f"95{text.THIN}% interval"
SHIFT = 0.16
"""The search value stands this far above the runs of its row."""


def confirmed_runs(found: Confirmation) -> Figure:
    """One row a candidate, the winner on top: search value, runs, mean with its interval."""
    ranked = found.ranked
    figure, ax = canvas(0.4 * len(ranked) + 0.95)
    _search_values(ax, ranked)
    _runs(ax, ranked)
    _means(ax, ranked)
    ax.set_yticks(range(len(ranked)), [_name(c) for c in ranked], color=INK)
    ax.set_ylim(len(ranked) - 0.5, -0.5)
    ax.set_xlabel("Validation accuracy")
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=text.THIN + "%"))
    ax.grid(axis="y", visible=False)
    ax.margins(x=0.04)
    legend_above(ax, columns=4)
    return Figure(to_svg(figure), _alt(ranked), _caption(ranked), _table(ranked))


def _search_values(ax: Axes, ranked: Sequence[Candidate]) -> None:
    ax.scatter(
        [c.search_value for c in ranked], [i - SHIFT for i in range(len(ranked))], marker="D", s=24,
        facecolors="white", edgecolors=VERMILLION, linewidths=1.3, zorder=4, label="Search value",
    )  # fmt: skip
    said = [f"Trial {c.trial}, search value: {text.percent(c.search_value)}" for c in ranked]
    tell(ax, [(c.search_value, i - SHIFT, said[i]) for i, c in enumerate(ranked)])


def _runs(ax: Axes, ranked: Sequence[Candidate]) -> None:
    points = [(v, i + SHIFT) for i, c in enumerate(ranked) for v in c.values]
    if points:
        ax.scatter(
            [x for x, _ in points], [y for _, y in points], s=16, color=SKY, edgecolors=BLUE,
            linewidths=0.6, zorder=3, label="Run on a fresh seed",
        )  # fmt: skip
    for i, c in enumerate(ranked):
        said = f"Trial {c.trial}, run on a fresh seed: "
        tell(ax, [(v, i + SHIFT, said + text.percent(v)) for v in c.values])


def _means(ax: Axes, ranked: Sequence[Candidate]) -> None:
    known = [(i + SHIFT, c.mean) for i, c in enumerate(ranked) if c.mean is not None]
    spans = [(i + SHIFT, c.interval) for i, c in enumerate(ranked) if c.interval is not None]
    if spans:
        ax.hlines(
            [y for y, _ in spans], [low for _, (low, _) in spans], [high for _, (_, high) in spans],
            color=INK, linewidth=1.2, zorder=2, label=f"Mean with {INTERVAL}",
        )  # fmt: skip
    for y, mean in known:
        ax.vlines(mean, y - 0.17, y + 0.17, color=INK, linewidth=1.8, zorder=5)
    for i, c in enumerate(ranked):
        if c.mean is not None:
            tell(ax, [(c.mean, i + SHIFT, _mean(c.trial, c.mean, c.interval))])


def _mean(trial: int, mean: float, interval: Interval | None) -> str:
    spread = "" if interval is None else f", {INTERVAL} {text.interval(interval)}"
    return f"Trial {trial}, mean on fresh seeds: {text.percent(mean)}{spread}"


def _name(candidate: Candidate) -> str:
    return f"trial {candidate.trial}" + (" (winner)" if candidate.rank == 1 else "")


def _alt(ranked: Sequence[Candidate]) -> str:
    shown = [
        f"trial {c.trial} from {text.percent(c.search_value)} in the search to "
        + (f"a mean of {text.percent(c.mean)}" if c.mean is not None else "no value")
        for c in ranked
    ]
    return (
        f"Dot plot of {text.counted(len(ranked), 'candidate')}, search value against runs on fresh "
        f"seeds: {'; '.join(shown)}."
    )


def _caption(ranked: Sequence[Candidate]) -> str:
    caption = (
        "The best trials of the search and what the same parameters reached on fresh seeds. The "
        "upright stroke is the mean of the runs"
    )
    if not any(c.interval for c in ranked):
        return caption + "."
    return (
        f"{caption}, the line through it its {INTERVAL}, from the standard deviation pooled over "
        "all repeated runs."
    )


def _table(ranked: Sequence[Candidate]) -> list[list[str]]:
    return [
        ["Trial", "Search value", "Runs on fresh seeds", "Mean", INTERVAL],
        *(
            [
                str(c.trial),
                text.percent(c.search_value),
                ", ".join(text.percent(v) for v in c.values) or "–",
                "–" if c.mean is None else text.percent(c.mean),
                "–" if c.interval is None else text.interval(c.interval),
            ]
            for c in ranked
        ),
    ]
