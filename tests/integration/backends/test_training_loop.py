"""The training loop: it trains as plain Keras does, and forgets one training in the next."""

import dataclasses
import os
import platform
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_models import TINY, blank, by_keras, by_loop, first_of, furthest, plans

from fmnist import backends
from fmnist.models.builder import build_model
from fmnist.models.inference import predict, restored
from fmnist.training import fit
from fmnist.training.fit import get_training_loop

on_tensorflow = pytest.mark.skipif(backends.name() != "tensorflow", reason="only on TensorFlow")


@pytest.fixture(autouse=True)
def float32(monkeypatch):
    monkeypatch.setenv("FMNIST_PRECISION", "float32")


@on_tensorflow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN is for these processors")
def test_one_dnn_trains_on_every_processor():
    from tensorflow.python.util import _pywrap_util_port as built

    assert built.IsMklEnabled() == (os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1")


@pytest.fixture
def part(parts):
    """160 images, so that an epoch is five steps."""
    images, labels = parts[0]
    return images[:160], labels[:160]


def traces(loop):
    """How often the steps were compiled."""
    if backends.name() == "jax":
        return loop._step._cache_size() + loop._scan._cache_size()
    return loop._pass.experimental_get_tracing_count()


@pytest.fixture
def unfused(monkeypatch):
    """Keras's own normalisation and Adam: what is left of ours are its steps."""
    policy = dataclasses.replace(backends.decisions(), fused=False)
    monkeypatch.setattr(backends, "decisions", lambda: policy)


RECIPES = [
    {"optimizer": "adam", "l2": 0.01},
    {"optimizer": "adamw", "weight_decay": 0.1, "pooling": "average", "shift": 0},
    {"optimizer": "sgd", "weight_decay": 0.1, "learning_rate": 0.05},
    {"label_smoothing": 0.2, "flip": False, "schedule": "constant"},
    {"batch_norm": False, "normalisation": "signed"},
    {"erasing": 0.5, "schedule": "one-cycle"},
]


@pytest.mark.parametrize("changes", first_of(1, RECIPES), ids=str)
def test_epochs_are_those_of_plain_keras(part, unfused, changes):
    config = TINY.replace(**changes)
    start = get_training_loop(config, 10, 0, part[0]).weights()
    ours, theirs = by_loop(config, part), by_keras(config, part, start)
    assert furthest(start, theirs[0]) > 0.005
    assert furthest(ours[0], theirs[0]) < 1e-5
    assert np.array(ours[1]) == pytest.approx(np.array(theirs[1]), rel=1e-5)


@pytest.mark.slow
@on_tensorflow
@pytest.mark.parametrize("changes", first_of(1, RECIPES[:3]), ids=str)
def test_epochs_with_fused_operations_are_nearly_those(part, changes):
    # It rounds otherwise, and where two pixels are equal but for that, another one is pooled.
    config = TINY.replace(**changes)
    start = get_training_loop(config, 10, 0, part[0]).weights()
    ours, theirs = by_loop(config, part), by_keras(config, part, start)
    assert distance(ours[0], theirs[0]) < 0.02 * distance(start, theirs[0])
    assert np.array(ours[1])[:, 0] == pytest.approx(np.array(theirs[1])[:, 0], rel=1e-2)


def distance(some, others):
    return sum(float(np.sum((a - b) ** 2)) for a, b in zip(some, others, strict=True)) ** 0.5


def test_a_training_leaves_nothing_to_the_next_one_in_the_same_loop(part, monkeypatch):
    monkeypatch.setattr(fit, "_loops", {})
    first = TINY.replace(dropout=0.3)
    other = first.replace(dropout=0.6, learning_rate=0.05, schedule="constant", flip=False)
    loop = get_training_loop(first, 10, 5, part[0])
    fresh = by_loop(first, part, 5)
    compiled = traces(loop)
    between = by_loop(other, part, 6)
    again = by_loop(first, part, 5)
    assert get_training_loop(other, 10, 7, part[0]) is loop
    assert traces(loop) == compiled > 0
    assert furthest(fresh[0], between[0]) > 0.05
    assert furthest(fresh[0], again[0]) < 1e-3
    assert np.array(again[1]) == pytest.approx(np.array(fresh[1]), rel=1e-3)


@pytest.mark.slow
def test_a_compiled_step_obeys_another_chance_of_dropout(part):
    weights = build_model(TINY).get_weights()

    def losses(chance):
        config = TINY.replace(dropout=chance, epochs=1)
        return by_loop(config, part, weights=weights)[1]

    high, low, none = losses(0.8), losses(1e-6), losses(0.0)
    assert np.array(low) == pytest.approx(np.array(none), rel=1e-3)
    assert high[0][0] > low[0][0] * 1.05


@pytest.fixture
def stub_loops(monkeypatch):
    """Loops and networks that are not built."""
    network = SimpleNamespace(get_weights=list)

    def new(config, classes, batch):
        return SimpleNamespace(start=lambda weights, seed, dropout: None)

    monkeypatch.setattr(fit, "_loops", {})
    monkeypatch.setattr(fit, "_new_loop", new)
    monkeypatch.setattr("fmnist.models.builder.build_model", lambda config, classes: network)


@pytest.mark.parametrize(
    "changes",
    [{"batch_size": 16}, {"filters_1": 5}, {"dropout": 0.0}, {"ema": 0.9}, {"weight_decay": 0.1}],
    ids=str,
)
def test_another_shape_is_another_loop(stub_loops, changes):
    config = TINY.replace(dropout=0.3, optimizer="adamw")
    loop = get_training_loop(config, 10, 0, blank(100))
    assert get_training_loop(config, 10, 0, blank(100)) is loop
    assert get_training_loop(config.replace(**changes), 10, 0, blank(100)) is not loop


def test_other_classes_and_another_precision_are_another_loop(stub_loops, monkeypatch):
    loop = get_training_loop(TINY, 10, 0, blank(100))
    assert get_training_loop(TINY, 7, 0, blank(100)) is not loop
    monkeypatch.setenv("FMNIST_PRECISION", "bfloat16")
    assert get_training_loop(TINY, 10, 0, blank(100)) is not loop


def test_only_the_loops_used_last_are_kept(stub_loops):
    configs = [TINY.replace(filters_1=n) for n in range(1, fit.LOOPS_KEPT + 2)]
    made = [get_training_loop(config, 10, 0, blank(100)) for config in configs[:-1]]
    assert get_training_loop(configs[0], 10, 0, blank(100)) is made[0]
    get_training_loop(configs[-1], 10, 0, blank(100))  # the second one has to go
    assert len(fit._loops) == fit.LOOPS_KEPT
    assert get_training_loop(configs[0], 10, 0, blank(100)) is made[0]
    assert get_training_loop(configs[1], 10, 0, blank(100)) is not made[1]


@pytest.mark.slow
def test_fewer_images_than_a_batch_are_one_step(part, unfused):
    few = part[0][:20], part[1][:20]
    config = TINY.replace(batch_size=128)
    loop = get_training_loop(config, 10, 0, blank(20))
    start = loop.weights()
    ours, theirs = by_loop(config, few), by_keras(config, few, start)
    assert int(loop.optimizer.iterations) == config.epochs
    assert furthest(ours[0], theirs[0]) < 1e-4


def test_images_left_over_wait_for_another_order(part):
    config = TINY.replace(epochs=1)
    loop = get_training_loop(config, 10, 0, blank(150))
    loop.load(*part)
    (plan,) = plans(config, 150)
    order = plan[0]
    found = []
    for rest in (order[128:], order[:22]):
        loop = get_training_loop(config, 10, 0, blank(150))
        loss, _ = loop.epoch(np.concatenate([order[:128], rest]), *plan[1:])
        found.append((loss, loop.weights()))
        assert int(loop.optimizer.iterations) == 4  # of 32 images
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4)
    assert furthest(found[0][1], found[1][1]) < 1e-4


