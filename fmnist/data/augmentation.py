"""Augmentation of uint8 images, drawn apart from being done.

Normalisation is not here: it is the network's first layer (``model.py``), so that a saved model
takes raw pixels and nobody can forget it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist.config.config import Config

Images = NDArray[np.uint8]
# Share of the image that is erased, and largest log of its height by its width: the settings of
# Zhong et al., Random erasing, 2020.
_AREA, _LOG_ASPECT = (0.02, 0.4), float(np.log(1 / 0.3))


class Augmentations(NamedTuple):
    """How N images are moved, in this order: turned, cropped, mirrored, a part of them erased.

    Attributes:
        mirrored: left to right, bool [N].
        offsets: first row and column [N, 2] of what is left of the image with a black frame of
            ``reach`` pixels; ``reach`` leaves it where it is.
        reach: largest shift, in pixels.
        angles: counterclockwise, in degrees, float32 [N]; None: not turned.
        boxes: first row and column, height and width [N, 4] of what becomes black, in pixels;
            None: nothing.
    """

    mirrored: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    reach: int
    angles: NDArray[np.float32] | None = None
    boxes: NDArray[np.int64] | None = None

    def part(self, places: slice) -> Augmentations:
        """The moves of some of the images."""
        return Augmentations(
            self.mirrored[places],
            self.offsets[places],
            self.reach,
            None if self.angles is None else self.angles[places],
            None if self.boxes is None else self.boxes[places],
        )


def sample_augmentations(
    count: int, config: Config, rng: np.random.Generator, size: tuple[int, int] = (28, 28)
) -> Augmentations:
    """Random moves of images of ``size`` pixels.

    Mirrored half of the time where ``config.flip``; shifted on both axes by a whole number of
    pixels, uniform in -``config.shift`` to ``config.shift`` (a crop from a frame of so many);
    turned by an angle uniform in -``config.rotation`` to ``config.rotation``; a rectangle erased
    with the chance ``config.erasing`` (Zhong et al., Random erasing, 2020).
    """
    offsets = rng.integers(0, 2 * config.shift + 1, size=(count, 2))
    mirrored = (rng.random(count) < 0.5) & config.flip
    angles = boxes = None
    if config.rotation:
        angles = rng.uniform(-config.rotation, config.rotation, count).astype(np.float32)
    if config.erasing:
        boxes = _draw_boxes(count, config.erasing, rng, size)
    return Augmentations(mirrored, offsets, config.shift, angles, boxes)


def _draw_boxes(
    count: int, chance: float, rng: np.random.Generator, size: tuple[int, int]
) -> NDArray[np.int64]:
    area = rng.uniform(_AREA[0], _AREA[1], count) * size[0] * size[1]
    aspect = np.exp(rng.uniform(-_LOG_ASPECT, _LOG_ASPECT, count))
    sides = np.sqrt(np.stack([area * aspect, area / aspect], axis=1))
    sides = np.clip(np.rint(sides), 1, size).astype(np.int64)
    first = rng.integers(0, np.array(size) - sides + 1)
    return np.concatenate([first, sides * (rng.random((count, 1)) < chance)], axis=1)


def pad(images: Images, reach: int) -> Images:
    """Images uint8 [N, H, W, 1] in a black frame of ``reach`` pixels."""
    return np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)))


def augment(framed: Images, order: NDArray[np.int64], moves: Augmentations) -> Images:
    """The images at ``order`` [M], moved; from what ``pad`` returns."""
    if moves.angles is not None:
        framed, order = _turned(framed[order], moves.angles), np.arange(len(order))
    height, width = (size - 2 * moves.reach for size in framed.shape[1:3])
    # A view of every part of every image: [N, rows, columns, 1, H, W].
    windows = np.lib.stride_tricks.sliding_window_view(framed, (height, width), axis=(1, 2))
    out: Images = windows[order, moves.offsets[:, 0], moves.offsets[:, 1], 0]
    out[moves.mirrored] = out[moves.mirrored, :, ::-1]
    if moves.boxes is not None:
        _erase(out, moves.boxes)
    return out[..., np.newaxis]


def _turned(framed: Images, angles: NDArray[np.float32]) -> Images:
    """Each image around its middle, interpolated bilinearly; black moves in."""
    from scipy import ndimage

    out = np.empty_like(framed)
    middle = (np.array(framed.shape[1:3]) - 1) / 2
    for image, angle, target in zip(framed[..., 0], np.deg2rad(angles), out[..., 0], strict=True):
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        ndimage.affine_transform(
            image, turn, middle - turn @ middle, output=target, order=1, mode="grid-constant"
        )
    return out


def _erase(images: Images, boxes: NDArray[np.int64]) -> None:
    """Black out ``boxes`` of images uint8 [N, H, W], in place."""
    rows, columns = (np.arange(size) for size in images.shape[1:3])
    ends = boxes[:, :2] + boxes[:, 2:]
    in_rows = (rows >= boxes[:, :1]) & (rows < ends[:, :1])
    in_columns = (columns >= boxes[:, 1:2]) & (columns < ends[:, 1:])
    images[in_rows[:, :, None] & in_columns[:, None, :]] = 0
