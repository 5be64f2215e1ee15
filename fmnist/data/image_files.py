"""A picture of a folder as an image of 28 x 28: one fixed rule, the same for every picture.

What ``fmnist predict`` guesses of a photograph (which part is the item, whether it is darker than
its background) is not guessed here: a guess could go one way in training and the other in the test.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fmnist.data.photos import SIDE, ImageError, Prepared, prepare, upright
from fmnist.errors import DataError

RULE = (
    "the first frame, upright by its EXIF tag, transparency laid on white, colours to grey by "
    "ITU-R 601, 16 bits to 8, the longer side resized to 28 pixels (Lanczos) and the shorter one "
    "extended at both ends with the median level of the border"
)
LIGHT = 127.5
"""The border of the training images has a median above this: the background is light."""


def suffixes() -> frozenset[str]:
    """Endings of the picture formats that Pillow reads, in small letters, with the dot."""
    endings = Image.registered_extensions()
    return frozenset(end for end, name in endings.items() if name in Image.OPEN)


def read(path: Path) -> NDArray[np.uint8]:
    """A picture file as uint8 [28, 28], by ``RULE``.

    Raises:
        DataError: not a picture, damaged, too large, or of levels without a known range.
    """
    try:
        with upright(path) as (image, _):
            return _fitted(_grey(path, image))
    except ImageError as error:
        raise DataError(str(error)) from None


def prepared(path: Path, how: str) -> Prepared:
    """A picture to predict, made as the images of a data set were: one of ``PICTURES``.

    Raises:
        ImageError: it cannot be used; the message names the file.
    """
    way, _, more = how.partition(", ")
    if way != "whole":
        return prepare(path, int(way.rpartition(" ")[2]) if way != "trimmed" else SIDE)
    try:
        pixels = read(path)
    except DataError as error:
        raise ImageError(str(error)) from None
    steps = ("made as the pictures of the data set were", *([more] if more else []))
    return Prepared(255 - pixels if more else pixels, bool(more), steps)


def prepared_all(
    paths: Iterable[Path], how: str
) -> tuple[list[tuple[Path, Prepared]], list[tuple[Path, ImageError]]]:
    """Every picture that can be used, see ``prepared``; and what is wrong with the others."""
    good, broken = [], []
    for path in paths:
        try:
            good.append((path, prepared(path, how)))
        except ImageError as error:
            broken.append((path, error))
    return good, broken


def is_light(images: NDArray[np.uint8]) -> bool:
    """Whether images [N, 28, 28] stand on a light background, by all their border pixels."""
    border = [images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]]
    return bool(np.median(np.concatenate([part.ravel() for part in border])) > LIGHT)


def _grey(path: Path, image: Image.Image) -> Image.Image:
    """Grey in mode L, or in mode F where there are more than 8 bits."""
    if image.mode == "F":
        raise DataError(f"{path}: floating-point levels have no known range; save 8 or 16 bits")
    if image.mode.startswith("I"):
        levels = np.asarray(image, np.float32)
        if levels.min() < 0 or levels.max() > 65535:
            raise DataError(f"{path}: levels outside 0 to 65535; save 8 or 16 bits")
        return Image.fromarray(levels / 257)
    if "A" in image.getbands() or "transparency" in image.info:
        clear = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    return image if image.mode == "L" else image.convert("RGB").convert("L")


def _fitted(grey: Image.Image) -> NDArray[np.uint8]:
    if grey.size == (SIDE, SIDE):
        return _levels(grey)
    scale = SIDE / max(grey.size)
    width, height = (max(1, round(scale * length)) for length in grey.size)
    small = _levels(grey.resize((width, height), Image.Resampling.LANCZOS))
    canvas = np.full((SIDE, SIDE), _border(np.asarray(grey)), np.uint8)
    top, left = (SIDE - height + 1) // 2, (SIDE - width + 1) // 2
    canvas[top : top + height, left : left + width] = small
    return canvas


def _levels(grey: Image.Image) -> NDArray[np.uint8]:
    found: NDArray[np.uint8] = np.rint(np.asarray(grey, np.float32)).clip(0, 255).astype(np.uint8)
    return found


def _border(grey: NDArray[np.generic]) -> int:
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return int(np.rint(np.median(border.astype(np.float64))))
