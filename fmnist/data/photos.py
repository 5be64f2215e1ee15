"""A picture from a file, made into what the network was trained on.

Method: Xiao, Rasul and Vollgraf, "Fashion-MNIST" (arXiv:1708.07747), section 2: trim the edges
that are within 5 % of the background, resize the longest edge to 28, extend the shortest to
28, negate. Lanczos takes the place of their skipping of rows and columns, so that a large
photograph keeps its thin parts.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from fmnist.data.item_finding import NEAR_BACKGROUND, Found, Grey, find_item
from fmnist.errors import UserError

SIDE = 28
ENOUGH = 448
"""Pixels of the longer side that are enough to find the item in a picture."""
MIDDLE = 127.5
THUMBNAIL, _COLOURS = 84, 64
_ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""


class ImageError(UserError):
    """A picture that cannot be used; the message names the file and the reason."""

    exit_code = 3


@dataclass(frozen=True, eq=False)
class Prepared:
    """A picture as the network takes it.

    Attributes:
        pixels: uint8 [28, 28], a bright item on black.
        inverted: whether the picture was negated on the way.
        steps: what was done, in order, for people.
    """

    pixels: NDArray[np.uint8] = field(repr=False)
    inverted: bool
    steps: tuple[str, ...]


def prepare(path: Path, box: int = SIDE) -> Prepared:
    """Read a picture in any format Pillow knows and bring it to 28 x 28.

    Args:
        box: pixels that the item fills at most: MNIST leaves a border of 4, EMNIST of 2.

    A picture that is 28 x 28 already is only negated, where the item is darker than its
    background. (Of the 60,000 training images that rule would negate one.)

    Raises:
        ImageError: no such file, not a picture, damaged, too large, or all of one grey.
    """
    path = Path(path)
    grey, steps = _read_grey(path)
    ready = grey.shape == (SIDE, SIDE)
    if not ready:
        grey = _reduced(grey)
    found = _whole(grey) if ready else find_item(grey)
    if not found.item.any():
        raise ImageError(
            f"{path}: the picture is blank: every pixel is within {NEAR_BACKGROUND:.0f} grey "
            f"levels of {found.ground:.0f}, or of an even change of light; give one that shows an "
            "item"
        )
    inverted = bool(found.contrast[found.item].mean() < 0)
    if inverted:
        grey = 255 - grey
        steps.append("inverted (the item is darker than its background)")
    if not ready:
        grey = _fit(found, inverted, steps, box)
    pixels = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    return Prepared(pixels, inverted, (*(steps or ["used as it is"]), *found.doubts))


@contextlib.contextmanager
def _strict_pillow() -> Iterator[None]:
    """Refuse huge and truncated pictures, whatever another library has set (WeasyPrint does)."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _read_grey(path: Path) -> tuple[Grey, list[str]]:
    """Grey levels 0 to 255 as float64 [H, W], upright, and the steps taken."""
    with upright(path) as (image, turned):
        steps = ["turned upright"] if turned else []
        return _to_grey(image, steps), steps


