"""The same accuracy? Plain Keras ``fit`` in float32 against our loop, pairs of one seed.

    python tests/benchmarks/same_accuracy.py --seeds 5 --epochs 3

Both begin with the same weights and get the same learning rate at each step, without augmentation;
batches and dropout are drawn by each in its own way. Accuracy is that on the validation images; the
test set is not read. Nothing is timed: trainings run side by side, one a core. A run that was
stopped goes on from its journal.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from child import limited
from networks import (
    NETWORKS,
    Part,
    add_networks,
    paced,
    plain_keras,
    train_and_validation,
    unmoved,
)
from record import Benchmark, Measured, Row, say, surroundings

from fmnist.config.config import Config
from fmnist.training.lr_schedule import LearningRateSchedule
from search.processes.supervisor import available_cores

JOURNAL = Path(tempfile.gettempdir()) / "fmnist_same_accuracy.jsonl"
Key = tuple[str, int, str]


def measure(options: argparse.Namespace) -> Measured:
    """Validation accuracies by network and way, in the order of the seeds."""
    wanted = list(product(options.networks, range(options.seeds), WAYS))
    asked = {"epochs": options.epochs, "images": options.images, "validation": options.validation}
    # What was trained otherwise, or by other versions, is no part of these pairs.
    asked |= {"data": str(options.data), **surroundings("CPU")}
    done = journalled(options.journal, asked)
    missing = [key for key in wanted if key not in done]
    say(f"{len(missing)} of {len(wanted)} trainings to do")
    with ThreadPoolExecutor(available_cores()) as pool:
        for key, accuracy in zip(
            missing, pool.map(lambda k: _apart(k, options), missing), strict=True
        ):
            done[key] = accuracy
            with options.journal.open("a") as journal:
                journal.write(json.dumps({"asked": asked, "key": key, "accuracy": accuracy}) + "\n")
            say(f"{key[0]}, seed {key[1]}, {key[2]}: {accuracy:.4f}")
    return {
        network: {way: [done[network, seed, way] for seed in range(options.seeds)] for way in WAYS}
        for network in options.networks
    }


def journalled(journal: Path, asked: dict[str, Any]) -> dict[Key, float]:
    lines = journal.read_text().splitlines() if journal.exists() else []
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    return {tuple(e["key"]): e["accuracy"] for e in entries if e["asked"] == asked}


def _apart(key: Key, options: argparse.Namespace) -> float:
    """One training in a process of its own, on one core."""
    command = [sys.executable, __file__, "--one", *map(str, key)]
    for name in ("epochs", "images", "validation", "data"):
        value = getattr(options, name)
        command += [f"--{name}", str(value)] if value is not None else []
    environment = {**os.environ, **limited(1)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def keras_way(config: Config, train: Part, validation: Part, seed: int) -> float:
    """``Model.fit`` with Keras's own layers."""
    model = plain_keras(config, seed)
    rates = paced(LearningRateSchedule(config, config.epochs), len(train[1]) // config.batch_size)
    model.fit(
        *train, batch_size=config.batch_size, epochs=config.epochs, callbacks=[rates], verbose=0
    )
    return float(model.evaluate(*validation, batch_size=500, verbose=0)[1])


def our_way(config: Config, train: Part, validation: Part, seed: int) -> float:
    """``training.fit``, as a trial does it."""
    from fmnist.training import fit

    seen: list[float] = []

    def count(epoch: Any) -> int:
        seen.append(epoch.val_accuracy)
        return config.epochs - len(seen)

    fit.fit(config, train, validation, seed=seed, on_epoch=count)
    return seen[-1]


WAYS = {"keras": keras_way, "ours": our_way}


def one(options: argparse.Namespace) -> float:
    """One training, in this process."""
    network, seed, way = options.one
    parts = train_and_validation(options.images, options.validation, options.data)
    config = unmoved(NETWORKS[network]).replace(epochs=options.epochs)
    return WAYS[way](config, *parts, int(seed))


def rows(measured: Measured) -> list[Row]:
    """A row a network: pairs, means, the mean of the differences and its interval."""
    table: list[Row] = []
    for network, found in measured.items():
        pairs = list(zip(found["keras"], found["ours"], strict=True))
        shown = ", ".join(f"{100 * a:.2f}/{100 * b:.2f}" for a, b in pairs)
        means = [f"{100 * mean(found[way]):.2f} %" for way in WAYS]
        table.append([network, shown, *means, interval([100 * (b - a) for a, b in pairs])])
    return table


def interval(differences: list[float]) -> str:
    """Mean and its 95 % interval by Student's t, in points."""
    if len(differences) < 2:
        return f"{mean(differences):+.2f} (one pair)"
    from scipy.stats import t

    reach = t.ppf(0.975, len(differences) - 1) * stdev(differences) / sqrt(len(differences))
    middle = mean(differences)
    return f"{middle:+.2f} ({middle - reach:+.2f} to {middle + reach:+.2f})"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Networks, seeds, sizes, journal."""
    add_networks(parser)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--images", type=int, default=54_000)
    parser.add_argument("--validation", type=int, default=6000)
    parser.add_argument("--journal", type=Path, default=JOURNAL)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)


BENCHMARK = Benchmark(
    name="same_accuracy",
    doc=__doc__,
    title="Validation accuracy of the same training",
    columns=("network", "pairs: plain `fit`/ours, %", "plain `fit`", "ours", "difference, points"),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="seeds",
    split="{images} training and {validation} validation images, {epochs} epochs; 95 % t-interval",
    minutes=14,
    quick={"networks": ["small"], "seeds": 2, "epochs": 1, "images": 1024, "validation": 500},
)

if __name__ == "__main__":
    asked = BENCHMARK.options(sys.argv[1:])
    if asked.one:
        print(one(asked))
    else:
        BENCHMARK.main()
        asked.journal.unlink(missing_ok=True)  # it is in the record now
