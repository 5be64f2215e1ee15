import numpy as np
import pytest

from fmnist import build_model, explain
from fmnist.config import Config
from fmnist.stages.explain import _telling_example

TINY = Config(filters_1=4, filters_2=6, filters_3=0, dense_units=12)
IMAGE = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)


@pytest.fixture(scope="module")
def model():
    return build_model(TINY)


def test_kernels_and_feature_maps_are_the_networks_own(model):
    kernels = explain.kernels(model)
    assert kernels.shape == (3, 3, 1, 4)
    assert (kernels == model.get_layer("convolution_1").get_weights()[0]).all()
    maps = explain.feature_maps(model, TINY, IMAGE)
    assert {k: v.shape for k, v in maps.items()} == {
        "feature_maps_1": (14, 14, 4),
        "feature_maps_2": (7, 7, 6),
    }


def test_one_block_has_one_set_of_maps():
    config = TINY.replace(filters_2=0)
    assert list(explain.feature_maps(build_model(config), config, IMAGE)) == ["feature_maps_1"]


def test_the_example_is_the_softmax_of_its_logits(model):
    example = explain.softmax_example(model, IMAGE)
    powers = np.exp(example["logits"])
    assert example["probabilities"] == pytest.approx(powers / powers.sum(), abs=1e-5)
    direct = model.predict(IMAGE[None, :, :, None], verbose=0)[0]
    assert example["probabilities"] == pytest.approx(direct, abs=1e-5)


def test_layers_add_up_to_the_whole(model):
    found = explain.layers(model)
    assert sum(layer["parameters"] for layer in found) == model.count_params()
    assert found[0]["output_shape"] == [28, 28, 1]
    assert found[-1]["output_shape"] == [10]


def test_a_dense_layer_of_as_many_outputs_needs_far_more(model):
    sizes = explain.first_layer_sizes(model)
    assert sizes["first_layer_parameters_conv"] == 3 * 3 * 4
    assert sizes["outputs"] == 28 * 28 * 4
    assert sizes["first_layer_parameters_dense"] == 784 * 784 * 4


def test_the_example_is_right_and_not_quite_certain():
    p = np.array([[0.99, 0.01], [0.9, 0.1], [0.88, 0.12], [0.4, 0.6]], dtype=np.float32)
    arrays = {
        "test_labels": np.array([0, 1, 0, 0]),
        "test_probabilities": p,
        "image_index": np.array([0, 1, 2, 3]),
        "random_index": np.array([0, 1, 2, 3]),
    }
    assert _telling_example(arrays) == (2, {"test_index": 2, "true": 0})
