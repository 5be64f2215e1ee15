"""The layers of a network in training give what Keras's own give."""

import numpy as np
import pytest

from fmnist import backends
from fmnist.backends.policy import policy_for
from fmnist.models.layers import FusedBatchNormalization, ImagesFirstConvolution, VariableDropout

WITHIN = {"float32": 1e-5, "mixed_bfloat16": 0.02}
on_tensorflow = pytest.mark.skipif(backends.name() != "tensorflow", reason="only on TensorFlow")
RNG = np.random.default_rng(0)


def pair(**options):
    """Our normalisation and Keras's, with the same weights."""
    import keras

    both = FusedBatchNormalization(**options), keras.layers.BatchNormalization(**options)
    shape = (3,)
    weights = [RNG.normal(1, 0.5, shape), RNG.normal(size=shape), RNG.normal(size=shape)]
    for layer in both:
        layer.build((None, 5, 4, 3))
        layer.set_weights([*weights, np.array([0.5, 2.0, 1.0])])
    return both


def batch(size=6):
    scales = np.array([1.0, 30.0, 0.1])
    return (RNG.normal(2, 1, (size, 5, 4, 3)) * scales).astype("float32")


@on_tensorflow
@pytest.mark.parametrize("momentum", [0.9, 0.99])
def test_fused_normalisation_trains_as_keras_does(momentum):
    import tensorflow as tf

    slopes = tf.constant(RNG.normal(size=(6, 5, 4, 3)), "float32")
    x = tf.constant(batch())
    found = []
    for layer in pair(momentum=momentum):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
            total = tf.reduce_sum(y * slopes)
        gradients = tape.gradient(total, [x, layer.gamma.value, layer.beta.value])
        for _ in range(2):  # the running statistics go on
            layer(x + 1, training=True)
        found.append([y, *gradients, *layer.get_weights()])
    for ours, theirs in zip(*found, strict=True):
        ours, theirs = np.asarray(ours), np.asarray(theirs)
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-4 * float(np.abs(theirs).max()))


@on_tensorflow
def test_fused_normalisation_moves_statistics_by_the_variance_of_the_batch():
    ours, _ = pair(momentum=0.9)
    x = batch(1)  # twenty values a channel, so that one less would show
    ours(x, training=True)
    _, _, _, variance = ours.get_weights()
    wanted = 0.9 * np.array([0.5, 2.0, 1.0]) + 0.1 * x.var(axis=(0, 1, 2))
    assert variance == pytest.approx(wanted, rel=1e-4)


def test_fused_normalisation_predicts_as_keras_does():
    ours, theirs = pair()
    x = batch()
    before = ours.get_weights()
    for options in ({}, {"training": False}):
        assert np.asarray(ours(x, **options)) == pytest.approx(
            np.asarray(theirs(x, **options)), rel=1e-4, abs=1e-5
        )
    assert all((a == b).all() for a, b in zip(before, ours.get_weights(), strict=True))


@on_tensorflow
def test_fused_normalisation_keeps_its_statistics_in_float32():
    import tensorflow as tf

    layer = FusedBatchNormalization(dtype="mixed_bfloat16")
    y = layer(tf.cast(batch(), "bfloat16"), training=True)
    assert y.dtype == tf.bfloat16
    assert {str(v.dtype) for v in layer.weights} == {"float32"}


@pytest.fixture
def dropout():
    return VariableDropout()


@pytest.mark.parametrize("chance", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(dropout, chance):
    dropout.chance.assign(chance)
    x = np.full((200, 500), 3.0, dtype="float32")
    y = np.asarray(dropout(x, training=True))
    # Six standard deviations of 100,000 draws.
    assert (y == 0).mean() == pytest.approx(chance, abs=6 * (chance * (1 - chance) / 1e5) ** 0.5)
    assert y[y > 0] == pytest.approx(3 / (1 - chance), rel=1e-5)
    assert y.mean() == pytest.approx(3, rel=0.06)


def test_dropout_draws_anew_in_every_call_and_the_same_from_the_same_seed(dropout):
    dropout.chance.assign(0.5)
    x = np.ones((8, 100), dtype="float32")
    start = np.asarray(dropout.seed_generator.state)
    first, second = (np.asarray(dropout(x, training=True)) for _ in range(2))
    dropout.seed_generator.state.assign(start)
    again = np.asarray(dropout(x, training=True))
    assert (first != second).mean() > 0.3
    assert (first == again).all()


def test_dropout_without_a_chance_or_without_training_changes_nothing(dropout):
    x = RNG.normal(size=(8, 100)).astype("float32")
    assert (np.asarray(dropout(x, training=True)) == x).all()
    dropout.chance.assign(0.9)
    for options in ({}, {"training": False}):
        assert (np.asarray(dropout(x, **options)) == x).all()


def test_the_chance_of_dropout_is_no_weight_that_is_trained(dropout):
    assert dropout.trainable_weights == []


@on_tensorflow
@pytest.mark.parametrize(
    ("size", "kernel"), [(7, 3), (3, 3), (1, 3), (1, 2), (1, 4), (7, 5), (7, 2)]
)
# Processors without bfloat16 would sum in it.
@pytest.mark.parametrize(
    "dtype", dict.fromkeys(["float32", policy_for("tensorflow", "CPU").precision])
)
def test_gradients_of_small_maps_are_those_of_float32(size, kernel, dtype):
    import keras
    import tensorflow as tf

    x = tf.constant(RNG.normal(size=(6, size, size, 4)), "float32")
    slopes = tf.constant(RNG.normal(size=(6, size, size, 5)), "float32")
    ours = ImagesFirstConvolution(5, kernel, padding="same", use_bias=False, dtype=dtype)
    theirs = keras.layers.Conv2D(5, kernel, padding="same", use_bias=False)
    found = []
    for layer in (ours, theirs):
        layer.build(x.shape)
        layer.set_weights(ours.get_weights())
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            total = tf.reduce_sum(tf.cast(y, "float32") * slopes)
        found.append([y, *tape.gradient(total, [x, layer.kernel.value])])
    for mine, wanted in zip(*found, strict=True):
        mine, wanted = np.asarray(mine, "float32"), np.asarray(wanted)
        assert mine == pytest.approx(wanted, abs=WITHIN[dtype] * float(np.abs(wanted).max()))


@on_tensorflow
@pytest.mark.parametrize("decay", [None, 0.1])
def test_steps_of_the_fused_adam_are_those_of_keras(decay):
    import keras
    import tensorflow as tf

    from fmnist.backends.tensorflow import FusedAdam

    start = RNG.normal(size=(4, 3)).astype("float32")
    gradients = RNG.normal(size=(5, 4, 3)).astype("float32")
    found = []
    for kind in (FusedAdam, keras.optimizers.Adam):
        variable = keras.Variable(start)
        optimizer = kind(0.03, weight_decay=decay, use_ema=True)
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient)], [variable])
        found.append([np.asarray(v) for v in (variable, *optimizer.variables)])
    assert np.abs(found[0][0] - start).max() > 0.05
    for ours, theirs in zip(*found, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)
