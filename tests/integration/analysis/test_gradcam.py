"""Grad-CAM against networks whose maps and gradients are worked out by hand."""

import numpy as np
import pytest

from fmnist import build_model
from fmnist.analysis import gradcam
from fmnist.config.config import Config

TINY = Config(filters_1=4, filters_2=6, filters_3=0, dense_units=12)
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
# Two images of 2 x 2 pixels.
SMALL = np.array([[[1, 2], [3, 0]], [[0, 0], [5, 1]]], dtype=np.uint8)


def small_network(head, weights):
    """Maps 2x and 3 - x of the pixels x, a head, logits without bias."""
    import keras

    pixels = keras.Input((2, 2, 1), dtype="uint8")
    x = keras.layers.Rescaling(1.0)(pixels)
    x = keras.layers.Conv2D(2, 1, name="convolution_1")(x)
    x = keras.layers.ReLU(name="relu_1")(x)
    logits = keras.layers.Dense(2, use_bias=False, name="logits")(head(x))
    model = keras.Model(pixels, keras.layers.Softmax()(logits))
    model.get_layer("convolution_1").set_weights(
        [np.array([[[[2.0, -1.0]]]]), np.array([0.0, 3.0])]
    )
    model.get_layer("logits").set_weights([np.array(weights, dtype=np.float32)])
    return model


def test_averaged_maps_are_weighed_by_the_weights_of_the_class():
    import keras

    # The gradient of a logit by a value of map k is its weight over the 4 values of the map.
    head = keras.layers.GlobalAveragePooling2D()
    model = small_network(head, [[4.0, -4.0], [-8.0, 4.0]])
    found = gradcam.heat(model, "relu_1", SMALL, np.array([0, 1]))
    x = SMALL.astype(float)
    first = np.maximum(1 * (2 * x[0]) - 2 * np.maximum(3 - x[0], 0), 0)
    second = np.maximum(-1 * (2 * x[1]) + 1 * np.maximum(3 - x[1], 0), 0)
    assert first.tolist() == [[0, 2], [6, 0]]
    assert second.tolist() == [[3, 3], [0, 0]]
    assert found == pytest.approx(np.stack([first, second]))


def test_gradients_of_single_values_are_averaged_over_the_map():
    import keras

    # In a row the values are place by place: (map 0, map 1) four times.
    weights = np.zeros((8, 2), dtype=np.float32)
    weights[0::2, 1] = [8, 0, 0, 0]  # mean 2
    weights[1::2, 1] = [0, 0, 0, -4]  # mean -1
    model = small_network(keras.layers.Flatten(), weights)
    found = gradcam.heat(model, "relu_1", SMALL[:1], np.array([1]))
    assert found[0] == pytest.approx(np.array([[4 * 1 - 2, 4 * 2 - 1], [4 * 3, 0]]))
    nothing = gradcam.heat(model, "relu_1", SMALL[:1], np.array([0]))
    assert not nothing.any()


@pytest.mark.parametrize(
    ("changes", "layer"),
    [
        ({}, "relu_2"),
        ({"pool_first": False}, "pooling_2"),
        ({"pool_first": False, "pooling": "strided"}, "relu_2"),
        ({"stem": 5, "convolutions": 2, "head": "max", "dropout": 0.2}, "relu_2_2"),
        ({"convolutions": 3, "residual": True, "head": "average", "dense_units": 0}, "residual_2"),
    ],
)
def test_the_maps_at_the_end_of_the_last_stage_are_looked_at(changes, layer):
    config = TINY.replace(**changes)
    assert gradcam.last_maps(config) == layer
    model = build_model(config)
    before = model.get_weights()
    found = gradcam.heat(model, layer, IMAGES, np.array([0, 3, 3]))
    assert found.shape == (3, 7, 7)
    assert found.dtype == np.float32
    assert (found >= 0).all()
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
