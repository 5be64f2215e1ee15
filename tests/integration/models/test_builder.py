import numpy as np
import pytest
from tiny_models import first_of, furthest, keras_model

from fmnist import backends, build_model
from fmnist.config.config import Config
from fmnist.data.augmentation import Augmentations
from fmnist.models.builder import build_for_training, compile_model, loss_of, optimizer, whiten
from fmnist.models.size import file_bytes, size_of
from fmnist.pipeline.planner.profiles import COMPACT, LONG
from fmnist.training.fit import fit

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
        ({"stages": 2}, {"convolution_2"}, {"convolution_3"}),
        ({"stages": 4, "filters_4": 4}, {"convolution_4", "relu_4"}, {"convolution_stem"}),
        ({"stages": 0, "stem": 4}, {"flatten", "dense"}, {"convolution_stem", "dropout_1"}),
        ({"stem": 4}, {"convolution_stem", "batch_norm_stem", "relu_stem"}, {"resize"}),
        ({"stem": 4, "whitening": True}, {"convolution_stem", "relu_stem"}, {"batch_norm_stem"}),
        (
            {"activation": "silu", "stem": 4, "convolutions": 2},
            {"silu_stem", "silu_3_2"},
            {"relu_1"},
        ),
        ({"activation": "silu", "stem": 4, "whitening": True}, {"relu_stem", "silu_1"}, {"relu_1"}),
        ({"whitening": True}, {"relu_1"}, {"convolution_stem"}),
        ({"convolutions": 3}, {"convolution_1_3", "batch_norm_3_2"}, {"residual_1"}),
        ({"convolutions": 2, "residual": True}, {"residual_1", "residual_3"}, set()),
        ({"residual": True}, {"relu_3"}, {"residual_1"}),
        ({"pooling": "strided"}, {"convolution_3", "relu_3"}, {"pooling_1", "pooling_3"}),
        ({"head": "max"}, {"global_max"}, {"flatten"}),
        ({"image_size": 32}, {"resize"}, set()),
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


def test_fixed_kernels_are_those_of_the_training_images_and_stay():
    config = TINY.replace(stem=8, stem_stride=2, whitening=True, width=8.0)
    part = images(), np.arange(6) % 10
    weights = fit(config.replace(epochs=2, batch_size=3), part, part)
    expected = build_model(config)
    whiten(expected, config, part[0])
    stem = expected.get_layer("convolution_stem")
    assert stem.kernel.shape == (4, 4, 1, 32)  # not eight times eight: there are no more
    assert not stem.trainable
    assert (weights[0] == stem.get_weights()[0]).all()
    assert size_of(config).parameters == expected.count_params()


def shapes(**changes):
    return {x.name: x.output.shape[1:] for x in build_model(TINY.replace(**changes)).layers}


def test_width_and_size_scale_every_stage():
    found = shapes(stem=8, width=2.0, image_size=32, head="average", convolutions=2)
    assert found["resize"] == (32, 32, 1)
    assert found["relu_stem"] == (32, 32, 16)
    assert [found[f"relu_{i}_2"] for i in (1, 2, 3)] == [(16, 16, 8), (8, 8, 16), (4, 4, 16)]
    assert found["global_average"] == (16,)


def test_strided_convolutions_halve_the_maps_themselves():
    found = shapes(pooling="strided", convolutions=2, residual=True, pool_first=False)
    assert [found[f"residual_{i}"] for i in (1, 2, 3)] == [(14, 14, 4), (7, 7, 6), (4, 4, 8)]
    config = TINY.replace(pooling="strided", convolutions=2, stem=4)
    model = build_model(config)
    assert size_of(config).parameters == model.count_params()
    maps = [x.output.shape[1:] for x in model.layers if x.name.startswith("convolution_")]
    assert size_of(config).map_values == sum(int(np.prod(shape)) for shape in maps)


def test_pooling_stands_before_or_behind_normalisation():
    first, behind = ([*shapes(pool_first=p)] for p in (True, False))
    assert first.index("pooling_1") < first.index("batch_norm_1") < first.index("relu_1")
    assert behind.index("batch_norm_1") < behind.index("relu_1") < behind.index("pooling_1")


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


def test_fit_learns_from_an_image_that_a_fresh_network_is_sure_about_and_wrong(parts):
    import keras

    # Raw pixels make logits so large that the right class has no probability at all. Where the
    # loss came from probabilities, next to nothing was learnt from such an image (on JAX).
    config = TINY.replace(normalisation="raw", batch_norm=False, optimizer="sgd")
    keras.utils.set_random_seed(0)
    plain = build_model(config)
    model = keras.Model(plain.input, plain.get_layer("logits").output)
    images, labels = parts[0][0][:200], parts[0][1][:200]
    logits = np.asarray(model(images))
    sure = logits.max(axis=1) - logits[np.arange(200), labels] > 30
    assert sure.any()
    compile_model(model, config.replace(learning_rate=1e-5))
    before = model.get_weights()
    model.fit(images[sure], labels[sure], batch_size=int(sure.sum()), verbose=0)
    assert furthest(before, model.get_weights()) > 1e-3


