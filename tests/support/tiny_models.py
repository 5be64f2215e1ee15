"""A tiny network, and the same trainings by plain Keras, to compare our loop with."""

import numpy as np
import pytest

from fmnist import backends
from fmnist.config.config import Config
from fmnist.data.augmentation import augment, pad, sample_augmentations
from fmnist.models.builder import build_model, optimizer
from fmnist.training.fit import get_training_loop
from fmnist.training.lr_schedule import LearningRateSchedule

TINY = Config(
    filters_1=4, filters_2=6, filters_3=0, dense_units=8, dropout=0.0, batch_size=32, epochs=2
)


def blank(count):
    """So many black images."""
    return np.zeros((count, 28, 28, 1), dtype=np.uint8)


def first_of(quick, cases):
    """All cases for a parametrisation; those after the first ``quick`` are marked slow."""
    return cases[:quick] + [pytest.param(case, marks=pytest.mark.slow) for case in cases[quick:]]


def plans(config, images, seed=0):
    """Order, moves and learning rates of one epoch after another."""
    rng, pace = np.random.default_rng(seed), LearningRateSchedule(config, config.epochs)
    for _ in range(config.epochs):
        order, moves = rng.permutation(images), sample_augmentations(images, config, rng)
        yield order, moves, pace.rates(max(1, images // config.batch_size))
        pace.advance()


def by_loop(config, part, seed=0, weights=None):
    """Weights after a training with our loop, and (loss, accuracy) of each epoch."""
    loop = get_training_loop(config, 10, seed, part[0])
    loop.load(*part)
    if weights:
        loop.start(weights, seed, config.dropout)
    results = [loop.epoch(*plan) for plan in plans(config, len(part[0]), seed)]
    return loop.weights(), results


def keras_model(config, weights, optimizer):
    """Keras's own layers, to logits, for ``train_on_batch`` with one-hot labels."""
    import keras

    plain = build_model(config)
    plain.set_weights(weights)
    model = keras.Model(plain.input, plain.get_layer("logits").output)
    loss = {"from_logits": True, "label_smoothing": config.label_smoothing}
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(**loss),
        metrics=[
            keras.metrics.CategoricalCrossentropy(from_logits=True),
            "categorical_accuracy",
        ],
        jit_compile=backends.decisions().xla,
    )
    return model


def by_keras(config, part, weights, seed=0):
    """The same as ``by_loop``, from ``weights``, with Keras's own layers, losses and step."""
    images, labels = part
    model = keras_model(config, weights, optimizer(config))
    results, batch = [], min(config.batch_size, len(images))
    for order, moves, rates in plans(config, len(images), seed):
        inputs = augment(pad(images, moves.reach), order, moves)
        answers = np.eye(10, dtype="float32")[labels[order]]
        steps = []
        for step, rate in enumerate(rates):
            model.optimizer.learning_rate = rate
            place = slice(step * batch, (step + 1) * batch)
            _, *shown = model.train_on_batch(inputs[place], answers[place])
            steps.append(shown)
        results.append(tuple(np.mean(steps, axis=0)))
    return model.get_weights(), results


def furthest(some, others):
    """Largest difference between two lists of weights."""
    return max(float(np.abs(a - b).max()) for a, b in zip(some, others, strict=True))
