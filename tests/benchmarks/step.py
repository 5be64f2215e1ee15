"""Images a second of the plan's networks on TensorFlow, by how a training step is computed.

    python tests/benchmarks/step.py --rounds 15

One process; an epoch a way, one after the other, in every round; ratios are of one round, so that a
machine that slows down slows all. What this processor is trained with stands in
``backends/policy.py``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
from networks import Part, training_images, unmoved
from record import Benchmark, Measured, Row, say
from throughput import ratio

from fmnist import backends
from fmnist.config.config import Config
from fmnist.data.augmentation import sample_augmentations
from fmnist.pipeline.planner.profiles import COMPACT, LONG, SHORT

if TYPE_CHECKING:
    from fmnist.backends.base import Loop

NETWORKS = {"compact": Config(**COMPACT), "short": Config(**SHORT), "long": Config(**LONG)}
WAYS = {
    "Keras's own operations": {"fused": False, "images_first": False},
    "normalisation and Adam's step fused": {"fused": True, "images_first": False},
    "gradients of kernels summed over images first as well": {"fused": True, "images_first": True},
}


def measure(options: argparse.Namespace) -> Measured:
    """Images a second of every network, way and round."""
    from fmnist.training.objective import warm_up

    device, found = warm_up(), {}
    for network in options.networks:
        config, images = unmoved(NETWORKS[network]), training_images(options.images, options.data)
        loops = {way: loop_of(config, images, way) for way in WAYS}
        count = len(images[1])
        rounds = [
            [speed(loop, config, count) for loop in loops.values()] for _ in range(options.rounds)
        ]
        found[network] = dict(zip(loops, zip(*rounds, strict=True), strict=True))
        say(f"{network}: {found[network]}")
    return {"device": device, "networks": found}


def loop_of(config: Config, images: Part, way: str) -> Loop:
    """A loop on ``images`` that computes its steps that way, warm."""
    from fmnist.training.fit import get_training_loop

    decided = replace(backends.decisions(), **WAYS[way])
    with patch.object(backends, "decisions", lambda: decided):
        loop = get_training_loop(config, 10, 0, images[0])
        loop.load(*images)
        speed(loop, config, len(images[1]))
    return loop


def speed(loop: Loop, config: Config, images: int) -> float:
    """Images a second over one epoch of so many."""
    steps = images // config.batch_size
    count = steps * config.batch_size
    moves = sample_augmentations(count, config, np.random.default_rng(0))
    since = time.perf_counter()
    loop.epoch(np.arange(count), moves, np.full(steps, 1e-3, np.float32))
    return count / (time.perf_counter() - since)


def rows(measured: Measured) -> list[Row]:
    """A row a network and way, with its ratio to Keras's own operations."""
    table: list[Row] = []
    for network, ways in measured["networks"].items():
        for way, speeds in ways.items():
            against = ratio(ways, way, next(iter(ways)))
            table.append([network, way, f"{median(speeds):,.0f}", against])
    return table


def add_options(parser: argparse.ArgumentParser) -> None:
    """Networks, images, rounds."""
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--images", type=int, default=2_560, help="of an epoch")
    parser.add_argument("--rounds", type=int, default=15)


BENCHMARK = Benchmark(
    name="step",
    doc=__doc__,
    title="Ways to compute a training step",
    columns=("network", "way", "images/s", "× Keras's own operations"),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="rounds",
    split="{images} training images an epoch; medians, with the range over the rounds",
    minutes=6,
    quick={"networks": ["compact"], "images": 256, "rounds": 2},
)

if __name__ == "__main__":
    BENCHMARK.main()
