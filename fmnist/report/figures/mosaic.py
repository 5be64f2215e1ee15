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
from fmnist.report.records import Explanation, Predictions

TILE_WIDTH = 600
"""CSS pixels; a mosaic is enlarged by a whole factor to about this width."""
GAP = 1


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Grey ``[h, w]`` or colour ``[h, w, 3]`` pixels as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
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
    stack = kernels[:, :, 0, :]
    reach = float(np.abs(stack).max()) or 1.0
    colored = colormaps["PuOr_r"](0.5 + stack / (2 * reach))[..., :3]
    pixels, factor = _grid((colored * 255).round().astype(np.uint8), columns=16, largest=10)
    height, width, filters = stack.shape
    return Mosaic(
        png(pixels), pixels.shape[1] * factor, pixels.shape[0] * factor,
        f"{filters} kernels of {height} by {width} weights, each with its own pattern of "
        "positive and negative weights",
        f"The {filters} kernels of the first convolution, {height} × {width} weights each. Orange "
        f"is positive, purple negative, white zero; full colour is ±{reach:.2f}.",
    )  # fmt: skip


def feature_map_mosaics(explanation: Explanation) -> list[Mosaic]:
    """One mosaic a block: all its feature maps of one image, each on its own scale."""
    mosaics = []
    for block, maps in enumerate(explanation.feature_maps, start=1):
        height, width, filters = maps.shape
        columns = 16 if filters > 32 else 8 if filters <= 16 else 12
        pixels, factor = _grid(_scaled(maps), columns=columns, largest=4)
        mosaics.append(
            Mosaic(
                png(pixels),
                pixels.shape[1] * factor,
                pixels.shape[0] * factor,
                f"{filters} feature maps of {height} by {width} after block {block}",
                f"Block {block}: {filters} feature maps of {height} × {width}, each scaled to "
                "its own largest value; bright is a strong response, dark is none.",
            )
        )
    return mosaics


def _scaled(maps: NDArray[Any]) -> NDArray[np.uint8]:
    low = np.minimum(maps.min(axis=(0, 1), keepdims=True), 0)
    span = maps.max(axis=(0, 1), keepdims=True) - low
    share = (maps - low) / np.where(span > 0, span, 1)
    colored: NDArray[np.uint8] = (
        (colormaps["cividis"](share)[..., :3] * 255).round().astype(np.uint8)
    )
    return colored


def _grid(stack: NDArray[np.uint8], *, columns: int, largest: int) -> tuple[NDArray[np.uint8], int]:
    """Images ``[h, w, K, 3]`` in rows with white gaps, and the factor to show them at."""
    height, width, number, _ = stack.shape
    columns = min(columns, number)
    rows = math.ceil(number / columns)
    shape = (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3)
    sheet = np.full(shape, 255, dtype=np.uint8)
    for k in range(number):
        top, left = (k // columns) * (height + GAP), (k % columns) * (width + GAP)
        sheet[top : top + height, left : left + width] = stack[:, :, k]
    return sheet, max(1, min(largest, TILE_WIDTH // shape[1]))