@on_tensorflow
def test_an_epoch_in_several_calls_is_the_same_epoch(part, monkeypatch):
    config = TINY.replace(dropout=0.3)
    whole = by_loop(config, part)
    monkeypatch.setattr("fmnist.backends.tensorflow._IMAGES_A_CALL", 70)  # two steps of five
    pieces = by_loop(config, part)
    assert furthest(whole[0], pieces[0]) < 1e-3
    assert np.array(pieces[1]) == pytest.approx(np.array(whole[1]), rel=1e-3)


def test_weights_are_those_of_the_plain_network(part):
    config = TINY.replace(dropout=0.3)
    weights, _ = by_loop(config, part)
    loop = get_training_loop(config, 10, 0, part[0])
    assert [w.shape for w in weights] == [w.shape for w in build_model(config).get_weights()]
    loop.start(weights, 0, 0.3)
    model = restored(config, weights)
    assert furthest([loop.predict(part[0])], [predict(model, part[0])]) < 1e-5
    assert furthest(loop.weights(), weights) == 0


def test_a_last_part_of_any_size_is_predicted(part):
    loop = get_training_loop(TINY, 10, 0, part[0])
    many = np.concatenate([part[0]] * 2)[:263]
    found = loop.predict(many)
    assert found.shape == (263, 10)
    assert furthest([found[:160]], [loop.predict(part[0])]) < 1e-5


def stepped(config, part, steps):
    """The loop, and its weights after each of ``steps`` calls of one step each."""
    loop = get_training_loop(config, 10, 0, part[0])
    loop.load(*part)
    found = []
    for order, moves, rates in plans(config.replace(epochs=steps), len(part[0])):
        loop.epoch(order, moves, rates[:1])
        found.append(loop.weights())
    return loop, found


@pytest.mark.slow
def test_averaged_weights_are_what_is_kept_and_predicted_with(part):
    _, each = stepped(TINY, part, 4)
    loop, averages = stepped(TINY.replace(ema=0.8), part, 4)
    trainable = [any(v is w for w in loop.plain.trainable_variables) for v in loop.plain.weights]
    assert 0 < sum(trainable) < len(trainable)
    wanted = each[0]
    for step, latest in enumerate(each):
        # The statistics of batch normalisation are averages already.
        wanted = [
            0.8 * a + 0.2 * w if t else w for a, w, t in zip(wanted, latest, trainable, strict=True)
        ]
        assert furthest(averages[step], wanted) < 1e-5
    assert furthest(wanted, each[-1]) > 1e-3
    probabilities = predict(restored(TINY, wanted), part[0])
    assert furthest([loop.predict(part[0])], [probabilities]) < 1e-4
