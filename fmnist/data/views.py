"""The views of an image that a prediction is the mean over (test-time augmentation)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fmnist.config.config import Config


@dataclass(frozen=True)
class Views:
    """Which views of an image there are besides itself.

    After Krizhevsky et al. (ImageNet classification with deep convolutional neural networks,
    2012), who take crops and their mirror images.

    Attributes:
        flip: each is there as its mirror image, too.
        shift: the image is there moved by so many pixels to the lower right and to the upper left,
            too; 0: it is not.
    """

    flip: bool = False
    shift: int = 0

    @classmethod
    def of(cls, config: Config) -> Views:
        """Those that the predictions of a configuration's network are means over."""
        return cls(config.test_time_flip, config.test_time_shift)

    @property
    def count(self) -> int:
        """How many there are, the image itself among them."""
        return (1 + self.flip) * (3 if self.shift else 1)

    def show(self, images: Any, library: Any = np) -> Iterator[Any]:
        """Each view of ``images`` [N, H, W, C] in turn, first the images as they are.

        Args:
            library: whose arrays they are: NumPy, or ``keras.ops``.
        """
        height, width = images.shape[1:3]
        reach = self.shift
        frame = ((0, 0), (reach, reach), (reach, reach), (0, 0))
        framed = library.pad(images, frame) if reach else images
        for first in (reach, 0, 2 * reach) if reach else (0,):
            moved = framed[:, first : first + height, first : first + width]
            yield moved
            if self.flip:
                yield library.flip(moved, axis=2)
