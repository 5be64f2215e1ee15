"""Several runs in one plot: recall of each class, and curves of the final training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fmnist.report import class_labels, text
from fmnist.report.figures import many_classes
from fmnist.report.figures.style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    SKY,
    VERMILLION,
    Figure,
    canvas,
    to_svg,
)
from fmnist.report.figures.tooltips import tell
from fmnist.runs.records.metrics import ClassScore, History, TestScore

INTERVAL = f"95{text.THIN}% interval"
MOST = 8
"""Runs that one plot can hold and a reader still tell apart."""
_LOOKS = [
    {"color": color, "marker": marker, "linestyle": line}
    for color, marker, line in (
        (BLUE, "o", "-"), (VERMILLION, "s", "--"), (GREEN, "^", "-."), (INK, "D", ":"),
        (SKY, "v", "-"), ("#CC79A7", "P", "--"), ("#E69F00", "X", "-."), (MUTED, "*", ":"),
    )
]  # fmt: skip
NAME_LENGTH = 30
_TALLEST = 7.0
"""Inches that the rows of the classes may take."""


def recall_figure(runs: Sequence[tuple[str, TestScore]]) -> Figure:
    """Recall of every class with its interval, one mark a run.

    Args:
        runs: name and score of each; those after ``MOST`` are not drawn.
    """
    shown = runs[:MOST]
    row = 0.09 * len(shown) + 0.12
    chosen = many_classes.lowest(
        [-gap for gap in _gaps(shown)], max(text.FEW_CLASSES, int(_TALLEST / row))
    )
    labels = class_labels.labels([c.name for c in shown[0][1].tested_classes])
    names = [labels[k] for k in chosen]
    figure, ax = canvas(row * len(names) + 0.9)
    step = 0.8 / len(shown)
    for k, (run, score) in enumerate(shown):
        shift = (k - (len(shown) - 1) / 2) * step
        _recalls(ax, run, [score.tested_classes[c] for c in chosen], shift, _LOOKS[k])
    ax.set_yticks(range(len(names)), names, color=INK)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_yticks([y + 0.5 for y in range(len(names) - 1)], minor=True)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="y", which="minor", visible=True)
    ax.tick_params(axis="y", which="both", length=0)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=text.THIN + "%"))
    ax.set_xlabel("Recall")
    _legend(ax)
    caption = _recall_caption(len(runs))
    if len(names) < len(shown[0][1].tested_classes):
        caption += f" Drawn are the {len(names)} classes in which the runs differ most."
    return Figure(to_svg(figure), _recall_alt(shown), caption)


def _gaps(runs: Sequence[tuple[str, TestScore]]) -> list[float]:
    """By how much the recall of each class differs between the runs."""
    rows = zip(*([c.recall for c in score.tested_classes] for _, score in runs), strict=True)
    return [max(row) - min(row) for row in rows]


def _recalls(
    ax: Axes, run: str, classes: Sequence[ClassScore], shift: float, look: dict[str, Any]
) -> None:
    places = [place + shift for place in range(len(classes))]
    spans = [c.recall_interval for c in classes]
    ax.hlines(places, [s[0] for s in spans], [s[1] for s in spans], color=look["color"], lw=1.1)
    ax.plot(
        [c.recall for c in classes], places, look["marker"], color=look["color"], markersize=4,
        label=_short(run),
    )  # fmt: skip
    for place, c in zip(places, classes, strict=True):
        spread = f"{INTERVAL} {text.interval(c.recall_interval, digits=1)}"
        tell(ax, [(c.recall, place, f"{run}, {c.name}: recall {_recall(c)}, {spread}")])


def _recall(c: ClassScore) -> str:
    return text.percent(c.recall, digits=1)


def _recall_alt(runs: Sequence[tuple[str, TestScore]]) -> str:
    rows = zip(*(score.tested_classes for _, score in runs), strict=True)
    widest = max(rows, key=lambda row: max(c.recall for c in row) - min(c.recall for c in row))
    said = [f"{_recall(c)} in {run}" for (run, _), c in zip(runs, widest, strict=True)]
    return (
        f"Dot plot of the recall of {len(runs[0][1].tested_classes)} classes in {len(runs)} runs. "
        f"They differ most for {widest[0].name}: {text.listing(said)}."
    )


def _recall_caption(runs: int) -> str:
    return (
        f"Recall of each class with its {INTERVAL} (Wilson), one mark a run." + _left_out(runs)
        + " The runs saw the same images, so a difference can be more certain than the overlap "
        "of two intervals suggests."
    )  # fmt: skip


def _left_out(runs: int) -> str:
    return f" The first {MOST} of {runs} runs are drawn." if runs > MOST else ""


def curves_figure(runs: Sequence[tuple[str, History]]) -> Figure:
    """Validation accuracy and loss of the final training by epoch, one line a run."""
    shown = runs[:MOST]
    figure, (left, right) = canvas(2.9, 1, 2)
    for k, (run, history) in enumerate(shown):
        accuracy = [(e.epoch, e.val_accuracy) for e in history.epochs]
        loss = [(e.epoch, e.val_loss) for e in history.epochs]
        _line(left, run, accuracy, history.chosen_epoch, _LOOKS[k], text.percent)
        _line(right, run, loss, history.chosen_epoch, _LOOKS[k], text.loss)
    for ax, title in ((left, "Validation accuracy"), (right, "Validation loss")):
        ax.set_title(title)
        ax.set_xlabel("Epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol=text.THIN + "%"))
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return Figure(to_svg(figure), _curves_alt(shown), _curves_caption(len(runs)), _table(runs))


def _line(
    ax: Axes, run: str, points: Sequence[tuple[int, float]], chosen: int, look: dict[str, Any],
    shown: Callable[[float], str],
) -> None:  # fmt: skip
    epochs, values = zip(*points, strict=True)
    small: dict[str, Any] = {"markersize": 3, "linewidth": 1.3, "markeredgewidth": 0}
    ax.plot(epochs, values, label=_short(run), **look, **small)
    at = epochs.index(chosen)
    ax.plot(
        chosen, values[at], "o", markersize=8, markerfacecolor="none", color=look["color"],
        markeredgewidth=1.1,
    )  # fmt: skip
    for epoch, value in points:
        kept = ", its weights were kept" if epoch == chosen else ""
        tell(ax, [(epoch, value, f"{run}, epoch {epoch}: {shown(value)}{kept}")])


def _curves_alt(runs: Sequence[tuple[str, History]]) -> str:
    said = [
        f"{run} reaches {text.percent(h.chosen.val_accuracy)} in epoch {h.chosen_epoch} of "
        f"{len(h.epochs)}"
        for run, h in runs
    ]
    return f"Two line plots, validation accuracy and validation loss by epoch: {'; '.join(said)}."


def _curves_caption(runs: int) -> str:
    return (
        "Validation accuracy and loss of each final training; a ring marks the epoch whose weights "
        f"were kept.{_left_out(runs)} Runs may have held out other images for validation, so that "
        "small differences between the curves mean little."
    )


def _table(runs: Sequence[tuple[str, History]]) -> list[list[str]]:
    head = ["Run", "Epoch", "Validation accuracy", "Validation loss"]
    rows = [
        [run, str(e.epoch), text.percent(e.val_accuracy), text.loss(e.val_loss)]
        for run, history in runs
        for e in history.epochs
    ]
    return [head, *rows]


def _legend(ax: Axes) -> None:
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, borderaxespad=0.2,
        handlelength=1.4, columnspacing=1.6,
    )  # fmt: skip


def _short(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"
