"""Seconds of training until the test accuracy first reaches 90, 91, 92, 93 %.

    python tests/benchmarks/time_to_accuracy.py --network large --epochs 15 --seeds 3

The test set is read after every epoch, for this benchmark only: nothing is chosen by it, and no
number of this script goes into a run. A training on the 54,000 images that a retraining has, with
the default augmentation and a cosine over ``--epochs``. Seconds are those of the passes over the
training images; building and compiling are measured apart, the reading of the test set not at all.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from networks import NETWORKS, Part, Passes, train_and_validation
from record import Benchmark, Measured, Row, say

from fmnist.config.config import Config

GOALS = (0.90, 0.91, 0.92, 0.93)
PURPOSE = "benchmark: time to accuracy; nothing is chosen by it"


def measure(options: argparse.Namespace) -> Measured:
    """Seconds to compile; of every seed, seconds and test accuracy after each epoch."""
    from fmnist.training.objective import warm_up

    train, _ = train_and_validation(options.images, options.validation, options.data)
    config = NETWORKS[options.network].replace(epochs=options.epochs, ema=options.ema)
    test = opened_test(options.data)
    device = warm_up()
    compiling = compiled(config, train)
    curves = [curve(config, train, test, seed) for seed in range(options.seeds)]
    return {"device": device, "compiling": compiling, "curves": curves}


def opened_test(data: Path | None) -> Part:
    """The test images and labels; the opening goes into a ledger that nobody keeps."""
    from fmnist.data import Ledger, load

    with tempfile.TemporaryDirectory() as folder:
        return load(data).test.open("evaluate", PURPOSE, Ledger(Path(folder) / "ledger.json"))


def compiled(config: Config, train: Part) -> float:
    """Seconds until a new network has trained on its first batch."""
    since = time.perf_counter()
    first = (part[: config.batch_size] for part in train)
    Passes(config, tuple(first))()  # type: ignore[arg-type]
    return time.perf_counter() - since


def curve(config: Config, train: Part, test: Part, seed: int) -> list[list[float]]:
    """Seconds of training so far, and test accuracy, after each epoch."""
    from fmnist.models import inference

    spent, found = 0.0, []
    train_on = Passes(config, train, seed)
    for number in range(1, config.epochs + 1):
        since = time.perf_counter()
        train_on()
        spent += time.perf_counter() - since
        accuracy, _ = inference.score(train_on.loop.predict(test[0]), test[1])
        found.append([spent, accuracy])
        say(f"seed {seed}, epoch {number}: {spent:.1f} s, {accuracy:.2%}")
    return found


def rows(measured: Measured) -> list[Row]:
    """A row a goal: how many seeds reached it, seconds without and with compilation."""
    table: list[Row] = []
    for goal in GOALS:
        firsts = [
            next((s for s, accuracy in c if accuracy >= goal), None) for c in measured["curves"]
        ]
        reached = [s for s in firsts if s is not None]
        row = [f"{goal:.0%}", f"{len(reached)} of {len(firsts)}"]
        for extra in (0.0, measured["compiling"]):
            row.append(_shown([s + extra for s in reached]))
        table.append(row)
    best = [100 * max(accuracy for _, accuracy in curve) for curve in measured["curves"]]
    table.append(["highest", f"{median(best):.2f} % ({min(best):.2f}–{max(best):.2f})", "–", "–"])
    return table


def _shown(seconds: list[float]) -> str:
    if not seconds:
        return "–"
    return f"{median(seconds):.0f} s ({min(seconds):.0f}–{max(seconds):.0f})"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Network, recipe, seeds."""
    parser.add_argument("--network", choices=NETWORKS, default="large")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--ema", type=float, default=Config().ema, help="see fmnist.Config")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=54_000)
    parser.add_argument("--validation", type=int, default=6000, help="left out of the training")


BENCHMARK = Benchmark(
    name="time_to_accuracy",
    doc=__doc__,
    title="Training time to a test accuracy",
    columns=("test accuracy", "seeds that reached it", "training", "with compiling"),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="seeds",
    split="{network} network, {epochs} epochs of {images} images, test set read for this only; "
    "medians over the seeds that reached it, with the range",
    minutes=11,
    quick={"network": "small", "epochs": 2, "seeds": 1, "images": 1024, "validation": 500},
)

if __name__ == "__main__":
    BENCHMARK.main()