@contextlib.contextmanager
def upright(path: Path) -> Iterator[tuple[Image.Image, bool]]:
    """The first picture in a file, as the camera was held, and whether it had to be turned.

    Raises:
        ImageError: no such file, not a picture, damaged or too large; also where what is done
            with it inside the ``with`` fails for such a reason.
    """
    try:
        with _strict_pillow(), Image.open(path) as image:
            image.seek(0)
            image.load()
            turned = image.getexif().get(_ORIENTATION, 1) != 1
            yield ImageOps.exif_transpose(image) if turned else image, turned
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        limit = (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise ImageError(
            f"{path}: the picture has more than {limit:.0f} million pixels; make it smaller"
        ) from None
    except UnidentifiedImageError:
        raise ImageError(f"{path}: not a picture in a format that Pillow reads") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(f"{path}: the picture cannot be read: {error}") from None


def thumbnail(path: Path) -> bytes:
    """A picture at most ``THUMBNAIL`` pixels a side, as PNG of a few colours without metadata.

    Raises:
        ImageError: it cannot be read.
    """
    with upright(path) as (image, _):
        if image.mode == "F" or image.mode.startswith("I"):
            image = Image.fromarray(_to_grey(image, []).astype(np.uint8))
        image = image.convert("RGBA")
        image.thumbnail((THUMBNAIL, THUMBNAIL))
        seen = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        buffer = io.BytesIO()
        seen.quantize(_COLOURS).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _to_grey(image: Image.Image, steps: list[str]) -> Grey:
    if image.mode == "F" or image.mode.startswith("I"):
        return _scaled(np.asarray(image, np.float64), steps)
    if "A" in image.getbands() or "transparency" in image.info:
        return _composited(image.convert("RGBA"), steps)
    if image.mode != "L":
        steps.append(f"{image.mode} converted to grey")
        image = image.convert("RGB").convert("L")
    return np.asarray(image, np.float64)


def _scaled(levels: Grey, steps: list[str]) -> Grey:
    """Levels of 12 or 16 bits, or floats, to 0 to 255; the range is told from the extremes."""
    unknown = ~np.isfinite(levels)
    if unknown.any():
        steps.append(f"{unknown.sum()} pixels that are no numbers taken as black")
    low = -1 if levels.min(where=~unknown, initial=0) < 0 else 0
    levels = np.where(unknown, low, levels)
    top = float(levels.max())
    high = next((known for known in (1, 255, 4095, 65535) if top <= known), top)
    if low and (levels.min() < low or high > 1):
        steps.append("levels below 0 taken as black")
        low = 0
    steps.append(f"levels from {low} to {high:g} scaled to 0 to 255")
    return np.asarray((levels - low).clip(min=0) * (255 / (high - low)))


def _composited(image: Image.Image, steps: list[str]) -> Grey:
    """Put a transparent picture on black or white, whichever the item stands out from."""
    grey = np.asarray(image.convert("RGB").convert("L"), np.float64)
    alpha = np.asarray(image.getchannel("A"), np.float64) / 255
    seen = grey[alpha > 0.5]
    item = float(np.median(seen)) if seen.size else 255.0
    background = 0.0 if item > MIDDLE else 255.0
    steps.append(f"transparency laid on {'white' if background else 'black'}")
    return np.asarray(grey * alpha + background * (1 - alpha))


def _whole(grey: Grey) -> Found:
    """A picture of the right size: its ground is the median of the border pixels."""
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    ground = float(np.median(border))
    return Found(grey - ground, np.abs(grey - ground) > NEAR_BACKGROUND, ground)


def _reduced(grey: Grey) -> Grey:
    """A large picture with the means of squares as its pixels: less grain, and fast."""
    factor = max(grey.shape) // ENOUGH
    if factor < 2:
        return grey
    return np.asarray(Image.fromarray(grey.astype(np.float32)).reduce(factor), np.float64)


def _fit(found: Found, inverted: bool, steps: list[str], box: int) -> Grey:
    """Trim to the item, make the background black, resize and centre; float64 [28, 28]."""
    item, ground = found.item, 255 - found.ground if inverted else found.ground
    rows, columns = np.flatnonzero(item.any(axis=1)), np.flatnonzero(item.any(axis=0))
    place = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    trimmed = (-found.contrast if inverted else found.contrast)[place].clip(min=0)
    if trimmed.shape != item.shape:
        steps.append(f"trimmed to {trimmed.shape[1]} x {trimmed.shape[0]}")
    if round(ground):
        trimmed = trimmed * (255 / (255 - ground))
        steps.append(f"background level {ground:.0f} made black")
    scale = box / max(trimmed.shape)
    height, width = (max(1, round(scale * length)) for length in trimmed.shape)
    picture = Image.fromarray(trimmed.astype(np.float32))
    small = picture.resize((width, height), Image.Resampling.LANCZOS)
    # an odd pixel goes above and to the left, as in the data set (over 99 % of such images)
    top, left = (SIDE - height + 1) // 2, (SIDE - width + 1) // 2
    canvas = np.zeros((SIDE, SIDE))
    canvas[top : top + height, left : left + width] = np.asarray(small)
    steps.append(f"resized to {width} x {height} and centred on {SIDE} x {SIDE}")
    return canvas
