"""The views of an image that predictions are means over."""

import numpy as np
import pytest

from fmnist.config.config import Config
from fmnist.data.views import Views
from fmnist.models.inference import predict_views

IMAGES = np.random.default_rng(0).integers(0, 256, size=(3, 28, 28, 1), dtype=np.uint8)


def test_the_image_alone_is_one_view():
    (only,) = Views().show(IMAGES)
    assert np.array_equal(only, IMAGES)


def test_six_views_are_the_image_moved_both_ways_and_each_mirrored():
    views = list(Views(flip=True, shift=1).show(IMAGES))
    assert len(views) == Views(flip=True, shift=1).count == 6
    alone, lower_right, upper_left = views[::2]
    assert np.array_equal(alone, IMAGES)
    assert np.array_equal(lower_right[:, 1:, 1:], IMAGES[:, :-1, :-1])
    assert np.array_equal(upper_left[:, :-1, :-1], IMAGES[:, 1:, 1:])
    assert not lower_right[:, 0].any()
    assert not upper_left[:, :, -1].any()
    assert all(
        np.array_equal(m, v[:, :, ::-1]) for v, m in zip(views[::2], views[1::2], strict=True)
    )


@pytest.mark.parametrize(("flip", "shift", "count"), [(False, 0, 1), (True, 0, 2), (False, 2, 3)])
def test_a_configuration_says_which(flip, shift, count):
    views = Views.of(Config(test_time_flip=flip, test_time_shift=shift))
    assert views.count == len(list(views.show(IMAGES))) == count


def test_a_prediction_is_the_mean_over_them():
    def brightness(images):
        return images[:, :14, :14].mean(axis=(1, 2))

    views = Views(flip=True, shift=2)
    plain, mean = predict_views(brightness, IMAGES, views)
    assert np.allclose(plain, brightness(IMAGES))
    assert np.allclose(mean, np.mean([brightness(v) for v in views.show(IMAGES)], axis=0))
