"""Does a trial that goes on from where it was cut choose better than whole trials?

    python tests/benchmarks/continuation.py

Trains random configurations of the core space around the recipe of slow machines, each in four
ways: as a trial of today, over one cycle of the learning rate; over one short cycle; at a constant
rate with averaged weights, which can be cut anywhere; and, as what they are to foretell, over a
longer cycle with another seed. From these curves three searches that may train equally many epochs
are put together, and one of short trials alone. The test set is not read; the same command goes on
after an interruption.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from fidelity import add_sizes, record
from scipy.stats import spearmanr

CONSTANT = {"schedule": "constant", "ema": 0.97}


def curves_of(options: argparse.Namespace) -> dict[str, list[list[float]]]:
    """Validation accuracies after each epoch, a list a configuration, for each way of training."""
    from fmnist.pipeline.planner.profiles import COMPACT

    ways: dict[str, tuple[int, int, dict[str, Any]]] = {
        "whole": (options.epochs, 0, {}),
        "short": (options.start, 0, {}),
        "continued": (options.epochs, 0, CONSTANT),
        "final": (options.final, 1, {}),
    }
    found = {}
    for name, (epochs, extra, changes) in ways.items():
        print(f"{name}: {epochs} epochs each", flush=True)
        folder = options.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        sizes = argparse.Namespace(**{**vars(options), "epochs": epochs})
        trials = record(sizes, folder, {**COMPACT, **changes}, options.seed + extra)
        found[name] = [[e.val_accuracy for e in trial.epochs] for trial in trials]
    return found


def searches(
    curves: dict[str, list[list[float]]], some: Sequence[int], start: int, epochs: int
) -> dict[str, int]:
    """Which of ``some`` configurations each search picks; all train ``epochs`` × half of them."""
    budget = epochs * len(some) // 2
    left = budget - start * len(some)

    def last(way: str) -> Callable[[int], float]:
        return lambda at: curves[way][at][-1]

    def early(at: int) -> float:
        return curves["continued"][at][start - 1]

    anew = sorted(some, key=last("short"), reverse=True)[: max(1, left // epochs)]
    on = sorted(some, key=early, reverse=True)[: max(1, left // (epochs - start))]
    return {
        "whole trials of half as many": max(some[: budget // epochs], key=last("whole")),
        "short trials, the best anew": max(anew, key=last("whole")),
        "short trials, the best continued": max(on, key=last("continued")),
        "short trials alone": max(some, key=last("short")),
    }


def main() -> None:
    """Train what is not there yet, and print what each search reaches."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_sizes(parser)
    parser.set_defaults(images=6_000, epochs=4, configs=24, jobs=1, orders=2_000)
    parser.add_argument("--start", type=int, default=1, help="Epochs before the first verdict.")
    parser.add_argument("--final", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=Path("continuation"))
    options = parser.parse_args()
    curves = curves_of(options)
    final = [curve[-1] for curve in curves["final"]]
    print("\n| what is known | Spearman with the longer training |\n|---|---|")
    for name, early in (
        ("whole, at its end", [c[-1] for c in curves["whole"]]),
        (f"whole, after {options.start}", [c[options.start - 1] for c in curves["whole"]]),
        ("short, at its end", [c[-1] for c in curves["short"]]),
        (f"continued, after {options.start}", [c[options.start - 1] for c in curves["continued"]]),
        ("continued, at its end", [c[-1] for c in curves["continued"]]),
    ):
        print(f"| {name} | {spearmanr(early, final).statistic:.2f} |")
    chance = random.Random(options.seed)
    reached: dict[str, list[float]] = {}
    for _ in range(options.orders):
        some = chance.sample(range(len(final)), 3 * len(final) // 4)
        for name, at in searches(curves, some, options.start, options.epochs).items():
            reached.setdefault(name, []).append(max(final[i] for i in some) - final[at])
    print("\n| search | behind the best, points | its spread |\n|---|---|---|")
    for name, regrets in reached.items():
        print(f"| {name} | {100 * fmean(regrets):.2f} | {100 * stdev(regrets):.2f} |")


if __name__ == "__main__":
    main()
