"""Curves of the final training."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fmnist.report import text
from fmnist.report.figures.style import (
    INK,
    MUTED,
    TEST,
    TRAINING,
    VALIDATION,
    Figure,
    canvas,
    legend_above,
    to_svg,
)
from fmnist.report.figures.tooltips import tell
from fmnist.runs.records.metrics import History, TestEpoch

_LONG = 20
"""Epochs of a training from which on its first ones may lie beyond the axis."""


def accuracy_curves(history: History, batches: str) -> Figure:
    """Training and validation accuracy by epoch, the chosen epoch marked.

    ``batches`` says what the training figures were measured on.
    """
    epochs = history.epochs
    series = _accuracy_series(history, batches)
    chosen = history.chosen
    return Figure(
        _plot(history, series, "Accuracy", as_percent=True),
        f"Line plot over {len(epochs)} epochs. Training accuracy goes from "
        f"{text.percent(epochs[0].accuracy)} to {text.percent(epochs[-1].accuracy)}, validation "
        f"accuracy from {text.percent(epochs[0].val_accuracy)} to "
        f"{text.percent(epochs[-1].val_accuracy)}; epoch {chosen.epoch} was chosen.",
        f"Accuracy by epoch. Training accuracy is measured on {batches}, while the weights still "
        "change within the epoch. The vertical line marks the chosen "
        f"epoch, {chosen.epoch}.{_scaled(history)}",
        _table(history, series, text.percent),
    )


def loss_curves(history: History, batches: str) -> Figure:
    """Training and validation loss by epoch; see ``accuracy_curves``."""
    epochs = history.epochs
    series = _loss_series(history, batches)
    lowest = min(epochs, key=lambda e: e.val_loss)
    return Figure(
        _plot(history, series, "Loss"),
        f"Line plot over {len(epochs)} epochs. Training loss goes from "
        f"{text.loss(epochs[0].loss)} to {text.loss(epochs[-1].loss)}; validation loss is lowest, "
        f"{text.loss(lowest.val_loss)}, in epoch {lowest.epoch} and ends at "
        f"{text.loss(epochs[-1].val_loss)}.",
        "Loss by epoch, as the training reports it. Validation loss is "
        f"lowest in epoch {lowest.epoch}; the vertical line marks the chosen epoch, "
        f"{history.chosen_epoch}.{_scaled(history)}",
        _table(history, series, text.loss),
    )


def both_curves(history: History, batches: str) -> Figure:
    """Accuracy and loss side by side, for a page with little room; see ``accuracy_curves``."""
    accuracy, loss = _accuracy_series(history, batches), _loss_series(history, batches)
    figure, axes = canvas(2.0, columns=2)
    for ax, series, label in zip(axes, (accuracy, loss), ("Accuracy", "Loss"), strict=True):
        _draw(ax, history, series, label, as_percent=label == "Accuracy")
    # Above both: that of one plot is so wide that it would leave them little room.
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    first, last = history.epochs[0], history.epochs[-1]
    return Figure(
        to_svg(figure),
        f"Two line plots over {len(history.epochs)} epochs, training and validation: validation "
        f"accuracy goes from {text.percent(first.val_accuracy)} to "
        f"{text.percent(last.val_accuracy)}, validation loss from {text.loss(first.val_loss)} to "
        f"{text.loss(last.val_loss)}.",
        f"Accuracy (left) and loss (right) by epoch. Training is measured on {batches}, while the "
        "weights still change; the vertical line marks the epoch that was kept, "
        f"{history.chosen_epoch}.{_scaled(history)}",
    )


def _accuracy_series(history: History, batches: str) -> list[Any]:
    """Name, values and look of both accuracy curves."""
    return [
        (f"Training ({batches})", [e.accuracy for e in history.epochs], TRAINING),
        ("Validation", [e.val_accuracy for e in history.epochs], VALIDATION),
    ]


def _loss_series(history: History, batches: str) -> list[Any]:
    """Name, values and look of both loss curves."""
    return [
        (f"Training ({batches})", [e.loss for e in history.epochs], TRAINING),
        ("Validation", [e.val_loss for e in history.epochs], VALIDATION),
    ]


def validation_against_test(history: History, curve: tuple[TestEpoch, ...]) -> Figure:
    """Validation loss against test loss by epoch."""
    test = {e.epoch: e.loss for e in curve}
    kept = [e for e in history.epochs if e.epoch in test]
    series = [
        ("Validation", [e.val_loss for e in kept], VALIDATION),
        ("Test", [test[e.epoch] for e in kept], TEST),
    ]
    subset = History(tuple(kept), history.chosen_epoch, history.rule, history.training_images)
    widest = max(kept, key=lambda e: abs(e.val_loss - test[e.epoch]))
    return Figure(
        _plot(subset, series, "Loss"),
        f"Line plot of validation and test loss over {len(kept)} epochs; they differ most, by "
        f"{text.loss(abs(widest.val_loss - test[widest.epoch]))}, in epoch {widest.epoch}.",
        "Validation loss against test loss by epoch. The test losses were measured after every "
        "choice was made and chose nothing.",
        _table(subset, series, text.loss),
    )


def _plot(history: History, series: list[Any], label: str, *, as_percent: bool = False) -> str:
    figure, ax = canvas(2.2)
    _draw(ax, history, series, label, as_percent=as_percent)
    legend_above(ax)
    return to_svg(figure)


def _draw(
    ax: Axes, history: History, series: list[Any], label: str, *, as_percent: bool = False
) -> None:
    epochs = [e.epoch for e in history.epochs]
    low, high = _window(history, series)
    for name, values, look in series:
        line = {**look, "marker": ""} if _beginning(history) else look
        ax.plot(epochs, values, label=name, markeredgecolor="white", markeredgewidth=0.5, **line)
        shown = text.percent if as_percent else text.loss
        points = [(e, v) for e, v in zip(epochs, values, strict=True) if low <= v <= high]
        tell(ax, [(e, v, f"Epoch {e}, {name}: {shown(v)}") for e, v in points])
    if _beginning(history):
        ax.set_ylim(low, high)
    # Where the curves are not: accuracies rise, losses fall.
    _mark_chosen(ax, history, 0.1 if as_percent else 0.9)
    ax.set_xlabel("Epoch")
    ax.set_ylabel(label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if as_percent:
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol=text.THIN + "%"))


def _beginning(history: History) -> int:
    """Epochs at the beginning of a long training whose values would flatten all that follows."""
    return len(history.epochs) // 10 if len(history.epochs) >= _LONG else 0


def _window(history: History, series: list[Any]) -> tuple[float, float]:
    """Lowest and highest value to show, with some room."""
    later = [value for _, values, _ in series for value in values[_beginning(history) :]]
    room = 0.08 * (max(later) - min(later)) or 0.01
    return min(later) - room, max(later) + room


def _scaled(history: History) -> str:
    first = _beginning(history)
    cut = f" The vertical axes are cut: most of the first {first} epochs lies outside."
    return cut if first else ""


def _mark_chosen(ax: Axes, history: History, height: float) -> None:
    ax.axvline(history.chosen_epoch, color=INK, linewidth=0.8, linestyle=(0, (1, 2)))
    epochs = [e.epoch for e in history.epochs]
    left = history.chosen_epoch > (epochs[0] + epochs[-1]) / 2
    ax.annotate(
        "chosen", (history.chosen_epoch, height), xycoords=("data", "axes fraction"),
        xytext=(-4 if left else 4, 0), textcoords="offset points",
        ha="right" if left else "left", va="center", color=MUTED, fontsize=8,
    )  # fmt: skip


def _table(history: History, series: list[Any], shown: Any) -> list[list[str]]:
    head = ["Epoch", *(name for name, _, _ in series)]
    rows = [
        [str(e.epoch), *(shown(values[i]) for _, values, _ in series)]
        for i, e in enumerate(history.epochs)
    ]
    return [head, *rows]
