"""Pictures made of pixels: single images, kernels, feature maps."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from fmnist.report import text
from fmnist.report.figures.style import Mosaic, Tile
from fmnist.runs.records.interpretation import Explanation
from fmnist.runs.records.metrics import Predictions

SHEET_WIDTH = 620
"""CSS pixels; what a mosaic may be wide."""
LARGEST_CELL = 84
GAP = 4
BETWEEN = (213, 219, 225)
"""Grey between the tiles of a mosaic, so that a white weight is not taken for a gap."""
STRONGEST = 8
MOST_KERNELS, MOST_MAPS = 64, 32
"""What a mosaic shows at most: with more, nothing in it could be made out."""


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Grey ``[h, w]`` or colour ``[h, w, 3]`` pixels as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def clothing(image: NDArray[np.uint8]) -> bytes:
    """A data set image, dark on white as on paper."""
    return png((255 - image).astype(np.uint8))


def example_tiles(predictions: Predictions, names: Sequence[str]) -> list[Tile]:
    """One training image a class."""
    return [
        Tile(clothing(image), f"Example of the class {name}", (name,))
        for image, name in zip(predictions.examples, names, strict=True)
    ]


def prediction_tiles(
    predictions: Predictions, indices: Sequence[int], names: Sequence[str]
) -> list[Tile]:
    """Test images with their predicted and true class; those the file lacks are left out."""
    tiles = []
    for index in indices:
        image = predictions.image(index)
        if image is not None:
            tiles.append(_prediction_tile(predictions, index, image, names))
    return tiles


def _prediction_tile(
    predictions: Predictions, index: int, image: NDArray[np.uint8], names: Sequence[str]
) -> Tile:
    true, said = int(predictions.test_labels[index]), int(predictions.predicted[index])
    probability = text.percent(float(predictions.test_probabilities[index, said]), digits=0)
    verdict = "correct" if true == said else "wrong"
    lines = (names[said], probability)
    if true != said:
        lines = (f"{names[said]}, {probability}", f"is {names[true]}")
    return Tile(
        clothing(image),
        f"Test image {index}: predicted {names[said]} at {probability}, true class "
        f"{names[true]}, {verdict}",
        lines,
        "" if true == said else "wrong",
    )


def kernel_mosaic(kernels: NDArray[np.float32]) -> Mosaic:
    """All kernels of the first convolution, ``[kh, kw, 1, F]``, on one symmetric scale."""
    height, width, _, filters = kernels.shape
    lengths = np.sqrt((kernels[:, :, 0] ** 2).sum(axis=(0, 1)))
    chosen = _foremost(lengths, MOST_KERNELS)
    pixels = _grid(_diverging(kernels)[:, :, chosen], columns=min(len(chosen), 16))
    reach = float(np.abs(kernels).max())
    which = f"The {filters} kernels"
    if len(chosen) < filters:
        which = f"The {len(chosen)} of {filters} kernels with the largest weights (by their norm)"
    return _mosaic(
        pixels,
        f"{len(chosen)} kernels of {height} by {width} weights, each with its own pattern of "
        "positive and negative weights",
        f"{which} of the first convolution, {height} × {width} weights each. Orange "
        f"is positive, purple negative, white zero; full colour is ±{reach:.2f}.",
    )


def _foremost(values: NDArray[np.float32], most: int) -> NDArray[np.int64]:
    """Positions of the largest values, at most so many, in the order of the positions."""
    chosen: NDArray[np.int64] = np.sort(np.argsort(-values, kind="stable")[:most])
    return chosen


def feature_map_mosaics(explanation: Explanation) -> list[Mosaic]:
    """A mosaic a stage: its feature maps of one image, each on its own scale.

    Where the first convolution is not the end of a stage, its own maps come first.
    """
    named = [(f"Stage {n}", maps) for n, maps in enumerate(explanation.feature_maps, start=1)]
    first = explanation.responses
    if first is not None and named and first.shape != named[0][1].shape:
        named.insert(0, ("First convolution", first))
    return [_maps_mosaic(name, maps) for name, maps in named]


def _maps_mosaic(name: str, maps: NDArray[np.float32]) -> Mosaic:
    height, width, filters = maps.shape
    chosen = _foremost(maps.mean(axis=(0, 1)), MOST_MAPS)
    shown = len(chosen)
    which = f"{filters} feature maps of {height} × {width}"
    if shown < filters:
        which = f"the {shown} of {which} that respond most, by their mean"
    return _mosaic(
        _grid(_scaled(maps[:, :, chosen]), columns=8 if shown <= 16 else 16),
        f"{shown} feature maps of {height} by {width} after {name[0].lower()}{name[1:]}",
        f"{name}: {which}; each is scaled to its own largest value; bright is a strong response, "
        "dark is none.",
    )


def strongest_filters(explanation: Explanation) -> Mosaic | None:
    """The kernels that respond most to one image, above the maps they make of it."""
    maps = explanation.responses
    if maps is None or maps.shape[2] != explanation.kernels.shape[3]:
        return None
    ranked = np.argsort(-maps.mean(axis=(0, 1)), kind="stable")[:STRONGEST]
    kernels = _diverging(explanation.kernels)[:, :, ranked]
    rows = [_grid(part, columns=STRONGEST) for part in (kernels, _scaled(maps[:, :, ranked]))]
    width = max(row.shape[1] for row in rows)
    padded = [
        np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0)), constant_values=255)
        for row in rows
    ]
    return _mosaic(
        np.concatenate(padded),
        f"Two rows of {len(ranked)}: kernels above, their feature maps below",
        f"The {len(ranked)} kernels with the largest mean response to test image "
        f"{explanation.feature_index} (above) and the feature maps they lead to (below).",
    )


def _mosaic(pixels: NDArray[np.uint8], alt: str, caption: str) -> Mosaic:
    return Mosaic(png(pixels), pixels.shape[1], pixels.shape[0], alt, caption)


def _diverging(kernels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Weights ``[kh, kw, 1, F]`` as colours ``[kh, kw, F, 3]``, white at zero."""
    stack = kernels[:, :, 0, :]
    reach = float(np.abs(stack).max()) or 1.0
    return _bytes(colormaps["PuOr_r"](0.5 + stack / (2 * reach)))


