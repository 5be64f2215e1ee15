import numpy as np
import pytest

from fmnist import build_model
from fmnist.analysis import activations
from fmnist.config.config import Config
from fmnist.pipeline.stages.interpret import _telling_example
from fmnist.runs.codec import to_plain
from fmnist.runs.records.interpretation import Pixels

TINY = Config(filters_1=4, filters_2=6, filters_3=0, dense_units=12)
IMAGE = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)


@pytest.fixture(scope="module")
def model():
    return build_model(TINY)


def test_kernels_and_feature_maps_are_the_networks_own(model):
    kernels = activations.kernels(model)
    assert kernels.shape == (3, 3, 1, 4)
    assert (kernels == model.get_layer("convolution_1").get_weights()[0]).all()
    maps = activations.feature_maps(model, TINY, IMAGE)
    assert {k: v.shape for k, v in maps.items()} == {
        "responses": (14, 14, 4),
        "feature_maps_1": (14, 14, 4),
        "feature_maps_2": (7, 7, 6),
    }


def maps_of(**changes):
    config = TINY.replace(**changes)
    return {
        k: v.shape for k, v in activations.feature_maps(build_model(config), config, IMAGE).items()
    }


def test_one_stage_has_one_set_of_maps():
    assert list(maps_of(filters_2=0)) == ["responses", "feature_maps_1"]


@pytest.mark.parametrize(
    ("changes", "responses"),
    [
        ({"pool_first": False}, (28, 28, 4)),
        ({"stem": 5, "convolutions": 2}, (28, 28, 5)),
        ({"convolutions": 3, "residual": True}, (14, 14, 4)),
    ],
)
def test_maps_are_those_at_the_end_of_a_stage(changes, responses):
    wanted = {
        "responses": responses,
        "feature_maps_1": (14, 14, 4),
        "feature_maps_2": (7, 7, 6),
    }
    assert maps_of(**changes) == wanted


def test_strided_convolutions_keep_the_last_row_of_an_odd_side():
    config = TINY.replace(pooling="strided", filters_3=5)
    blocks = activations.pooling(config).blocks
    assert [block.after for block in blocks] == [(14, 14), (7, 7), (4, 4)]
    assert maps_of(pooling="strided", filters_3=5)["feature_maps_3"] == (4, 4, 5)


def test_kernels_are_those_of_the_first_convolution_of_all():
    assert activations.kernels(build_model(TINY.replace(stem=5))).shape == (3, 3, 1, 5)


def test_a_dense_network_tells_of_no_convolutions():
    config = TINY.replace(stages=0)
    model = build_model(config)
    softmax = activations.softmax_example(model, IMAGE, 3, 1)
    record = to_plain(activations.evidence(model, config, softmax, Pixels(0, 255, 70.0, 90.0)))
    assert not {"dense", "pooling"} & set(record)
    assert record["softmax"]["test_index"] == 3


def test_the_example_is_the_softmax_of_its_logits(model):
    example = activations.softmax_example(model, IMAGE, 0, 0)
    powers = np.exp(example.logits)
    assert example.probabilities == pytest.approx(powers / powers.sum(), abs=1e-5)
    direct = model.predict(IMAGE[None, :, :, None], verbose=0)[0]
    assert example.probabilities == pytest.approx(direct, abs=1e-5)


def test_layers_add_up_to_the_whole(model):
    found = activations.layers(model)
    assert sum(layer.parameters for layer in found) == model.count_params()
    assert found[0].output_shape == (28, 28, 1)
    assert found[-1].output_shape == (10,)


def test_a_dense_layer_of_as_many_outputs_needs_far_more(model):
    sizes = activations.first_layer_sizes(model)
    assert sizes.first_layer_parameters_conv == 3 * 3 * 4
    assert sizes.outputs == 28 * 28 * 4
    assert sizes.first_layer_parameters_dense == 784 * 784 * 4


def test_the_example_is_right_and_not_quite_certain():
    p = np.array([[0.99, 0.01], [0.9, 0.1], [0.88, 0.12], [0.4, 0.6]], dtype=np.float32)
    arrays = {
        "test_labels": np.array([0, 1, 0, 0]),
        "test_probabilities": p,
        "image_index": np.array([0, 1, 2, 3]),
        "random_index": np.array([0, 1, 2, 3]),
    }
    assert _telling_example(arrays) == (2, 2, 0)
