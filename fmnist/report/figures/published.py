"""Plot of the run among published results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator, PercentFormatter

from fmnist.report import text
from fmnist.report.figures.style import BLUE, INK, MUTED, Figure, canvas, to_svg
from fmnist.report.figures.tooltips import tell
from fmnist.report.published import AHEAD, BEHIND, TIED, Placed, PublishedResult
from fmnist.runs.records.metrics import Score
from search.analysis.results import Interval

INTERVAL = f"95{text.THIN}% interval"
_MARKS = {AHEAD: ("o", "white"), TIED: ("D", MUTED), BEHIND: ("s", INK)}
_KEY = {
    AHEAD: "this run is ahead of it",
    TIED: "not told apart",
    BEHIND: "this run is behind it",
}


def published_figure(score: Score, rows: Sequence[Placed]) -> Figure:
    """One row a published result, the highest on top, the run among them.

    Args:
        score: of the run on the test images.
        rows: the lowest accuracy first.
    """
    place = sum(p.result.accuracy < score.accuracy for p in rows)
    figure, ax = canvas(0.185 * (len(rows) + 1) + 0.95)
    ax.axvspan(*score.interval, color=BLUE, alpha=0.13, linewidth=0, zorder=0)
    heights = [y + (y >= place) for y in range(len(rows))]
    for verdict in (AHEAD, TIED, BEHIND):
        chosen = [(y, p) for y, p in zip(heights, rows, strict=True) if p.verdict == verdict]
        _marks(ax, verdict, chosen)
    _mark(ax, place, score.accuracy, score.interval, BLUE)
    _tell(ax, score, place, zip(heights, rows, strict=True))
    names = [p.result.name for p in rows]
    names.insert(place, "This run")
    ax.set_yticks(range(len(names)), names, color=INK, fontsize=7.5)
    ax.get_yticklabels()[place].set(color=BLUE, fontweight=600)
    ax.set_ylim(-0.7, len(names) - 0.3)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("Test accuracy")
    ax.xaxis.set_major_locator(MultipleLocator(0.02))
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=text.THIN + "%"))
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, borderaxespad=0.2, handlelength=1.2,
        columnspacing=1.6, fontsize=8,
    )  # fmt: skip
    return Figure(to_svg(figure), _alt(score, rows, place), _caption(), _table(rows))


def _marks(ax: Axes, verdict: str, rows: Sequence[tuple[int, Placed]]) -> None:
    if not rows:
        return
    marker, face = _MARKS[verdict]
    for y, p in rows:
        ax.hlines(y, *p.result.interval, color=MUTED, linewidth=1, zorder=2)
    ax.plot(
        [p.result.accuracy for _, p in rows], [y for y, _ in rows], marker, color=INK,
        markerfacecolor=face, markersize=4, markeredgewidth=0.8, zorder=3, label=_KEY[verdict],
    )  # fmt: skip


def _mark(ax: Axes, y: int, accuracy: float, interval: Interval, color: str) -> None:
    ax.hlines(y, *interval, color=color, linewidth=2, zorder=4)
    ax.plot(accuracy, y, "o", color=color, markersize=6, zorder=5)


def _tell(ax: Axes, score: Score, place: int, rows: Iterable[tuple[int, Placed]]) -> None:
    """From the highest to the lowest."""
    said = [(place, score.accuracy, f"This run: {_figure(score)}")]
    for y, p in rows:
        line = f"{p.result.name}: {_figure(p.result)}; {_KEY[p.verdict]}"
        said.append((y, p.result.accuracy, line))
    tell(ax, [(x, y, line) for y, x, line in sorted(said, reverse=True)])


def _figure(of: Score | PublishedResult) -> str:
    return f"{text.percent(of.accuracy)} ({INTERVAL} {text.interval(of.interval)})"


def _alt(score: Score, rows: Sequence[Placed], place: int) -> str:
    above = f", below {rows[place].result.name}" if place < len(rows) else ", above all of them"
    below = f", above {rows[place - 1].result.name}" if place else ""
    return (
        f"Dot plot of {len(rows)} published test accuracies with intervals, from "
        f"{text.percent(rows[0].result.accuracy)} ({rows[0].result.name}) to "
        f"{text.percent(rows[-1].result.accuracy)} ({rows[-1].result.name}). This run stands at "
        f"{text.percent(score.accuracy)}{above}{below}."
    )


def _caption() -> str:
    return (
        f"This run among published results, each with its {INTERVAL}; the band is that of this "
        "run. The intervals are ours, Wilson's, from the number of test images. Published figures "
        "were often chosen on the test set, by epoch or among several runs, so they tend to be too "
        "high; this run took its figures from the test set once, after every choice."
    )


def _table(rows: Sequence[Placed]) -> list[list[str]]:
    return [
        ["Result", "Accuracy", INTERVAL, "This run is"],
        *(
            [
                p.result.name,
                text.percent(p.result.accuracy),
                text.interval(p.result.interval),
                p.verdict,
            ]
            for p in reversed(rows)
        ),
    ]
