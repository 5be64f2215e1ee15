"""Map of the trials over learning rate and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
)

from fmnist.report import text
from fmnist.report.figures.search_history import lowest_shown
from fmnist.report.figures.style import INK, MUTED, VERMILLION, Figure, canvas, legend_above, to_svg
from fmnist.report.figures.tooltips import tell
from search.records import Trial
from search.space import Categorical, SearchSpace

MAPPED = ("learning_rate", "dropout")
VALUES = LinearSegmentedColormap.from_list("values", ["#d3e3ef", "#56b4e9", "#0072b2", "#06304d"])
"""Colours of validation accuracies: the darker the better."""


def mapped(trials: Sequence[Trial], space: SearchSpace, winner: Trial | None) -> Figure | None:
    """Learning rate against dropout, the value as colour; None where not both are searched.

    Nothing is filled in between the trials: the other hyperparameters vary from one to the next.
    """
    found = {p.name: p for p in space if p.name in MAPPED and not isinstance(p, Categorical)}
    shown = [t for t in trials if set(MAPPED) <= set(t.params)]
    if len(found) < len(MAPPED) or not complete_of(shown):
        return None
    figure, ax = canvas(2.4)
    scale = value_scale(shown)
    for state, mark in (("pruned", "x"), ("failed", "v")):
        if chosen := [t for t in shown if t.state == state]:
            look = {"s": 18, "marker": mark, "color": MUTED, "linewidths": 0.9}
            ax.scatter(*_places(chosen), label=state.capitalize(), **look)
    complete = complete_of(shown)
    ax.scatter(
        *_places(complete), s=42, c=[t.value for t in complete], cmap=VALUES, norm=scale,
        edgecolors=INK, linewidths=0.5, zorder=3, label="Complete",
    )  # fmt: skip
    _ring(ax, winner)
    tell(ax, [(*_place(t), _said(t)) for t in shown])
    _map_axes(ax, found)
    legend_above(ax, columns=4)
    _bar(figure, ax, scale)
    return Figure(to_svg(figure), _map_alt(shown), _map_caption(winner), _map_table(shown))


def complete_of(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that ran to their end, with a value."""
    return [t for t in trials if t.state == "complete" and t.value is not None]


def value_scale(trials: Sequence[Trial]) -> Normalize:
    """From the lowest value that is worth a colour to the best."""
    values = [t.value or 0.0 for t in complete_of(trials)]
    low, high = lowest_shown(complete_of(trials)) or 0.0, max(values)
    return Normalize(low if high > low else high - 0.01, high, clip=True)


def _place(trial: Trial) -> tuple[float, float]:
    x, y = (float(trial.params[name]) for name in MAPPED)
    return x, y


def _places(trials: Sequence[Trial]) -> tuple[list[float], list[float]]:
    return [_place(t)[0] for t in trials], [_place(t)[1] for t in trials]


def _said(trial: Trial) -> str:
    value = "" if trial.value is None else f" {text.percent(trial.value)}"
    rate, dropout = (text.value(trial.params[name]) for name in MAPPED)
    return f"Trial {trial.number}, {trial.state}{value}: learning rate {rate}, dropout {dropout}"


def _ring(ax: Axes, winner: Trial | None) -> None:
    if winner is None or not set(MAPPED) <= set(winner.params):
        return
    x, y = _place(winner)
    ax.scatter(
        [x], [y], s=120, facecolors="none", edgecolors=VERMILLION, linewidths=1.5, zorder=4,
        label="Winner",
    )  # fmt: skip


def _map_axes(ax: Axes, found: dict[str, Any]) -> None:
    rate, dropout = (found[name] for name in MAPPED)
    if rate.log:
        ax.set_xscale("log")
        ax.set_xlim(rate.low / 1.12, rate.high * 1.12)
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    else:
        pad = 0.05 * (rate.high - rate.low)
        ax.set_xlim(rate.low - pad, rate.high + pad)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: text.number(x)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    pad = 0.06 * (dropout.high - dropout.low)
    ax.set_ylim(dropout.low - pad, dropout.high + pad)
    ax.set_xlabel("Learning rate" + (" (log scale)" if rate.log else ""))
    ax.set_ylabel("Dropout")


def _bar(figure: Any, ax: Axes, scale: Normalize) -> None:
    # From 50 colours on the bar would be a picture of pixels.
    colors = ScalarMappable(scale, VALUES.resampled(48))
    bar = figure.colorbar(colors, ax=ax, pad=0.02, aspect=24)
    bar.set_label("Validation accuracy", color=MUTED)
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_locator(MaxNLocator(5))
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol=text.THIN + "%"))


def _map_alt(shown: Sequence[Trial]) -> str:
    best = max(complete_of(shown), key=lambda t: (t.value or 0.0, -t.number))
    rate, dropout = (text.value(best.params[name]) for name in MAPPED)
    return (
        f"Scatter plot of dropout against learning rate over {text.counted(len(shown), 'trial')}, "
        f"coloured by validation accuracy. The highest, {text.percent(best.value or 0.0)}, is "
        f"trial {best.number} at a learning rate of {rate} and a dropout of {dropout}."
    )


def _map_caption(winner: Trial | None) -> str:
    ring = "" if winner is None else f" The ring marks trial {winner.number}, the winner."
    return (
        "Learning rate and dropout of every trial; darker is better, crosses were stopped early."
        f"{ring} The other hyperparameters vary too, so nothing is filled in between the trials."
    )


def _map_table(shown: Sequence[Trial]) -> list[list[str]]:
    head = ["Trial", "State", "Learning rate", "Dropout", "Validation accuracy"]
    rows = [
        [
            str(t.number),
            t.state,
            *(text.value(t.params[name]) for name in MAPPED),
            "–" if t.value is None else text.percent(t.value),
        ]
        for t in shown
    ]
    return [head, *rows]
