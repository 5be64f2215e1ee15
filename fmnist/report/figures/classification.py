"""Plots of the test results: confusion matrix, precision–recall curves, one softmax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from fmnist.analysis.classification import PrCurve, pr_curves
from fmnist.report import class_labels, text
from fmnist.report.figures import many_classes
from fmnist.report.figures.style import (
    BLUE,
    INK,
    MUTED,
    RULE,
    SKY,
    VERMILLION,
    WIDTH,
    Figure,
    canvas,
    to_svg,
)
from fmnist.report.figures.tooltips import tell, tell_cells
from fmnist.runs.records.interpretation import Softmax
from fmnist.runs.records.metrics import ClassScore, Predictions, TestScore

_ERRORS = LinearSegmentedColormap.from_list("errors", ["#ffffff", "#f6c9a8", VERMILLION])
_HIT = "#cfe3f1"
_CORNERS = np.array([(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5)])
COLUMNS = 5


def confusion_figure(test: TestScore, *, small: bool = False) -> Figure:
    """The confusion matrix; errors are shaded by their count, hits stand apart.

    ``small``: that of a few classes for half the width of a page.
    """
    counts, names = test.counts(), [c.name for c in test.classes]
    look = many_classes.matrix_look(len(names), len(str(int(counts.max()))), 4.6)
    if small:
        look = many_classes.MatrixLook(2.3, 6.5, 6.5, 0.8)
    figure, ax = canvas(look.height, width=3.6 if small else WIDTH)
    off = counts - np.diag(np.diag(counts))
    cells = draw_matrix(ax, counts, names, look, int(off.max()))
    tell_cells(ax, [(r, c, _cell(names, r, c, int(counts[r, c]))) for r, c in cells])
    row, column = np.unravel_index(int(off.argmax()), off.shape)
    return Figure(
        to_svg(figure),
        f"Matrix of {len(names)} true by {len(names)} predicted classes. "
        f"{text.count(test.correct)} of {text.count(test.n)} images lie on the diagonal; the "
        f"largest error count is {off[row, column]}, {names[row]} predicted as {names[column]}. "
        "All counts stand in the table that follows.",
        "Confusion matrix of the test set: rows are true classes, columns predicted ones. The "
        "diagonal (blue) holds the correct predictions, errors are shaded by their count."
        + ("" if look.numbered else " The counts stand in the table.")
        + (f" One class in {look.step} is named." if look.step > 1 else ""),
    )


def draw_matrix(
    ax: Axes,
    counts: NDArray[np.int64],
    names: Sequence[str],
    look: many_classes.MatrixLook,
    most: int,
) -> list[tuple[int, int]]:
    """Draw a confusion matrix int ``[C, C]``, where ``most`` errors have the full colour.

    Returns:
        row and column of each cell that was drawn.
    """
    # Among many cells the empty ones are left white: there are thousands of them.
    few, top = len(names) <= text.FEW_CLASSES, max(most, 1)
    every = np.ones(counts.shape, bool) if few else (counts > 0) | np.eye(len(names), dtype=bool)
    cells = [(int(r), int(c)) for r, c in np.argwhere(every)]
    _shade(ax, counts, every, look.rule, top)
    if look.numbered:
        _confusion_numbers(ax, counts, cells, top, look.numbers)
    _name_sides(ax, names, look)
    return cells


def _shade(
    ax: Axes, counts: NDArray[np.int64], cells: NDArray[np.bool_], rule: float, top: int
) -> None:
    """Colour the cells, all of one colour as one shape; ``top`` errors have the full colour."""
    errors = np.where(np.eye(len(counts), dtype=bool), -1, counts)  # -1: a hit
    for count in np.unique(errors[cells]):
        squares = np.argwhere(cells & (errors == count))[:, None, ::-1] + _CORNERS
        colour = _HIT if count < 0 else _ERRORS(count / top)
        shape = Path.make_compound_path_from_polys(squares)
        ax.add_patch(PathPatch(shape, facecolor=colour, edgecolor="white", linewidth=rule))


def _name_sides(ax: Axes, names: Sequence[str], look: many_classes.MatrixLook) -> None:
    """The class names along both sides of a matrix."""
    size, places = look.labels, range(0, len(names), look.step)
    shown = class_labels.labels(names)[:: look.step]
    ax.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5))
    if many_classes.side_by_side(shown, size):
        ax.set_xticks(places, shown)
    elif len(names) <= text.FEW_CLASSES:
        ax.set_xticks(places, shown, rotation=40, ha="right", rotation_mode="anchor")
    else:
        ax.set_xticks(places, shown, rotation=90)
    ax.set_yticks(places, shown)
    ax.tick_params(length=0, labelcolor=INK, labelsize=size)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("Predicted class")
    ax.set_ylabel("True class")


def _confusion_numbers(
    ax: Axes,
    counts: NDArray[np.int64],
    cells: Sequence[tuple[int, int]],
    top: int,
    size: float,
) -> None:
    for row, column in cells:
        hit, n = row == column, counts[row, column]
        dark = not hit and n > 0.75 * top
        color = "white" if dark else INK if hit or n else RULE
        ax.text(
            column, row, str(n), ha="center", va="center", fontsize=size,
            color=color, fontweight=600 if hit else 400,
        )  # fmt: skip


def _cell(names: Sequence[str], row: int, column: int, n: int) -> str:
    said = "correct" if row == column else f"taken for {names[column]}"
    return f"{names[row]}, {said}: {text.counted(n, 'image')}"


def pr_figure(predictions: Predictions, test: TestScore) -> Figure:
    """Small multiples: one precision–recall curve a class."""
    chosen = many_classes.lowest([c.average_precision if c.support else 1.0 for c in test.classes])
    curves = pr_curves(predictions.test_labels, predictions.test_probabilities, chosen)
    labels = class_labels.labels([c.name for c in test.classes])
    columns = min(COLUMNS, len(chosen))
    rows = many_classes.rows_of(len(chosen), columns)
    figure, axes = canvas(1.62 * rows, rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax, curve, k in zip(axes.flat, curves, chosen, strict=False):
        row = test.classes[k]
        for other in curves if len(curves) <= text.FEW_CLASSES else ():
            ax.plot(other.recall, other.precision, color=RULE, linewidth=0.5, zorder=1)
        ax.plot(curve.recall, curve.precision, color=BLUE, linewidth=1.5, zorder=3)
        tell(ax, _along(curve, row.name))
        ax.set_title(labels[k], fontsize=8.5)
        ax.annotate(
            f"AP {_average_precision(row)}", (0.06, 0.08), xycoords="axes fraction", color=INK,
            fontsize=8,
        )  # fmt: skip
        ax.set_xlim(0, 1.02)
        ax.set_ylim(0, 1.04)
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        ax.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    for ax in axes.flat[len(chosen) :]:
        ax.set_visible(False)
    figure.supxlabel("Recall", fontsize=8.5, color=MUTED)
    figure.supylabel("Precision", fontsize=8.5, color=MUTED)
    return _pr_record(to_svg(figure), test)


def _along(curve: PrCurve, name: str) -> list[tuple[float, float, str]]:
    """The curve at every tenth of recall, as far as it is drawn from a point nearby."""
    if not len(curve.recall):
        return []
    nearest = {int(np.abs(curve.recall - r).argmin()) for r in np.linspace(0.1, 1, 10)}
    spots = sorted((float(curve.recall[i]), float(curve.precision[i])) for i in nearest)
    return [(r, p, f"{name}: recall {r:.2f}, precision {p:.2f}") for r, p in spots]


def _pr_record(svg: str, test: TestScore) -> Figure:
    ranked = sorted(test.tested_classes, key=lambda c: c.average_precision)
    worst, best, classes = ranked[0], ranked[-1], len(test.classes)
    shown, few = min(classes, many_classes.MOST_CURVES), classes <= text.FEW_CLASSES
    which = "each class" if shown == classes else f"the {shown} classes with the lowest AP"
    return Figure(
        svg,
        f"{shown} precision–recall curves, one a class. Average precision is lowest for "
        f"{worst.name} ({text.score(worst.average_precision)}) and highest for {best.name} "
        f"({text.score(best.average_precision)}).",
        f"Precision against recall for {which} against all others, with its average precision (AP)."
        + (" The thin grey lines repeat the curves of the other classes for comparison." * few),
        [
            ["Class", "Average precision"],
            *([c.name, _average_precision(c)] for c in test.classes),
        ],
    )


def _average_precision(of: ClassScore) -> str:
    return text.score(of.average_precision) if of.support else "–"


def softmax_figure(softmax: Softmax, names: Sequence[str]) -> Figure:
    """Logits and probabilities of one test image, side by side."""
    every, labels = names, class_labels.labels(names)
    chosen = many_classes.highest(softmax.probabilities, (softmax.predicted, softmax.true))
    softmax = _part(softmax, chosen)
    names = [names[k] for k in chosen]
    figure, (left, right) = canvas(0.22 * len(names) + 0.8, 1, 2, sharey=True)
    places = range(len(names))
    colors = [BLUE if k == softmax.predicted else SKY for k in places]
    left.barh(places, softmax.logits, color=colors, height=0.66, zorder=2)
    left.axvline(0, color=MUTED, linewidth=0.8, zorder=3)
    _tell_softmax(left, right, softmax, names)
    right.barh(places, softmax.probabilities, color=colors, height=0.66, zorder=2)
    for ax, values, digits in (
        (left, softmax.logits, "{:.2f}"),
        (right, softmax.probabilities, "{:.4f}"),
    ):
        for k, v in enumerate(values):
            ax.annotate(
                digits.format(v).replace("-", "−"), (max(v, 0), k), xytext=(4, 0),
                textcoords="offset points", va="center", fontsize=7.5, color=MUTED,
            )  # fmt: skip
        ax.grid(axis="y", visible=False)
    span = max(softmax.logits) - min(*softmax.logits, 0)
    left.set_xlim(min(*softmax.logits, 0) - 0.05 * span, max(softmax.logits) + 0.22 * span)
    right.set_xlim(0, 1.25)
    right.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    shown = [labels[of] + " (true)" * (k == softmax.true) for k, of in enumerate(chosen)]
    left.set_yticks(places, shown, color=INK)
    left.invert_yaxis()
    left.set_title("Logits")
    right.set_title("Softmax probabilities")
    top, p = names[softmax.predicted], softmax.probabilities[softmax.predicted]
    return Figure(
        to_svg(figure),
        f"Two bar charts over {len(names)} classes for test image {softmax.test_index}: the "
        f"logits, of which {top} has the largest, {max(softmax.logits):.2f}, and the softmax "
        f"probabilities, of which {top} has {p:.4f}.",
        f"Logits and softmax probabilities of test image {softmax.test_index}, class "
        f"{names[softmax.true]}. The darker bars mark the predicted class."
        + (f" The {len(names)} most probable of {len(every)} classes." * (len(names) < len(every))),
        [
            ["Class", "Logit", "Probability"],
            *(
                [n, f"{z:.3f}".replace("-", "−"), f"{q:.5f}"]
                for n, z, q in zip(names, softmax.logits, softmax.probabilities, strict=True)
            ),
        ],
    )


def _part(softmax: Softmax, chosen: Sequence[int]) -> Softmax:
    """The softmax of some of the classes, whose places count anew."""
    return replace(
        softmax,
        logits=tuple(softmax.logits[k] for k in chosen),
        probabilities=tuple(softmax.probabilities[k] for k in chosen),
        true=chosen.index(softmax.true),
        predicted=chosen.index(softmax.predicted),
    )


def _tell_softmax(left: Axes, right: Axes, softmax: Softmax, names: Sequence[str]) -> None:
    for place, (name, z) in enumerate(zip(names, softmax.logits, strict=True)):
        tell(left, [(z, place, f"{name}: logit " + f"{z:.3f}".replace("-", "−"))])
    for place, (name, q) in enumerate(zip(names, softmax.probabilities, strict=True)):
        tell(right, [(q, place, f"{name}: probability {q:.5f}")])
