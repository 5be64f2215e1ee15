"""Kernels that whiten patches: what they make of the images they were made from."""

import numpy as np
import pytest

from fmnist.models.whitening import MOST_KERNELS, SIZE, whitening_kernels

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), dtype=np.uint8)
UNIT = (1 / 255, 0.0)


def responses(kernels, images, scale=1 / 255):
    windows = np.lib.stride_tricks.sliding_window_view(
        images[..., 0] * scale, (SIZE, SIZE), axis=(1, 2)
    )
    patches = windows[:, ::2, ::2].reshape(-1, SIZE**2)
    return patches @ kernels[:, :, 0].reshape(SIZE**2, -1)


def test_responses_are_uncorrelated_and_of_one_size():
    found = responses(whitening_kernels(IMAGES, MOST_KERNELS, *UNIT), IMAGES)[:, ::2]
    moments = found.T @ found / len(found)
    assert moments == pytest.approx(np.eye(SIZE**2), abs=0.02)


def test_each_direction_has_both_signs_and_the_strongest_comes_first():
    kernels = whitening_kernels(IMAGES, 6, *UNIT)
    assert kernels.shape == (SIZE, SIZE, 1, 6)
    assert kernels.dtype == np.float32
    assert kernels[..., 1::2] == pytest.approx(-kernels[..., ::2])
    # The brightness of a patch varies most, so its kernel is flat and needs the least gain.
    assert np.ptp(kernels[:, :, 0, 0]) < 0.2 * kernels[:, :, 0, 0].mean()
    norms = np.linalg.norm(kernels.reshape(SIZE**2, 6), axis=0)[::2]
    assert list(norms) == sorted(norms)


def test_the_scale_of_pixels_does_not_matter():
    raw, unit = whitening_kernels(IMAGES, 8, 1.0, 0.0), whitening_kernels(IMAGES, 8, *UNIT)
    assert 255 * raw == pytest.approx(unit, rel=1e-2, abs=1e-3)


def test_black_images_give_finite_kernels():
    assert np.isfinite(whitening_kernels(np.zeros_like(IMAGES), 8, *UNIT)).all()
