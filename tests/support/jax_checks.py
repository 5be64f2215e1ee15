"""What only JAX's loop has. Run on JAX by test_jax.py, not collected by name."""

import jax.numpy as jnp
import numpy as np
import pytest
from augmentation_cases import cases
from hypothesis import given, settings
from tiny_models import TINY, furthest, plans

from fmnist.backends.jax import JaxLoop, _moved
from fmnist.config.config import Config
from fmnist.data.augmentation import augment, pad, sample_augmentations
from fmnist.models.builder import build_for_training, build_model, loss_of, optimizer
from fmnist.training import fit


@settings(max_examples=15)  # each shape is compiled
@given(cases())
def test_images_move_on_the_device_as_they_do_in_numpy(case):
    x, order, moves = case
    framed = pad(x, moves.reach)
    found = _moved(jnp.asarray(framed)[order], moves)
    assert (np.asarray(found) == augment(framed, order, moves)).all()


def test_images_are_turned_on_the_device_as_in_numpy(parts):
    images, order = pad(parts[0][0][:40], 2), np.arange(40)
    moves = sample_augmentations(40, Config(rotation=30.0), np.random.default_rng(0))
    found = np.asarray(_moved(jnp.asarray(images), moves)).astype(int)
    assert np.abs(found - augment(images, order, moves)).max() <= 1  # but for rounding


def test_a_scan_trains_as_single_steps_do(parts):
    config = TINY.replace(dropout=0.3, ema=0.9, l2=0.001)
    images, labels = parts[0][0][:104], parts[0][1][:104]
    start = fit.get_training_loop(config, 10, 0, images).weights()
    found = []
    for scan in (True, False):
        loop = JaxLoop(
            scan=scan,
            network=build_for_training(config),
            plain=build_model(config),
            optimizer=optimizer(config),
            loss=loss_of(config, 10),
            batch_size=config.batch_size,
        )
        loop.load(images, labels)
        loop.start(start, 0, config.dropout)
        found.append(([loop.epoch(*plan) for plan in plans(config, 104)], loop.weights()))
    (some, weights), (others, others_weights) = found
    assert np.array(some) == pytest.approx(np.array(others), rel=1e-4)
    assert furthest(weights, others_weights) < 1e-4
