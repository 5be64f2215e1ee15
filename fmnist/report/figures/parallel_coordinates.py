"""Parallel coordinates: every complete trial over all hyperparameters at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from fmnist.report import text
from fmnist.report.figures.contour import VALUES, complete_of, value_scale
from fmnist.report.figures.style import INK, MUTED, RULE, VERMILLION, Figure, canvas, to_svg
from fmnist.report.figures.tooltips import tell
from search.records import Trial
from search.space import Categorical, Parameter, SearchSpace

FEWEST = 3
"""Complete trials below which lines side by side show nothing."""
BESIDE = 9
"""Axes that fit beside each other; more go into further rows."""
MANY = 20
"""Trials from which on the lower ones are paler, so that the best stay visible."""


def parallel(trials: Sequence[Trial], space: SearchSpace, winner: Trial | None) -> Figure | None:
    """Every complete trial as a line over all hyperparameters; None where there are too few."""
    names = [p.name for p in space]
    complete = [t for t in complete_of(trials) if set(names) <= set(t.params)]
    if len(complete) < FEWEST:
        return None
    ordered = sorted(complete, key=lambda t: (t.value or 0.0, -t.number))
    rows = _rows(list(space))
    figure, axes = canvas(
        (2.1 if len(rows) == 1 else 1.8) * len(rows) + 0.15, len(rows), 1, squeeze=False
    )
    scale = value_scale(complete)
    for ax, parameters in zip(axes.flat, rows, strict=True):
        _lines(ax, parameters, ordered, scale)
        _highlight(ax, parameters, winner, scale)
        _columns(ax, parameters, scale, width=max(len(row) for row in rows))
    best = ordered[-1]
    return Figure(
        to_svg(figure),
        f"Parallel coordinates of {text.counted(len(complete), 'complete trial')} over "
        f"{text.listing([text.title_case(n) for n in names])}; the highest value, "
        f"{text.percent(best.value or 0.0)}, is that of trial {best.number}.",
        "Every complete trial as a line over its hyperparameters to its validation accuracy on "
        f"the right; darker is better{_marked(winner)}. Logarithmic ranges are drawn so; values "
        "below the scale on the right stand at its foot.",
        _parallel_table(ordered[::-1], names),
    )


def _rows(parameters: list[Parameter]) -> list[list[Parameter]]:
    """As few rows as fit, of nearly equal length."""
    number = -(-len(parameters) // BESIDE)
    size = -(-len(parameters) // number)
    return [parameters[i : i + size] for i in range(0, len(parameters), size)]


def _height(p: Parameter, value: Any) -> float:
    """Where a value stands on its axis, 0 to 1."""
    if isinstance(p, Categorical):
        return float(p.choices.index(value) / max(len(p.choices) - 1, 1))
    if p.low == p.high:
        return 0.5
    low, high, place = (np.log(float(v)) if p.log else float(v) for v in (p.low, p.high, value))
    return float((place - low) / (high - low))


def _points(parameters: Sequence[Parameter], t: Trial, scale: Normalize) -> list[list[float]]:
    """The line of a trial; its value stands one place behind the hyperparameters."""
    heights = [_height(p, t.params[p.name]) for p in parameters]
    heights.append(float(scale(t.value or 0.0)))
    return [[float(x), y] for x, y in enumerate(heights)]


def _lines(
    ax: Axes, parameters: Sequence[Parameter], trials: Sequence[Trial], scale: Normalize
) -> None:
    """The best are drawn last, over the others."""
    least = 0.6 if len(trials) <= MANY else 0.35
    good = [float(scale(t.value or 0.0)) for t in trials]
    lines = LineCollection(
        [_points(parameters, t, scale) for t in trials], cmap=VALUES, norm=scale,
        linewidths=[0.7 + 0.7 * g**2 for g in good],
        alpha=[least + (0.95 - least) * g**2 for g in good],
        zorder=2,
    )  # fmt: skip
    lines.set_array([t.value or 0.0 for t in trials])
    ax.add_collection(lines)
    for t in trials:
        *_, (x, y) = _points(parameters, t, scale)
        tell(ax, [(x, y, f"Trial {t.number}: {text.percent(t.value or 0.0)}")])


def _highlight(
    ax: Axes, parameters: Sequence[Parameter], winner: Trial | None, scale: Normalize
) -> None:
    if winner is None or not {p.name for p in parameters} <= set(winner.params):
        return
    x, y = zip(*_points(parameters, winner, scale), strict=True)
    ax.plot(x, y, color=VERMILLION, linewidth=2.2, zorder=3, marker="o", markersize=3.5)


def _columns(ax: Axes, parameters: Sequence[Parameter], scale: Normalize, width: int) -> None:
    """Axes and their ends, the names above them."""
    last = len(parameters)
    small = 6.5 if width > 6 else 7.5
    for x, p in enumerate(parameters):
        ax.vlines(x, 0, 1, color=RULE, linewidth=0.8, zorder=1)
        for y, said in _ends(p):
            _label(ax, x, y, said, small)
    ax.vlines(last, 0, 1, color=INK, linewidth=0.9, zorder=1)
    for y, v in ((0.0, scale.vmin), (1.0, scale.vmax)):
        _label(ax, last, y, text.percent(v or 0.0, digits=1), small)
    names = [*(_broken(p.name) for p in parameters), "validation\naccuracy"]
    ax.set_xticks(range(last + 1), names, fontsize=small + 0.5, color=INK)
    ax.xaxis.tick_top()
    ax.tick_params(length=0, pad=5)
    for label in ax.get_xticklabels():
        label.set_verticalalignment("bottom")
    ax.set_yticks([])
    ax.set_xlim(-0.35, max(last, width) + 0.35)
    ax.set_ylim(-0.13, 1.14)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def _ends(p: Parameter) -> list[tuple[float, str]]:
    if isinstance(p, Categorical):
        return [(_height(p, c), text.value(c)) for c in p.choices]
    return [(0.0, text.value(p.low)), (1.0, text.value(p.high))]


def _label(ax: Axes, x: float, y: float, said: str, size: float) -> None:
    """Below the foot, above the head, beside a choice between them."""
    place = {0.0: ((0, -5), "center", "top"), 1.0: ((0, 5), "center", "bottom")}
    offset, across, up = place.get(y, ((4, 0), "left", "center"))
    ground = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
    ax.annotate(
        said, (x, y), xytext=offset, textcoords="offset points", ha=across, va=up, fontsize=size,
        color=MUTED, zorder=5, bbox=None if y in place else ground,
    )  # fmt: skip


def _broken(name: str) -> str:
    """A name on two lines where it has two words."""
    return text.title_case(name).replace(" ", "\n", 1)


def _marked(winner: Trial | None) -> str:
    return "" if winner is None else f", the thick line is trial {winner.number}, the winner"


def _parallel_table(trials: Sequence[Trial], names: Sequence[str]) -> list[list[str]]:
    head = ["Trial", "Validation accuracy", *(text.title_case(n) for n in names)]
    rows = [
        [str(t.number), text.percent(t.value or 0.0), *(text.value(t.params[n]) for n in names)]
        for t in trials
    ]
    return [head, *rows]
