"""Forest plot of runs on the same test images: accuracies, and the lead of the first."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fmnist.report import text
from fmnist.report.figures.style import BLUE, INK, MUTED, VERMILLION, Figure, canvas, to_svg
from fmnist.report.figures.tooltips import tell
from fmnist.report.narrative.comparison import label, published_figure
from fmnist.runs.records.comparison import AHEAD, BEHIND, UNDECIDED, Comparison, Lead

INTERVAL = f"95{text.THIN}% interval"
NAME_LENGTH = 26
_MARKS = {AHEAD: "o", BEHIND: "s", UNDECIDED: "D"}


def leads_figure(found: Comparison) -> Figure:
    """Left the accuracy of every system, right the lead of the first over each other."""
    rows = len(found.systems)
    figure, (left, right) = canvas(0.3 * rows + 1.0, 1, 2, sharey=True)
    _accuracies(left, found)
    _leads(right, found)
    left.set_yticks(range(rows), [_short(label(s, found)) for s in found.systems], color=INK)
    left.get_yticklabels()[0].set_fontweight(600)
    left.set_ylim(rows - 0.5, -0.5)
    for ax in (left, right):
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
        ax.margins(x=0.08)
        ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    left.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:.4g}{text.THIN}%"))
    right.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:.3g}".replace("-", "−")))
    left.set_title("Test accuracy")
    right.set_title("Lead of this run, percentage points")
    return Figure(to_svg(figure), _alt(found), _caption(found), _table(found))


def _short(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"


def _accuracies(ax: Axes, found: Comparison) -> None:
    for row, system in enumerate(found.systems):
        color = INK if row else BLUE
        ax.hlines(row, *system.interval, color=color, linewidth=1.4, zorder=3)
        ax.plot(system.accuracy, row, "o", color=color, markersize=5, zorder=4)
        spread = f"{INTERVAL} {text.interval(system.interval)}"
        said = f"{label(system, found)}: {text.percent(system.accuracy)}, {spread}"
        tell(ax, [(system.accuracy, row, said)])
        if system.published:
            ax.plot(
                [min(system.published), max(system.published)], [row + 0.24] * 2, "-D",
                color=VERMILLION, markerfacecolor="white", markersize=3.6, linewidth=1, zorder=2,
            )  # fmt: skip


def _leads(ax: Axes, found: Comparison) -> None:
    ax.axvline(0, color=MUTED, linewidth=0.9, zorder=1)
    for row, (system, lead) in enumerate(found.others, start=1):
        decided = lead.verdict != UNDECIDED
        ax.hlines(row, *lead.interval, color=INK, linewidth=1.4, zorder=3)
        ax.plot(
            lead.difference, row, _MARKS[lead.verdict], color=INK, markersize=5, zorder=4,
            markerfacecolor=INK if decided else "white",
        )  # fmt: skip
        said = f"Lead over {label(system, found)}: {_points(lead)}; {lead.verdict}"
        tell(ax, [(lead.difference, row, said)])


def _points(lead: Lead) -> str:
    spread = text.point_span(lead.interval)
    return f"{text.signed_points(lead.difference)} ({INTERVAL} {spread})"


def _alt(found: Comparison) -> str:
    shown = [
        f"{label(s, found)} {text.percent(s.accuracy)}, lead "
        f"{text.signed_points(lead.difference)} points, {lead.verdict}"
        for s, lead in found.others
    ]
    first = f"this run, {found.first.name}, {text.percent(found.first.accuracy)}"
    return (
        f"Forest plot of {len(found.systems)} systems on the same test images: {first}; "
        f"{'; '.join(shown)}."
    )


def _caption(found: Comparison) -> str:
    published = (
        " Diamonds below a row: the published accuracy of the recipe."
        if any(s.published for s in found.systems)
        else ""
    )
    return (
        f"Left: test accuracy with its {INTERVAL} (Wilson).{published} Right: accuracy of this run "
        f"minus that of the other on the same images, with its {INTERVAL} (Bonett and Price). "
        "Filled marks: a difference by McNemar's exact test after Holm's correction, round where "
        "this run is ahead, square where it is behind; open diamonds: no difference found."
    )


def _table(found: Comparison) -> list[list[str]]:
    first = found.first
    rows = [
        [
            first.name, text.percent(first.accuracy), text.interval(first.interval),
            published_figure(first), "–", "–",
        ]
    ]  # fmt: skip
    for s, lead in found.others:
        rows.append(
            [
                label(s, found),
                text.percent(s.accuracy),
                text.interval(s.interval),
                published_figure(s),
                text.signed_points(lead.difference),
                f"{text.signed_points(lead.interval[0])} to {text.signed_points(lead.interval[1])}",
            ]
        )
    return [["System", "Accuracy", INTERVAL, "Published", "Lead", INTERVAL], *rows]