SHAPES = [
    {},
    {"pooling": "average", "normalisation": "signed", "l2": 0.01, "label_smoothing": 0.1},
    {"batch_norm": False, "normalisation": "raw", "kernel_size": 5},
    {"stem": 4, "convolutions": 3, "residual": True, "head": "max", "dense_units": 0,
     "activation": "silu"},
    {"stem": 4, "stem_stride": 2, "stages": 2, "convolutions": 2},
    {"batch_norm": False, "filters_3": 0, "dense_units": 0, "l2": 0.1, "kernel_size": 1},
    {"filters_2": 0, "filters_3": 0, "normalisation": "raw", "kernel_size": 2},
    {"pool_first": False, "stages": 4, "filters_4": 4, "head": "average", "image_size": 32},
    {"stages": 0},
    {"pooling": "strided", "pool_first": False, "stages": 2},
]  # fmt: skip


def scattered(config):
    """Weights of which none are zero or one, as after some training."""
    import keras

    rng = np.random.default_rng(1)
    keras.utils.set_random_seed(1)
    weights = build_model(config).get_weights()
    return [w * 0.8 + rng.uniform(0.05, 0.15, w.shape) for w in weights]


def loop_of(config):
    """A loop whose one step takes the gradient itself off the weights."""
    import keras

    loop = backends.loop_for(
        network=build_for_training(config),
        plain=build_model(config),
        optimizer=keras.optimizers.SGD(1.0),
        loss=loss_of(config, 10),
        batch_size=16,
    )
    loop.start(scattered(config), 0, 0.0)
    return loop


def gradients(config, loop, x, y):
    """Of the loop's weights: what one step takes off."""
    loop.load(x, y)
    moves = Augmentations(np.zeros(16, bool), np.zeros((16, 2), int), 0)
    before = loop.weights()
    loop.epoch(np.arange(16), moves, np.ones(1, "float32"))
    return [a - b for a, b in zip(before, loop.weights(), strict=True)]


def plain_gradients(config, x, y):
    """The same from Keras's own layers and losses."""
    import keras

    before = scattered(config)
    model = keras_model(config, before, keras.optimizers.SGD(1.0))
    model.train_on_batch(x, np.eye(10, dtype="float32")[y])
    return [a - b for a, b in zip(before, model.get_weights(), strict=True)]


def logits_in_training(network, x):
    import keras

    inner = keras.Model(network.input, network.get_layer("logits").output)
    return np.asarray(inner(x, training=True))


# On JAX every shape is compiled twice; what it has of its own is in the first ones.
COMPARED = first_of(4, SHAPES) if backends.chosen() == "tensorflow" else SHAPES[:4]


@pytest.mark.slow
@pytest.mark.parametrize("changes", COMPARED, ids=str)
def test_the_network_in_training_is_the_plain_one(monkeypatch, changes):
    monkeypatch.setenv("FMNIST_PRECISION", "float32")
    config = TINY.replace(dropout=0.0, **changes)
    x, y = images(16), np.arange(16) % 10
    loop = loop_of(config)
    wanted = plain_gradients(config, x, y)
    for ours, theirs in zip(gradients(config, loop, x, y), wanted, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4 * float(np.abs(theirs).max()))
    loop.start(scattered(config), 0, 0.0)
    ours, theirs = (logits_in_training(n, x) for n in (loop.network, loop.plain))
    assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-4 * float(np.abs(theirs).max()))


@pytest.mark.parametrize("changes", SHAPES[:3], ids=str)
def test_bfloat16_is_the_same_network_but_for_rounding(monkeypatch, changes):
    monkeypatch.setenv("FMNIST_PRECISION", "bfloat16")
    config = TINY.replace(dropout=0.0, **changes)
    x = images(16)
    loop = loop_of(config)
    ours, theirs = (logits_in_training(n, x) for n in (loop.network, loop.plain))
    assert loop.network.get_layer("convolution_1").compute_dtype == "bfloat16"
    assert {str(v.dtype) for v in loop.network.trainable_variables} == {"float32"}
    assert ours.dtype == np.float32
    # Eight bits of a number's value are kept, some ten times one after the other.
    assert 0 < np.abs(ours - theirs).max() < 10 * 2**-8 * np.abs(theirs).max()


def test_building_for_training_leaves_the_usual_precision(monkeypatch):
    import keras

    monkeypatch.setenv("FMNIST_PRECISION", "bfloat16")
    build_for_training(TINY)
    assert keras.config.dtype_policy().name == "float32"
    assert build_model(TINY).get_layer("dense").compute_dtype == "float32"


def test_the_optimiser_averages_where_it_is_told():
    assert not optimizer(TINY).use_ema
    found = optimizer(TINY.replace(ema=0.95))
    assert (found.use_ema, found.ema_momentum) == (True, 0.95)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"stages": 0, "dense_units": 50},
        {**LONG, "width": 0.5},
        {**COMPACT, "width": 0.25},
        {"batch_norm": False, "convolutions": 3, "residual": True, "image_size": 32, "l2": 1e-4},
        {"pooling": "strided", "stages": 4},
    ],
)
def test_a_file_is_never_larger_than_was_said_and_hardly_smaller(changes, tmp_path):
    config = Config(**changes)
    build_model(config).save(tmp_path / "model.keras")
    found = (tmp_path / "model.keras").stat().st_size
    assert found <= file_bytes(config) <= found + 5_000
