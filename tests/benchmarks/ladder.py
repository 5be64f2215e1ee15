"""Test accuracy against the work of the final training: recorded runs beside published networks.

    python tests/benchmarks/ladder.py

Reads the runs that ``fmnist plan`` forecasts by (``forecast.py`` adds to them), writes
``ladder.svg`` beside this file and prints the table of the README; nothing is trained.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from fmnist.config.config import Config
from fmnist.models.size import size_of
from fmnist.pipeline.planner.costs import REFERENCE, TYPICAL_SPEED
from fmnist.pipeline.planner.forecast import fit, recorded_runs, training_work
from fmnist.pipeline.planner.profiles import PLANNED_IMAGES, profile_for

FIGURE = Path(__file__).with_name("ladder.svg")
STEP = 4
FLOPS = 3 * 2 * size_of(Config(**REFERENCE)).operations
"""Of training one image with the reference network: a multiply-add is two, backward twice forward.

Those of the recipe's own network are 1.18 times as many for the same time.
"""
# FLOPs (reckoned) and test accuracy, of the last epoch or chosen by validation images: notebooks of
# fastai; hysts, pytorch_image_classification; issue 10 of zalandoresearch/fashion-mnist.
PUBLISHED = {
    "ResNet of 1.2 million weights, 20 epochs": (1.3e14, 0.944),
    "ResNet of 1.2 million weights, 50 epochs": (3.3e14, 0.949),
    "pre-activation ResNet-20": (2.2e15, 0.9496),
    "ResNet-20, random erasing": (2.2e15, 0.9539),
    "ResNet-50, Cutout of 14": (6.2e15, 0.9562),
    "ResNet-20, four times as wide, Cutout": (3.6e16, 0.9589),
    "WRN-40-4": (1.1e17, 0.9607),
}


def steps(runs: Sequence[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    """The runs by the power of four of their FLOPs."""
    found: dict[int, list[Mapping[str, Any]]] = {}
    for run in sorted(runs, key=lambda run: run["work"]):
        found.setdefault(math.floor(math.log(run["work"] * FLOPS, STEP)), []).append(run)
    return found


def table(runs: Sequence[Mapping[str, Any]]) -> str:
    """A row a factor of four in FLOPs, as Markdown."""
    head = "| FLOPs | runs | minutes | test accuracy: lowest, mean, highest |"
    rows = [head, "|---|---|---|---|"]
    for power, some in steps(runs).items():
        accuracies = [run["accuracy"] for run in some]
        minutes = sorted({round(run["seconds"] / 60) for run in some})
        spread = f"{min(accuracies):.2%}, {np.mean(accuracies):.2%}, {max(accuracies):.2%}"
        bounds = f"{float(STEP) ** power:.1e} to {float(STEP) ** (power + 1):.1e}"
        rows.append(f"| {bounds} | {len(some)} | {', '.join(map(str, minutes))} | {spread} |")
    return "\n".join(rows)


def work_of(hours: float) -> float:
    """Of the final training that the plan makes of so many hours on a fast machine."""
    plan = profile_for(3600 * hours, TYPICAL_SPEED)
    return training_work(Config(**plan.base), plan.final_epochs, PLANNED_IMAGES)


def draw(runs: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The runs, the forecast with its interval, and the published networks."""
    works = np.geomspace(min(run["work"] for run in runs), work_of(8), 60)
    told = [fit(runs, work) for work in works]
    # The same runs make the same file, and its text stays text.
    plt.rcParams |= {"svg.hashsalt": "ladder", "svg.fonttype": "none"}
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    low, high = ([100 * getattr(t, side) for t in told] for side in ("low", "high"))
    axes.fill_between(works * FLOPS, low, high, alpha=0.2, label="forecast for six views, 90 %")
    axes.plot(works * FLOPS, [100 * t.accuracy for t in told])
    for views in sorted({run["views"] for run in runs}):
        dots = np.array([(r["work"], r["accuracy"]) for r in runs if r["views"] == views])
        name = f"recorded runs, predicting from {views} views"
        axes.plot(*(dots * (FLOPS, 100)).T, "o", ms=4, label=name)
    for marker, (name, (flops, accuracy)) in zip("^v<>sDp", PUBLISHED.items(), strict=True):
        axes.plot(flops, 100 * accuracy, f"k{marker}", ms=5, label=name)
    axes.set(xscale="log", xlabel="FLOPs of the final training", ylabel="test accuracy, %")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Write the figure, print the table and what eight hours should bring."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    runs, work = recorded_runs(), work_of(8)
    draw(runs, FIGURE)
    told = fit(runs, work)
    print(table(runs))
    print(
        f"\nEight hours at {TYPICAL_SPEED:,.0f} images a second: {work * FLOPS:.1e} FLOPs, "
        f"{told.accuracy:.2%} ({told.low:.2%} to {told.high:.2%} in nine runs of ten)"
    )


if __name__ == "__main__":
    main()
