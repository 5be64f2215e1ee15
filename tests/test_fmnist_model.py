import numpy as np
import pytest

from fmnist import build_model
from fmnist.config import Config
from fmnist.model import compile_model

TINY = Config(filters_1=4, filters_2=6, filters_3=8, dense_units=12)


def images(n=6):
    return np.random.default_rng(0).integers(0, 256, (n, 28, 28, 1), dtype=np.uint8)


def test_probabilities_for_raw_pixels():
    p = build_model(TINY, classes=7).predict(images(), verbose=0)
    assert p.shape == (6, 7)
    assert p.sum(axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    assert (p > 0).all()


@pytest.mark.parametrize(
    ("changes", "present", "absent"),
    [
        ({}, {"convolution_3", "batch_norm_3", "dense", "dropout_1"}, set()),
        ({"filters_3": 0}, {"convolution_2"}, {"convolution_3"}),
        ({"batch_norm": False}, {"relu_1"}, {"batch_norm_1"}),
        ({"dense_units": 0}, {"dropout", "logits"}, {"dense", "dropout_1"}),
    ],
)
def test_fields_decide_which_layers_there_are(changes, present, absent):
    names = {layer.name for layer in build_model(TINY.replace(**changes)).layers}
    assert present <= names
    assert not absent & names


def test_fields_decide_shapes_and_kinds():
    model = build_model(TINY.replace(kernel_size=5, pooling="average"))
    assert model.get_layer("convolution_1").kernel.shape == (5, 5, 1, 4)
    assert type(model.get_layer("pooling_1")).__name__ == "AveragePooling2D"
    assert [model.get_layer(f"relu_{i}").output.shape[1:] for i in (1, 2, 3)] == [
        (14, 14, 4),
        (7, 7, 6),
        (3, 3, 8),
    ]


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("raw", 0, 255), ("unit", 0, 1), ("signed", -1, 1)]
)
def test_normalisation_is_the_first_layer(kind, low, high):
    layer = build_model(TINY.replace(normalisation=kind)).get_layer("normalise")
    ends = np.asarray(layer(np.array([0, 255], dtype=np.uint8).reshape(2, 1, 1, 1)))
    assert ends.ravel() == pytest.approx([low, high])


def test_l2_adds_a_penalty():
    assert build_model(TINY).losses == []
    assert len(build_model(TINY.replace(l2=0.01)).losses) == 5


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"optimizer": "adam"}, "Adam"),
        ({"optimizer": "adamw", "weight_decay": 0.01}, "AdamW"),
        ({"optimizer": "sgd", "weight_decay": 0.01}, "SGD"),
    ],
)
def test_the_optimiser_is_the_configured_one(changes, name):
    model = build_model(TINY)
    compile_model(model, TINY.replace(learning_rate=0.05, **changes))
    assert type(model.optimizer).__name__ == name
    assert float(model.optimizer.learning_rate) == pytest.approx(0.05)
