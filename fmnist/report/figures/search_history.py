"""Plots of the search: its course, its slices, and accuracy against what a network costs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
)

from fmnist.report import text
from fmnist.report.figures.style import (
    BLUE,
    INK,
    MUTED,
    SKY,
    VERMILLION,
    Figure,
    canvas,
    legend_above,
    to_svg,
)
from fmnist.report.figures.tooltips import tell
from search.records import Trial
from search.space import Categorical, Parameter, SearchSpace

STATES = {
    "complete": {"color": BLUE, "marker": "o", "label": "Complete"},
    "pruned": {"color": MUTED, "marker": "x", "label": "Pruned"},
    "failed": {"color": VERMILLION, "marker": "v", "label": "Failed"},
}
COLUMNS, MANY_COLUMNS, MANY = 4, 5, 12
"""Plots beside each other, in more than two rows closer; at most ``MANY`` in a figure."""
# Accuracies that far apart at most are all shown where the figure is small.
_SPAN = 0.15
_WIDE = 5  # times the smallest from which on costs are drawn on a log scale
FEW = 10
"""Values up to which the axis shows all: of so few, one that is cut off is a wrong point."""
_SLICES = "Validation accuracy of the complete trials against each hyperparameter"
_SLICES_READ = (
    "Other hyperparameters vary at the same time, so a slope is a hint, not an effect; values "
    "below the axis are drawn at its lower end."
)
_SLICES_MORE = "The same against further hyperparameters."


@dataclass(frozen=True)
class Cost:
    """What the networks of trials cost, by number of trial.

    Attributes:
        label: of the axis, with the unit.
        cap: what was allowed at most; None: no limit.
    """

    label: str
    values: Mapping[int, float]
    cap: float | None = None

    def of(self, trials: Sequence[Trial]) -> list[Trial]:
        """The complete trials whose cost is known."""
        return [t for t in trials if t.state == "complete" and t.number in self.values]

    def front(self, trials: Sequence[Trial]) -> list[Trial]:
        """The complete trials that no other one beats at the same cost or less, cheapest first."""
        ranked = sorted(self.of(trials), key=lambda t: (self.values[t.number], -(t.value or 0)))
        best = itertools.accumulate((t.value or 0.0 for t in ranked), max, initial=-1.0)
        return [t for t, before in zip(ranked, best, strict=False) if (t.value or 0) > before]


def best_so_far(trials: Sequence[Trial]) -> list[float]:
    """Best value among the complete trials up to each one; NaN before the first."""
    values = [
        t.value if t.state == "complete" and t.value is not None else -math.inf for t in trials
    ]
    best = itertools.accumulate(values, max)
    return [b if math.isfinite(b) else math.nan for b in best]


def search_history(trials: Sequence[Trial], *, small: bool = False) -> Figure:
    """Value of every trial in its order, with the best so far.

    ``small``: for less than half the width of a page.
    """
    figure, ax = canvas(1.85, width=3.2) if small else canvas(2.75)
    numbers, best = [t.number for t in trials], best_so_far(trials)
    ax.step(numbers, best, where="post", color=INK, linewidth=1.2, label="Best so far")
    floor = None if small and _near(trials) else lowest_shown(trials)
    for state, look in STATES.items():
        chosen = [t for t in trials if t.state == state]
        _scatter_state(ax, chosen, look, floor)
    ax.set_xlabel("Trial")
    ax.set_ylabel("Validation accuracy")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol=text.THIN + "%"))
    legend_above(ax, columns=2 if small else 4)
    if floor is not None:
        ax.set_ylim(bottom=floor - 0.04 * (ax.get_ylim()[1] - floor))
    counts = text.listing([f"{sum(t.state == s for t in trials)} {s}" for s in STATES])
    return Figure(
        to_svg(figure),
        f"Scatter plot of {len(trials)} trials ({counts}) with a line for the best validation "
        f"accuracy so far, which {_end(best)}.",
        "Course of the search. " + _read(trials, floor),
        [["Trial", "State", "Validation accuracy", "Best so far"], *_rows(trials, best)],
    )


def _near(trials: Sequence[Trial]) -> bool:
    """Whether all values fit into one plot."""
    values = [t.value for t in trials if t.value is not None]
    return bool(values) and len(values) == len(trials) and max(values) - min(values) < _SPAN


def _read(trials: Sequence[Trial], floor: float | None) -> str:
    """How the marks are to be read."""
    parts = ["Each mark is one trial"]
    if any(t.state == "pruned" for t in trials):
        parts.append("a pruned trial shows the last accuracy it reported before it was stopped")
    if any(floor is not None and t.value is not None and t.value < floor for t in trials):
        parts.append("values below the axis are drawn at its lower end")
    if any(t.value is None for t in trials):
        parts.append("trials without a value stand at its lower end")
    return "; ".join(parts) + "."


def _end(best: Sequence[float]) -> str:
    known = bool(best) and not math.isnan(best[-1])
    return f"ends at {text.percent(best[-1])}" if known else "has no point yet"


def lowest_shown(trials: Sequence[Trial]) -> float | None:
    """Lower end of the value axis: one trial that learned nothing must not flatten the rest."""
    values = sorted(t.value for t in trials if t.value is not None)
    if not values:
        return None
    if len(values) <= FEW:
        return values[0]
    complete = [t.value for t in trials if t.state == "complete" and t.value is not None] or values
    middle, top = float(np.median(complete)), max(complete)
    reach = max(3 * (top - middle), 2 * (middle - float(np.quantile(complete, 0.1))), 0.01)
    return max(values[0], middle - reach)


def _scatter_state(
    ax: Axes, trials: Sequence[Trial], look: dict[str, str], floor: float | None
) -> None:
    low = 0.0 if floor is None else floor
    x = [t.number for t in trials]
    y = [low if t.value is None else max(t.value, low) for t in trials]
    if trials:
        ax.scatter(x, y, s=20, linewidths=1, zorder=3, clip_on=False, **look)  # type: ignore[arg-type]
        tell(ax, [(t.number, height, _said(t)) for t, height in zip(trials, y, strict=True)])


def _said(trial: Trial) -> str:
    value = "" if trial.value is None else f": {text.percent(trial.value)}"
    return f"Trial {trial.number}, {trial.state}{value}"


def _rows(trials: Sequence[Trial], best: Sequence[float]) -> list[list[str]]:
    return [
        [
            str(t.number),
            t.state,
            "–" if t.value is None else text.percent(t.value),
            "–" if math.isnan(b) else text.percent(b),
        ]
        for t, b in zip(trials, best, strict=True)
    ]


def cost_front(trials: Sequence[Trial], costs: Sequence[Cost]) -> Figure | None:
    """Accuracy against each cost, with its front and its cap; None where the costs are all one."""
    shown = [c for c in costs if len({c.values[t.number] for t in c.of(trials)}) > 1]
    if not shown:
        return None
    figure, axes = canvas(2.75, 1, len(shown), sharey=True, squeeze=False)
    for ax, cost in zip(axes[0], shown, strict=True):
        _cost_panel(ax, cost, trials)
    axes[0][0].set_ylabel("Validation accuracy")
    axes[0][0].yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol=text.THIN + "%"))
    known = {n: h for ax in axes[0] for h, n in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(known.values(), known, loc="outside upper left", ncols=3)
    floor = lowest_shown(trials)
    if floor is not None:
        axes[0][0].set_ylim(bottom=floor - 0.04 * (axes[0][0].get_ylim()[1] - floor))
    fronts = [c.front(trials) for c in shown]
    said = text.listing(
        [f"{c.label.lower()} ({len(f)})" for c, f in zip(shown, fronts, strict=True)]
    )
    capped = any(c.cap is not None for c in shown)
    return Figure(
        to_svg(figure),
        f"Scatter plot of validation accuracy against {said}; in brackets how many trials lie on "
        f"the front{', and a line marks what was allowed at most' if capped else ''}.",
        "Accuracy against what a network costs. On the front lie the complete trials that no other "
        "one beats at the same cost or less; that they are the best of many makes them look better "
        f"than they are{'. Networks beyond the broken line were not trained' if capped else ''}.",
        [
            ["Trial", *(c.label for c in shown), "Validation accuracy", "On a front of"],
            *(_cost_row(t, shown, fronts) for t in shown[0].of(trials)),
        ],
    )


def _cost_panel(ax: Axes, cost: Cost, trials: Sequence[Trial]) -> None:
    floor = lowest_shown(trials) or 0.0
    for chosen, look in (
        (cost.of(trials), {"color": SKY, "marker": "o", "label": "Trial", "s": 16}),
        (cost.front(trials), {"color": BLUE, "marker": "D", "label": "On the front", "s": 26}),
    ):
        x = [cost.values[t.number] for t in chosen]
        y = [max(t.value or 0.0, floor) for t in chosen]
        ax.scatter(x, y, zorder=3, clip_on=False, **look)  # type: ignore[arg-type]
    ax.step(x, y, where="post", color=BLUE, linewidth=1.2)
    points = [(cost.values[t.number], max(t.value or 0.0, floor), t) for t in cost.of(trials)]
    tell(ax, [(a, b, f"{_said(t)}, {cost.label} {text.number(a)}") for a, b, t in points])
    if cost.cap is not None:
        ax.axvline(cost.cap, color=VERMILLION, linewidth=1.4, linestyle=(0, (4, 2)), label="Limit")
    ax.set_xlabel(cost.label)
    shown = [*(a for a, _, _ in points), *([cost.cap] if cost.cap else [])]
    if max(shown) > _WIDE * min(shown):
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: text.number(v)))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _cost_row(trial: Trial, costs: Sequence[Cost], fronts: Sequence[Sequence[Trial]]) -> list[str]:
    known = [c.values.get(trial.number) for c in costs]
    on = [c.label for c, front in zip(costs, fronts, strict=True) if trial in front]
    cells = ["–" if v is None else text.number(v) for v in known]
    return [str(trial.number), *cells, text.percent(trial.value or 0.0), text.listing(on) or "–"]


def slices(trials: Sequence[Trial], space: SearchSpace, winner: Trial | None) -> tuple[Figure, ...]:
    """Small multiples: value of the complete trials against each hyperparameter.

    The winner is marked, with its search value. More than ``MANY`` hyperparameters make several
    figures: one would fill more than half a page, and a figure cannot be broken.
    """
    complete = [t for t in trials if t.state == "complete" and t.value is not None]
    parameters = list(space)
    size = math.ceil(len(parameters) / math.ceil(len(parameters) / MANY))
    parts = [parameters[i : i + size] for i in range(0, len(parameters), size)]
    return tuple(_slices(part, complete, winner, n) for n, part in enumerate(parts))


def _slices(
    parameters: Sequence[Parameter], complete: Sequence[Trial], winner: Trial | None, part: int
) -> Figure:
    columns = COLUMNS if len(parameters) <= 2 * COLUMNS else MANY_COLUMNS
    rows = math.ceil(len(parameters) / columns)
    figure, axes = canvas(1.25 * rows + 0.1, rows, columns, sharey=True, squeeze=False)
    for ax, parameter in zip(axes.flat, parameters, strict=False):
        _slice(ax, parameter, complete, winner)
    for ax in axes.flat[len(parameters) :]:
        ax.set_visible(False)
    for row in axes:
        row[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol=text.THIN + "%"))
        row[0].yaxis.set_major_locator(MaxNLocator(4))
    floor = lowest_shown(complete)
    if floor is not None:
        axes[0][0].set_ylim(bottom=floor - 0.05 * (max(t.value or 0 for t in complete) - floor))
    return Figure(
        to_svg(figure),
        f"{text.counted(len(parameters), 'scatter plot')} of validation accuracy against "
        f"{text.listing([text.title_case(p.name) for p in parameters])}, one each, over "
        f"{text.counted(len(complete), 'complete trial')}; {_ring(winner)}.",
        _SLICES_MORE if part else f"{_SLICES}; {_ring(winner)}. {_SLICES_READ}",
    )


def _ring(winner: Trial | None) -> str:
    return "none is marked" if winner is None else f"a ring marks trial {winner.number}"


def _slice(ax: Axes, parameter: Parameter, trials: Sequence[Trial], winner: Trial | None) -> None:
    trials = [t for t in trials if parameter.name in t.params]
    floor = lowest_shown(trials) or 0.0
    y = [max(t.value or 0.0, floor) for t in trials]
    x = [_position(parameter, t) for t in trials]
    ax.scatter(x, y, s=13, color=SKY, edgecolors=BLUE, linewidths=0.6, zorder=3, clip_on=False)
    name = text.title_case(parameter.name)
    said = [f"{_said(t)}, {name} {text.value(t.params[parameter.name])}" for t in trials]
    tell(ax, zip(x, y, said, strict=True))
    if winner is not None and winner.value is not None and parameter.name in winner.params:
        ax.scatter(
            [_position(parameter, winner)], [winner.value], s=60, facecolors="none",
            edgecolors=VERMILLION, linewidths=1.4, zorder=4, clip_on=False,
        )  # fmt: skip
    ax.set_title(text.title_case(parameter.name), fontweight=400)
    _slice_axis(ax, parameter)


def _position(parameter: Parameter, trial: Trial) -> float:
    value = trial.params[parameter.name]
    if isinstance(parameter, Categorical):
        return float(parameter.choices.index(value))
    return float(value)


def _slice_axis(ax: Axes, parameter: Parameter) -> None:
    if isinstance(parameter, Categorical):
        labels = [text.value(choice) for choice in parameter.choices]
        ax.set_xticks(range(len(labels)), labels)
        ax.set_xlim(-0.5, len(labels) - 0.5)
    elif parameter.log:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: text.number(x)))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_xlim(parameter.low * 0.8, parameter.high * 1.25)
    else:
        pad = 0.06 * ((parameter.high - parameter.low) or 1)
        ax.set_xlim(parameter.low - pad, parameter.high + pad)
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=isinstance(parameter.low, int)))
