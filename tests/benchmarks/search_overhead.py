"""What the search costs beyond the training: 20 equal small trials in four ways, and the ratios.

    python tests/benchmarks/search_overhead.py --trials 20 --images 3000 --epochs 3 --rounds 3

- ours: a study with its database, its supervised child process, logs and checkpoints
- bare: a loop that builds and fits the same networks with the same training code in one process
- keras: the same loop with nothing but plain ``model.fit``, in float32
- keras-tuner: its RandomSearch over ``fmnist.HyperModel``

All trials have one network, one batch size and one number of epochs, and no augmentation, which
``model.fit`` alone does not have; only the learning rate differs, which costs nothing. Every way
runs in a process of its own, and the order changes from round to round.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from networks import paced, plain_keras
from record import Benchmark, Measured, Row, say

from fmnist.config.config import Config
from fmnist.pipeline.progress import ProgressDisplay
from fmnist.training.lr_schedule import LearningRateSchedule
from search.space import Float, SearchSpace

SPACE = SearchSpace((Float("learning_rate", 1e-3, 2e-3, log=True),))
BASE = Config(flip=False, shift=0)
LABELS = {
    "ours": "ours: database, child process, logs, checkpoints",
    "bare": "a loop over the same training code",
    "keras": "a loop of plain `fit`",
    "keras-tuner": "keras-tuner's RandomSearch",
}
WAYS = tuple(LABELS)
Parts = tuple[Any, Any]


def data(images: int, path: Path | None = None) -> tuple[Parts, Parts]:
    """So many training images with their labels, and a sixth as many for validation."""
    from fmnist.data import load

    found = load(path)
    x, y = found.train_images, found.train_labels
    last = images + images // 6
    return (x[:images], y[:images]), (x[images:last], y[images:last])


def ours(train: Parts, validation: Parts, trials: int, epochs: int, folder: Path) -> None:
    """The study as ``fmnist run`` runs it."""
    import numpy as np

    from fmnist.training import checkpoint
    from fmnist.training.objective import TrainingObjective, warm_up
    from search.engines import open_engine
    from search.processes.supervisor import Supervisor
    from search.records import EpochLog, TrialLog
    from search.study.checkpoints import CheckpointFolder
    from search.study.scheduler import Budget, CostModel, TrialScheduler
    from search.study.study import Study, StudyOptions

    class Silent(ProgressDisplay):
        def epoch_done(self, suggestion: Any, epoch: Any, remaining: int = 0) -> None:
            """Nothing is shown."""

    objective = TrainingObjective(BASE, train, validation, share=np.arange(len(train[1])))
    engine = open_engine("optuna", folder, SPACE, sampler="random", pruner="none")
    output = folder / "children.log"
    with closing(engine), Supervisor(objective, initializer=warm_up, output=output) as runner:
        log = TrialLog(folder / "trials.jsonl")
        Study(
            engine=engine,
            runner=runner,
            scheduler=TrialScheduler(Budget(None), costs=CostModel(SPACE)),
            log=log,
            epoch_log=EpochLog(folder / "epochs.jsonl"),
            listener=Silent(),
            options=StudyOptions(epochs, max_trials=trials),
            checkpoints=CheckpointFolder(folder / "trials", checkpoint.epochs_in),
        ).run()
    assert [t.state for t in log.trials] == ["complete"] * trials
    assert all(len(t.epochs) == epochs for t in log.trials)


def bare(train: Parts, validation: Parts, trials: int, epochs: int, folder: Path) -> None:
    """The same training in a loop, and nothing else."""
    from fmnist.training import fit

    for seed, config in enumerate(configs(trials, epochs)):
        seen: list[Any] = []

        def count(epoch: Any, seen: list[Any] = seen) -> int:
            seen.append(epoch)
            return epochs - len(seen)

        fit.fit(config, train, validation, seed=seed, on_epoch=count)
        assert len(seen) == epochs


def keras(train: Parts, validation: Parts, trials: int, epochs: int, folder: Path) -> None:
    """The loop that a notebook has, with our schedule."""
    for seed, config in enumerate(configs(trials, epochs)):
        fitted = plain_keras(config, seed).fit(
            *train,
            batch_size=config.batch_size,
            epochs=epochs,
            validation_data=validation,
            callbacks=[
                paced(LearningRateSchedule(config, epochs), len(train[1]) // config.batch_size)
            ],
            verbose=0,
        )
        assert len(fitted.history["val_accuracy"]) == epochs


def configs(trials: int, epochs: int) -> list[Config]:
    """The configurations of the loops."""
    import numpy as np

    low, high = np.log(1e-3), np.log(2e-3)
    rates = np.exp(np.random.default_rng(0).uniform(low, high, trials))
    return [BASE.replace(learning_rate=float(rate), epochs=epochs) for rate in rates]


def keras_tuner(train: Parts, validation: Parts, trials: int, epochs: int, folder: Path) -> None:
    """keras-tuner's random search."""
    import keras_tuner as tuner_library

    from fmnist.integrations.keras_tuner import HyperModel

    tuner = tuner_library.RandomSearch(
        HyperModel(SPACE, BASE),
        objective="val_accuracy",
        max_trials=trials,
        directory=folder,
        seed=0,
    )
    tuner.search(*train, validation_data=validation, epochs=epochs, verbose=0)
    assert len(tuner.oracle.get_best_trials(trials)) == trials


def run_way(options: argparse.Namespace) -> None:
    """One way, in this process."""
    ways: dict[str, Callable[..., None]]
    ways = {"ours": ours, "bare": bare, "keras": keras, "keras-tuner": keras_tuner}
    parts = data(options.images, options.data)
    with tempfile.TemporaryDirectory() as folder:
        ways[options.way](*parts, options.trials, options.epochs, Path(folder))


def seconds_of(way: str, options: argparse.Namespace) -> float:
    """Seconds of the whole process of one way."""
    command = [sys.executable, __file__, "--way", way]
    for name in ("trials", "images", "epochs", "data"):
        value = getattr(options, name)
        command += [f"--{name}", str(value)] if value is not None else []
    since = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - since


def measure(options: argparse.Namespace) -> Measured:
    """Seconds of every way, a round."""
    whole: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(options.rounds):
        first = number % len(WAYS)
        order = WAYS[first:] + WAYS[:first]
        for way in order if number % 2 else reversed(order):
            whole[way].append(seconds_of(way, options))
            say(f"round {number + 1}, {way}: {whole[way][-1]:.1f} s")
    return {"seconds": whole}


def rows(measured: Measured) -> list[Row]:
    """Medians, and the ratios of each round to its own bare loop."""
    table: list[Row] = []
    for way, seconds in measured["seconds"].items():
        ratios = [s / b for s, b in zip(seconds, measured["seconds"]["bare"], strict=True)]
        spread = f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        table.append([LABELS[way], f"{median(seconds):.1f} s", "1" if way == "bare" else spread])
    return table


def add_options(parser: argparse.ArgumentParser) -> None:
    """Sizes and rounds."""
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)


BENCHMARK = Benchmark(
    name="search_overhead",
    doc=__doc__,
    title="A search beside a bare loop",
    columns=("way", "seconds, whole process", "× the bare loop"),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="rounds",
    split="{trials} trials of {images} training images and {epochs} epochs, imports included; "
    "medians, with the range over the rounds",
    minutes=15,
    quick={"trials": 2, "images": 300, "epochs": 1, "rounds": 1},
)

if __name__ == "__main__":
    asked = BENCHMARK.options(sys.argv[1:])
    if asked.way:
        run_way(asked)
    else:
        BENCHMARK.main()
