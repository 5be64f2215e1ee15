"""Trials of one shape on one device: as one population (``vmap``), against one after the other.

    python tests/benchmarks/population.py --sizes 4 16 --images 53760   # on a GPU
    python tests/benchmarks/population.py                               # on a CPU

The members differ in their weights, their dropout and their learning rate, and share the images,
their order and their moves. The step is the one of our JAX loop, over a leading axis of members. On
a GPU an epoch is one scan over the steps, on a CPU each step is a call (see ``jax_loop.py``).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from networks import NETWORKS, Part, training_images
from record import Benchmark, Measured, Row, say

from fmnist.config.config import Config
from fmnist.data.augmentation import pad, sample_augmentations
from fmnist.training import fit


def measure(options: argparse.Namespace) -> Measured:
    """Images a second, summed over the members, by size of the population, in each round."""
    os.environ["KERAS_BACKEND"] = "jax"  # the step that is vectorised is JAX's
    from fmnist import backends
    from fmnist.training.objective import warm_up

    device = warm_up()
    images = training_images(options.images, options.data)
    config = NETWORKS[options.network]
    found: dict[str, dict[str, list[float]]] = {}
    for size in options.sizes:
        ways = {"in turn": in_turn(config, images, size), "at once": at_once(config, images, size)}
        for work in ways.values():
            work()  # compiles
        found[str(size)] = {way: [] for way in ways}
        for number in range(options.rounds):
            for way in list(ways)[:: 1 if number % 2 else -1]:
                found[str(size)][way].append(speed(ways[way]))
                say(f"{size} members, {way}: {found[str(size)][way][-1]:,.0f} images/s")
    return {"device": device, "sizes": found, "scan": backends.decisions().scan}


def speed(work: Callable[[], int]) -> float:
    """Images a second of one epoch of all members."""
    since = time.perf_counter()
    count = work()
    return count / (time.perf_counter() - since)


def rate_of(config: Config, member: int, size: int) -> float:
    """The members' learning rates: from half of the configured one to twice as much."""
    return config.learning_rate * 2 ** (2 * member / max(1, size - 1) - 1)


def drawn(config: Config, count: int) -> tuple[Any, Any, int]:
    """Order, moves and number of steps of an epoch."""
    rng = np.random.default_rng(0)
    return (
        rng.permutation(count),
        sample_augmentations(count, config, rng),
        count // config.batch_size,
    )


def in_turn(config: Config, images: Part, size: int) -> Callable[[], int]:
    """An epoch of one member after the other, with our loop as a run uses it."""
    loop = fit.get_training_loop(config, 10, 0, images[0])
    loop.load(*images)
    order, moves, steps = drawn(config, len(images[1]))
    weights = loop.weights()

    def epoch() -> int:
        for member in range(size):
            loop.start(weights, member, config.dropout)
            rate = rate_of(config, member, size)
            loop.epoch(order, moves, np.full(steps, rate, np.float32))
        return size * steps * config.batch_size

    return epoch


def at_once(config: Config, images: Part, size: int) -> Callable[[], int]:
    """An epoch of all members, each step one call for all of them."""
    import jax
    import jax.numpy as jnp

    from fmnist import backends

    loop: Any = fit.get_training_loop(config, 10, 0, images[0])
    order, moves, steps = drawn(config, len(images[1]))
    framed, labels = jnp.asarray(pad(images[0], moves.reach)), jnp.asarray(images[1], jnp.int32)
    kept = steps * config.batch_size
    parts = (order.astype(np.int32), moves.mirrored, moves.offsets.astype(np.int32))
    batches = [x[:kept].reshape(steps, config.batch_size, *x.shape[1:]) for x in parts]
    rates = np.array([rate_of(config, m, size) for m in range(size)], np.float32)

    def of_one(state: Any, framed: Any, labels: Any, batch: Any, rate: Any) -> Any:
        return loop._one_step(state, framed, labels, (*batch, rate), reach=moves.reach)

    of_all = jax.vmap(of_one, in_axes=(0, None, None, None, 0))

    @jax.jit
    def step(state: Any, framed: Any, labels: Any, batch: Any) -> Any:
        return of_all(state, framed, labels, batch, rates)

    @jax.jit
    def scanned(state: Any, framed: Any, labels: Any, batches: Any) -> Any:
        return jax.lax.scan(lambda s, b: step(s, framed, labels, b), state, batches)

    start = members(loop, config, size)

    def epoch() -> int:
        state = start
        if backends.decisions().scan:
            state, results = scanned(state, framed, labels, batches)
        else:
            for batch in zip(*batches, strict=True):
                state, results = step(state, framed, labels, batch)
        assert np.isfinite(np.asarray(results[0])).all()  # waits for the device
        return size * kept

    return epoch


def members(loop: Any, config: Config, size: int) -> Any:
    """The state of each member, stacked: leaves [size, ...]."""
    import jax
    import jax.numpy as jnp

    weights, states = loop.weights(), []
    for member in range(size):
        loop.start(weights, member, config.dropout)
        states.append([[v.value for v in group] for group in loop._variables()])
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)


def rows(measured: Measured) -> list[Row]:
    """A row a size."""
    table: list[Row] = []
    for size, found in measured["sizes"].items():
        ratios = [a / b for a, b in zip(found["at once"], found["in turn"], strict=True)]
        speeds = [f"{median(found[way]):,.0f}" for way in ("in turn", "at once")]
        table.append([size, *speeds, f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"])
    return table


def add_options(parser: argparse.ArgumentParser) -> None:
    """Network, sizes, images, rounds."""
    parser.add_argument("--network", choices=NETWORKS, default="small")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--images", type=int, default=2560)
    parser.add_argument("--rounds", type=int, default=3)


BENCHMARK = Benchmark(
    name="population",
    doc=__doc__,
    title="A population against one trial after the other (JAX)",
    columns=("trials", "in turn: images/s", "at once: images/s", "ratio"),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="rounds",
    split="{network} network, {images} training images an epoch, moved",
    minutes=3,
    quick={"sizes": [2], "images": 512, "rounds": 1},
)

if __name__ == "__main__":
    BENCHMARK.main()
