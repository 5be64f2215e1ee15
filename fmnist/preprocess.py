"""Augmentation of uint8 images, drawn apart from being done.

Normalisation is not here: it is the network's first layer (``model.py``), so that a saved model
takes raw pixels and nobody can forget it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fmnist.config import Config

Images = NDArray[np.uint8]


class Moves(NamedTuple):
    """How N images are moved.

    Attributes:
        mirrored: left to right, bool [N].
        offsets: first row and column [N, 2] of what is left of the image with a black frame of
            ``reach`` pixels; ``reach`` leaves it where it is.
        reach: largest shift, in pixels.
    """

    mirrored: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    reach: int

    def part(self, places: slice) -> Moves:
        """The moves of some of the images."""
        return Moves(self.mirrored[places], self.offsets[places], self.reach)


def draw_moves(count: int, config: Config, rng: np.random.Generator) -> Moves:
    """Random moves: mirrored half of the time where ``config.flip``, shifted on both axes by a
    whole number of pixels, uniform in -``config.shift`` to ``config.shift``."""
    offsets = rng.integers(0, 2 * config.shift + 1, size=(count, 2))
    mirrored = (rng.random(count) < 0.5) & config.flip
    return Moves(mirrored, offsets, config.shift)


def padded(images: Images, reach: int) -> Images:
    """Images uint8 [N, H, W, 1] in a black frame of ``reach`` pixels."""
    return np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)))


def moved(framed: Images, order: NDArray[np.int64], moves: Moves) -> Images:
    """The images at ``order`` [M], moved; from what ``padded`` returns."""
    height, width = (size - 2 * moves.reach for size in framed.shape[1:3])
    # A view of every part of every image: [N, rows, columns, 1, H, W].
    windows = np.lib.stride_tricks.sliding_window_view(framed, (height, width), axis=(1, 2))
    out: Images = windows[order, moves.offsets[:, 0], moves.offsets[:, 1], 0]
    out[moves.mirrored] = out[moves.mirrored, :, ::-1]
    return out[..., np.newaxis]