def _scaled(maps: NDArray[Any]) -> NDArray[np.uint8]:
    """Maps ``[h, w, F]`` as colours, each on its own scale from zero."""
    low = np.minimum(maps.min(axis=(0, 1), keepdims=True), 0)
    span = maps.max(axis=(0, 1), keepdims=True) - low
    return _bytes(colormaps["cividis"]((maps - low) / np.where(span > 0, span, 1)))


def _bytes(colors: NDArray[np.float64]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = (colors[..., :3] * 255).round().astype(np.uint8)
    return rounded


def _grid(stack: NDArray[np.uint8], *, columns: int) -> NDArray[np.uint8]:
    """Images ``[h, w, K, 3]`` enlarged by a whole factor, in rows, about ``SHEET_WIDTH`` wide."""
    number = stack.shape[2]
    factor = max(1, (SHEET_WIDTH // columns - GAP) // stack.shape[1])
    factor = min(factor, LARGEST_CELL // stack.shape[1] or 1)
    tiles = stack.repeat(factor, axis=0).repeat(factor, axis=1)
    height, width = tiles.shape[:2]
    rows = math.ceil(number / columns)
    shape = (rows * (height + GAP) - GAP, min(columns, number) * (width + GAP) - GAP, 3)
    sheet = np.full(shape, BETWEEN, dtype=np.uint8)
    for k in range(number):
        top, left = (k // columns) * (height + GAP), (k % columns) * (width + GAP)
        sheet[top : top + height, left : left + width] = tiles[:, :, k]
    return sheet
