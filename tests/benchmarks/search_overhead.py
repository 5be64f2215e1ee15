"""What the search costs beyond the training: 20 equal small trials in four ways, and the ratios.

    python tests/benchmarks/search_overhead.py --trials 20 --images 3000 --epochs 3 --rounds 3

- ours: a study with its database, its supervised child process, logs and checkpoints
- bare: a loop that builds and fits the same networks with the same training code in one process
- keras: the same loop with nothing but ``model.fit``
- keras-tuner: its RandomSearch over ``fmnist.HyperModel``

All trials have one network, one batch size and one number of epochs, and no augmentation, which
``model.fit`` alone does not have; only the learning rate differs, which costs nothing. Every way
runs in a process of its own, and the order changes from round to round. Prints a Markdown table; n
is the number of rounds.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from fmnist.config import Config
from search.space import Float, SearchSpace

SPACE = SearchSpace((Float("learning_rate", 1e-3, 2e-3, log=True),))
BASE = Config(flip=False, shift=0)
WAYS = ("ours", "bare", "keras", "keras-tuner")
Parts = tuple[Any, Any]


def data(images: int) -> tuple[Parts, Parts]:
    """So many training images with their labels, and a sixth as many for validation."""
    from fmnist.data import load

    found = load(None)
    x, y = found.train_images, found.train_labels
    last = images + images // 6
    return (x[:images], y[:images]), (x[images:last], y[images:last])


def ours(train: Parts, validation: Parts, trials: int, epochs: int, folder: Path) -> None:
    """The study as ``fmnist run`` runs it."""
    import numpy as np

    from fmnist import checkpoint
    from fmnist.trial import Training, warm_up
    from fmnist.view import View
    from search.budget import Budget, CostModel, SearchPlan
    from search.engines import open_engine
    from search.records import EpochLog, TrialLog
    from search.study import Study
    from search.supervisor import Supervisor

    class Silent(View):
        def epoch_done(self, suggestion: Any, epoch: Any, remaining: int = 0) -> None:
            """Nothing is shown."""

    objective = Training(BASE, train, validation, share=np.arange(len(train[1])))
    engine = open_engine("optuna", folder, SPACE, sampler="random", prune=False)
    output = folder / "children.log"
    with closing(engine), Supervisor(objective, warm_up=warm_up, output=output) as runner:
        log = TrialLog(folder / "trials.jsonl")
        Study(
            engine=engine,
            runner=runner,
            plan=SearchPlan(Budget(None), costs=CostModel(SPACE)),
            log=log,
            epoch_log=EpochLog(folder / "epochs.jsonl"),
            listener=Silent(),
            epochs=epochs,
            max_trials=trials,
            folder=folder / "trials",
            checkpoint=checkpoint.epochs_in,
        ).run()
    assert [t.state for t in log.trials] == ["complete"] * trials
    assert all(len(t.epochs) == epochs for t in log.trials)


def bare(train: Parts, validation: Parts, trials: int, epochs: int, folder: Path) -> None:
    """The same training in a loop, and nothing else."""
    from fmnist import training

    for seed, config in enumerate(configs(trials, epochs)):
        seen: list[Any] = []

        def count(epoch: Any, seen: list[Any] = seen) -> int:
            seen.append(epoch)
            return epochs - len(seen)

        training.fit(config, train, validation, seed=seed, on_epoch=count)
        assert len(seen) == epochs


def keras(train: Parts, validation: Parts, trials: int, epochs: int, folder: Path) -> None:
    """The loop that a notebook has."""
    from fmnist import training

    for seed, config in enumerate(configs(trials, epochs)):
        model, pace = training.new_model(config, 10, seed)
        fitted = model.fit(
            *train,
            batch_size=config.batch_size,
            epochs=epochs,
            validation_data=validation,
            callbacks=[pace],
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

    from fmnist.hypermodel import HyperModel

    tuner = tuner_library.RandomSearch(
        HyperModel(SPACE, BASE),
        objective="val_accuracy",
        max_trials=trials,
        directory=folder,
        seed=0,
    )
    tuner.search(*train, validation_data=validation, epochs=epochs, verbose=0)
    assert len(tuner.oracle.get_best_trials(trials)) == trials


def run_way(name: str, trials: int, images: int, epochs: int) -> None:
    """One way, in this process."""
    ways: dict[str, Callable[..., None]]
    ways = {"ours": ours, "bare": bare, "keras": keras, "keras-tuner": keras_tuner}
    train, validation = data(images)
    with tempfile.TemporaryDirectory() as folder:
        ways[name](train, validation, trials, epochs, Path(folder))


def measure(way: str, options: argparse.Namespace) -> float:
    """Seconds of the whole process of one way."""
    sizes = {"--trials": options.trials, "--images": options.images, "--epochs": options.epochs}
    command = [sys.executable, __file__, "--way", way]
    command += [str(part) for pair in sizes.items() for part in pair]
    since = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - since


def main() -> None:
    """Run all ways in every round and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        run_way(options.way, options.trials, options.images, options.epochs)
        return
    whole: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(options.rounds):
        first = number % len(WAYS)
        order = WAYS[first:] + WAYS[:first]
        for way in order if number % 2 else reversed(order):
            seconds = measure(way, options)
            whole[way].append(seconds)
            print(f"round {number + 1}, {way}: {seconds:.1f} s", file=sys.stderr, flush=True)
    report(whole, options)


def report(whole: dict[str, list[float]], options: argparse.Namespace) -> None:
    """The table: medians, and the ratios of each round to its own bare loop."""
    from fmnist.environment import describe

    machine = describe()
    print(
        f"{options.trials} trials of {options.images} images and {options.epochs} epochs; whole "
        f"processes, imports included; n = {options.rounds} rounds\n{machine['cpu']}, "
        f"{machine['cores']} cores, Python {machine['python']}, {machine['packages']}\n"
    )
    print("| way | median | against the bare loop (median of rounds) | range |\n|---|---|---|---|")
    for way, seconds in whole.items():
        ratios = [s / b for s, b in zip(seconds, whole["bare"], strict=True)]
        print(
            f"| {way} | {statistics.median(seconds):.1f} s | {statistics.median(ratios):.3f} "
            f"| {min(ratios):.3f}–{max(ratios):.3f} |"
        )


if __name__ == "__main__":
    main()
