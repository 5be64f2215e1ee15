"""A drawing of the network from its layers: top to bottom, one box a step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from fmnist.report import text
from fmnist.report.figures.style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    PALE,
    SKY,
    VERMILLION,
    WIDTH,
    Figure,
    canvas,
    to_svg,
)
from fmnist.runs.records.interpretation import Evidence, Layer

_STEM = "Stem"
_COLOURS = {
    "input": MUTED, "convolution": BLUE, "residual": SKY, "head": GREEN, "dense": VERMILLION,
}  # fmt: skip
_JOINED = {
    "BatchNormalization": "batch norm", "ReLU": "ReLU", "Activation": "SiLU", "Dropout": "dropout",
    "MaxPooling2D": "max pooling", "AveragePooling2D": "average pooling",
    "Rescaling": "rescaled", "Resizing": "resized",
}  # fmt: skip
_STARTS = {
    "InputLayer": ("input", "Image"),
    "Add": ("residual", "+ skip connection"),
    "Flatten": ("head", "All values in a row"),
    "GlobalAveragePooling2D": ("head", "Average of each map"),
    "GlobalMaxPooling2D": ("head", "Maximum of each map"),
    "Softmax": ("dense", "Softmax: probabilities"),
}
_LEFT, _SQUARE = 0.1, 0.75
"""Where boxes begin and squares stand, as fractions of the drawing's width."""


@dataclass(frozen=True)
class Look:
    """Width of the drawing and height of a row in inches, size of the letters in points.

    As fractions of the width: ``right`` is where boxes end, ``past`` where the way past them runs,
    ``shape`` where shapes end. With ``squares`` each step shows the side of its maps.
    """

    width: float
    row: float
    letters: float
    right: float
    past: float
    shape: float
    squares: bool


WHOLE = Look(WIDTH, 0.27, 8, 0.67, 0.695, 0.885, squares=True)
SMALL = Look(4.3, 0.18, 6.8, 0.7, 0.718, 0.873, squares=False)


@dataclass(frozen=True)
class Step:
    """One box: a layer and those that only reshape or rescale what it gives.

    ``stage`` is the stem's or the stage's name; empty before and behind them.
    """

    kind: str
    said: str
    shape: tuple[int, ...]
    parameters: int
    stage: str = ""


def steps(
    layers: Sequence[Layer], kernel: int | None = None, stem: int | None = None
) -> list[Step]:
    """The boxes of a network, its first one on top.

    Args:
        kernel: side of the kernels.
        stem: side of the first convolution's kernels, where it is another one.
    """
    found: list[Step] = []
    for layer in layers:
        shape = tuple(n for n in layer.output_shape if n is not None)
        joined = _JOINED.get(layer.type)
        if joined and found:
            last = found[-1]
            more = last.parameters + layer.parameters
            found[-1] = replace(last, said=f"{last.said} → {joined}", shape=shape, parameters=more)
        else:
            stage = _stage(layer.name)
            kind, said = _start(layer, stem or kernel if stage == _STEM else kernel)
            found.append(Step(kind, said, shape, layer.parameters, stage))
    return found


def _start(layer: Layer, kernel: int | None) -> tuple[str, str]:
    if layer.type == "Conv2D":
        return "convolution", f"Convolution {kernel} × {kernel}" if kernel else "Convolution"
    if layer.type == "Dense":
        return "dense", "Dense: logits" if layer.name == "logits" else "Dense with ReLU"
    return _STARTS.get(layer.type, ("input", layer.type))


def _stage(name: str) -> str:
    found = re.match(r"(?:convolution|residual)_(stem|\d+)", name)
    if not found:
        return ""
    return _STEM if found[1] == "stem" else f"Stage {found[1]}"


