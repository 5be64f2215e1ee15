"""Kernels that whiten patches of images: a first convolution that needs no training.

Page, How to train your ResNet 8, 2019; as Jordan, 94% on CIFAR-10 in 3.29 seconds, 2024, has it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fmnist.data.augmentation import Images

SIZE = 4
"""Height and width of the kernels, in pixels."""
MOST_KERNELS = 2 * SIZE**2
"""Each direction of a patch has a kernel and, for the ReLU behind it, its negative."""
_IMAGES = 2_000  # enough for 256 second moments
# Directions with less of the strongest one's variance than this are not blown up to one.
_LEAST_VARIANCE = 1.5e-4


def whitening_kernels(
    images: Images, filters: int, scale: float, offset: float
) -> NDArray[np.float32]:
    """Kernels [SIZE, SIZE, 1, filters]: the directions of most variance first, each with its sign.

    Args:
        images: uint8 [N, H, W, 1].
        filters: at most ``MOST_KERNELS``.
        scale, offset: what pixels are multiplied by and shifted by before the convolution.
    """
    pixels = images[:_IMAGES, :, :, 0].astype(np.float32) * scale + offset
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (SIZE, SIZE), axis=(1, 2))
    patches = windows[:, ::2, ::2].reshape(-1, SIZE**2)
    variances, directions = np.linalg.eigh(patches.T @ patches / len(patches))
    floor = _LEAST_VARIANCE * variances[-1] + np.finfo(np.float32).tiny  # black images have none
    kernels = (directions / np.sqrt(variances.clip(0) + floor)).T[::-1]
    # Without this the sign would be the library's choice.
    kernels *= np.where(kernels.sum(axis=1, keepdims=True) < 0, -1, 1)
    both = np.stack([kernels, -kernels], axis=1).reshape(MOST_KERNELS, SIZE, SIZE)[:filters]
    return both.transpose(1, 2, 0)[:, :, None].astype(np.float32)
