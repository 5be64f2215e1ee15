"""Plot of what mattered in the search: importances with what chance does to them."""

from __future__ import annotations

from matplotlib.axes import Axes

from fmnist.report import text
from fmnist.report.figures.style import (
    BLUE,
    INK,
    MUTED,
    RULE,
    VERMILLION,
    WIDTH,
    Figure,
    canvas,
    legend_above,
    to_svg,
)
from fmnist.report.figures.tooltips import tell
from search.analysis.results import Importance, ParameterImportance

FEW = 10
"""Bars that are drawn with room between them; more stand closer."""
NOT_CLEAR = "not distinguishable from noise"
INTERVAL = f"95{text.THIN}% interval"


def importance_bars(importance: Importance) -> Figure:
    """Importance of each hyperparameter with its interval and the level that noise reaches."""
    ranked = sorted(importance.parameters, key=lambda p: p.importance)
    step = 0.3 if len(ranked) <= FEW else 0.22
    figure, ax = canvas(step * len(ranked) + 0.75, width=WIDTH)
    colors = [BLUE if p.distinguishable else RULE for p in ranked]
    ax.barh(range(len(ranked)), [p.importance for p in ranked], color=colors, height=0.62, zorder=2)
    _intervals(ax, ranked)
    places = range(len(ranked))
    ax.vlines(
        [p.null_95 for p in ranked], [i - 0.38 for i in places], [i + 0.38 for i in places],
        color=VERMILLION, linewidth=1.6, linestyle=(0, (2, 1)), zorder=5,
        label="Level reached by noise (95 %)",
    )  # fmt: skip
    _notes(ax, ranked)
    tell(ax, [(p.importance, place, _said(p)) for place, p in enumerate(ranked)])
    ax.set_yticks(places, [text.title_case(p.name) for p in ranked], color=INK)
    ax.set_xlim(0, 1.45 * max([_reach(p) for p in ranked] or [1]))
    ax.set_xticks([x / 5 for x in range(6)])  # shares of one, though the notes reach further
    ax.set_xlabel(f"Importance ({importance.method})")
    ax.grid(axis="y", visible=False)
    legend_above(ax)
    return _figure(importance, to_svg(figure))


def _intervals(ax: Axes, ranked: list[ParameterImportance]) -> None:
    """Drawn as lines of their own: a percentile interval need not hold the estimate."""
    known = [(i, p.interval) for i, p in enumerate(ranked) if p.interval is not None]
    if not known:
        return
    ax.hlines(
        [i for i, _ in known], [low for _, (low, _) in known], [high for _, (_, high) in known],
        color=INK, linewidth=1.2, zorder=4, label=f"95{text.THIN}% interval (bootstrap)",
    )  # fmt: skip
    for i, bounds in known:
        ax.vlines(bounds, i - 0.14, i + 0.14, color=INK, linewidth=1.2, zorder=4)


def _notes(ax: Axes, ranked: list[ParameterImportance]) -> None:
    for place, p in enumerate(ranked):
        note = f"{p.importance:.2f}" if p.distinguishable else NOT_CLEAR
        ax.annotate(
            note, (_reach(p), place), xytext=(5, 0), textcoords="offset points", va="center",
            color=INK if p.distinguishable else MUTED, fontsize=8,
        )  # fmt: skip


def _said(p: ParameterImportance) -> str:
    name, importance, interval, noise, verdict = _row(p)
    spread = "" if interval == "–" else f" ({INTERVAL} {interval})"
    return f"{name}: importance {importance}{spread}, noise reaches {noise}; {verdict}"


def _reach(p: ParameterImportance) -> float:
    return max(p.importance, p.null_95, p.interval[1] if p.interval else 0.0)


def _figure(importance: Importance, svg: str) -> Figure:
    ranked = sorted(importance.parameters, key=lambda p: -p.importance)
    clear = [text.title_case(p.name) for p in ranked if p.distinguishable]
    found = f"{text.listing(clear)} stand out from noise" if clear else "none stands out from noise"
    resampled = (
        f" The line with ends holds 95 % of the estimates over {importance.bootstraps} resamples "
        "of the trials."
        if importance.bootstraps
        else ""
    )
    return Figure(
        svg,
        f"Bar chart of the importance of {len(ranked)} hyperparameters; {found}.",
        f"Importance of the hyperparameters by {importance.method} over "
        f"{text.counted(importance.trials, 'complete trial')}.{resampled} In 95 % of shufflings of "
        "the values among the trials no estimate passes the dashed tick; bars that do not pass it "
        "are in a lighter colour. Trials that were stopped early take no part, so what makes "
        "trials bad is not seen here.",
        [
            ["Hyperparameter", "Importance", f"95{text.THIN}% interval", "Noise (95 %)", "Verdict"],
            *(_row(p) for p in ranked),
        ],
    )


def _row(p: ParameterImportance) -> list[str]:
    return [
        text.title_case(p.name),
        f"{p.importance:.2f}",
        "–" if p.interval is None else f"{p.interval[0]:.2f}–{p.interval[1]:.2f}",
        f"{p.null_95:.2f}",
        "stands out from noise" if p.distinguishable else NOT_CLEAR,
    ]