def network_figure(
    evidence: Evidence,
    kernel: int | None = None,
    look: Look = WHOLE,
    stem: int | None = None,
) -> Figure:
    """The network of ``evidence.layers`` with shapes and parameters; see ``steps``."""
    boxes = steps(evidence.layers, kernel, stem)
    figure, ax = canvas(look.row * (len(boxes) + 1), width=look.width)
    ax.set(xlim=(0, 1), ylim=(len(boxes), -1))
    ax.set_axis_off()
    heads = ((_LEFT, "Step", "left"), (look.shape, "Output", "right"), (1, "Parameters", "right"))
    for x, head, side in heads:
        ax.text(x, -0.5, head, ha=side, va="center", fontsize=look.letters, color=MUTED)
    _draw_stages(ax, boxes, look)
    largest = max([1, *(box.shape[0] for box in boxes if len(box.shape) == 3)])
    for row, box in enumerate(boxes):
        _draw_box(ax, row, box, largest, look)
    for row in range(len(boxes) - 1):
        _arrow(ax, [(0.385, row + 0.82), (0.385, row + 1.18)])
    total = text.count(evidence.parameters)
    return Figure(
        to_svg(figure),
        f"Drawing of the network from top to bottom, {total} parameters: " + _spoken(boxes),
        f"The network, from the image at the top to the probabilities at the bottom, with the "
        f"shape of what each step gives and its parameters, {total} in all."
        + (" The squares show the height and width of the maps." if look.squares else ""),
    )


def _draw_box(ax: Axes, row: int, box: Step, largest: int, look: Look) -> None:
    colour = _COLOURS[box.kind]
    ax.add_patch(
        Rectangle((_LEFT, row + 0.18), look.right - _LEFT, 0.64, facecolor="white",
                  edgecolor=colour, linewidth=0.9, zorder=2)
    )  # fmt: skip
    ax.add_patch(Rectangle((_LEFT, row + 0.18), 0.012, 0.64, color=colour, linewidth=0, zorder=3))
    ax.text(
        _LEFT + 0.025, row + 0.5, box.said, va="center", fontsize=look.letters, color=INK, zorder=3
    )
    parameters = text.count(box.parameters) if box.parameters else "–"
    for x, said in ((look.shape, text.shape(box.shape)), (1, parameters)):
        ax.text(x, row + 0.5, said, ha="right", va="center", fontsize=look.letters, color=INK)
    if look.squares and len(box.shape) == 3:
        side = 0.72 * box.shape[0] / largest
        width = side * look.row / look.width
        ax.add_patch(
            Rectangle((_SQUARE - width / 2, row + 0.5 - side / 2), width, side,
                      facecolor=PALE, edgecolor=colour, linewidth=0.7)
        )  # fmt: skip


def _draw_stages(ax: Axes, boxes: Sequence[Step], look: Look) -> None:
    """A pale ground behind each stage, and the way past the convolutions of a residual branch."""
    for stage, group in groupby(enumerate(boxes), key=lambda pair: pair[1].stage):
        rows = [row for row, _ in group]
        if not stage:
            continue
        width, height = look.past + 0.015, len(rows) - 0.08
        ax.add_patch(
            Rectangle((0, rows[0] + 0.04), width, height, color=PALE, linewidth=0, zorder=0)
        )
        ax.text(0.01, rows[0] + 0.5, stage, va="center", fontsize=look.letters, color=MUTED)
        if boxes[rows[-1]].kind == "residual":
            start, end = rows[0] + 0.5, rows[-1] + 0.5
            corners = [(look.past, start), (look.past, end)]
            _arrow(ax, [(look.right, start), *corners, (look.right, end)])


def _arrow(ax: Axes, way: Sequence[tuple[float, float]]) -> None:
    ax.annotate(
        "", way[-1], way[-2], zorder=1,
        arrowprops={"arrowstyle": "-|>", "color": MUTED, "linewidth": 0.8, "shrinkA": 0,
                    "shrinkB": 0, "mutation_scale": 7},
    )  # fmt: skip
    if len(way) > 2:
        ax.plot(*zip(*way[:-1], strict=True), color=MUTED, linewidth=0.8, zorder=1)


def _spoken(boxes: Sequence[Step]) -> str:
    parts = []
    for box in boxes:
        stage = f"{box.stage}, " if box.stage else ""
        said = box.said.replace(" → ", ", then ")
        parts.append(f"{stage}{said[0].lower()}{said[1:]} ({text.shape(box.shape)})")
    return "; ".join(parts) + "."
