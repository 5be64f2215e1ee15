"""What each part of the training recipe gives: it is left out, the rest stays.

    python tests/benchmarks/ablation.py --epochs 12 --seeds 1
    python tests/benchmarks/ablation.py --recipe compact --only "the recipe" "without the stem"

Validation accuracy at the end of a training, of the image alone and over the recipe's views; the
test set is not read. The recipes are those around the core space in short trainings
(``planner/profiles.py``): ``short`` on whole maps, ``compact`` on maps of a quarter. The same
epochs are not the same time, so the seconds stand beside.
"""

from __future__ import annotations

import argparse
import time
from statistics import fmean, median
from typing import Any

import numpy as np
from networks import Part, Passes, train_and_validation
from paired import mean_interval, points
from record import Benchmark, Measured, Row, say

from fmnist.config.config import Config
from fmnist.data.views import Views
from fmnist.pipeline.planner.profiles import COMPACT, SHORT

RECIPES = {"short": Config(**SHORT), "compact": Config(**COMPACT)}
WITHOUT: dict[str, dict[str, Any]] = {
    "the recipe": {},
    "one convolution a stage": {"convolutions": 1, "residual": False},
    "without the residual connection": {"residual": False},
    "without the stem": {"stem": 0},
    "a trained stem": {"whitening": False},
    "a stem that whitens": {"whitening": True},
    "a learning rate of 0.004": {"learning_rate": 0.004},
    "a learning rate of 0.008": {"learning_rate": 0.008},
    "a learning rate of 0.032": {"learning_rate": 0.032},
    "dense layer instead of the global maximum": {"head": "flatten", "dense_units": 128},
    "without batch normalisation": {"batch_norm": False},
    "pooling behind normalisation": {"pool_first": False},
    "without mirroring": {"flip": False, "test_time_flip": False},
    "without shifts": {"shift": 0},
    "without label smoothing": {"label_smoothing": 0.0},
    "with dropout": {"dropout": 0.2},
    "without weight decay": {"weight_decay": 0.0},
    "constant learning rate": {"schedule": "constant"},
    "cosine instead of one-cycle": {"schedule": "cosine"},
    "with moving averages of the weights": {"ema": 0.99},
    "with random erasing": {"erasing": 0.25},
    "with ReLU": {"activation": "relu"},
    "with SiLU": {"activation": "silu"},
}


def measure(options: argparse.Namespace) -> Measured:
    """Of every variant and seed: accuracy alone and over all views, seconds an epoch."""
    from fmnist.training.objective import warm_up

    parts = train_and_validation(options.images, options.validation, options.data)
    device, found = warm_up(), {}
    recipe = RECIPES[options.recipe].replace(epochs=options.epochs)
    for name in options.only:
        config = recipe.replace(**WITHOUT[name])
        if WITHOUT[name] and config == recipe:
            continue
        found[name] = [trained(config, *parts, seed) for seed in range(options.seeds)]
        say(f"{name}: {found[name]}")
    return {"device": device, "variants": found}


def trained(config: Config, train: Part, validation: Part, seed: int) -> list[float]:
    """Accuracy alone and over all views, median seconds an epoch, of one training."""
    from fmnist.models.inference import score

    train_on, seconds = Passes(config, train, seed), []
    for _ in range(config.epochs):
        since = time.perf_counter()
        train_on()
        seconds.append(time.perf_counter() - since)
    images, labels = validation
    found = [train_on.loop.predict(view) for view in Views.of(config).show(images)]
    scores = (score(p, labels)[0] for p in (found[0], np.mean(found, axis=0)))
    return [*scores, median(seconds)]


def rows(measured: Measured) -> list[Row]:
    """A row a variant, with its distance to the recipe."""
    whole = measured["variants"].get("the recipe")
    table: list[Row] = []
    for name, runs in measured["variants"].items():
        alone, seen, seconds = (fmean(column) for column in zip(*runs, strict=True))
        away = "–"
        if whole is not None and runs is not whole:
            lead = [run[1] - of[1] for run, of in zip(runs, whole, strict=True)]
            away = points(mean_interval(lead)) if len(lead) > 1 else f"{100 * lead[0]:+.2f}"
        table.append([name, f"{alone:.2%}", f"{seen:.2%}", away, f"{seconds:.1f}"])
    return table


def add_options(parser: argparse.ArgumentParser) -> None:
    """Sizes and variants."""
    parser.add_argument("--recipe", choices=RECIPES, default="short")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=WITHOUT, default=list(WITHOUT))
    parser.add_argument("--images", type=int, default=54_000)
    parser.add_argument("--validation", type=int, default=6000)


BENCHMARK = Benchmark(
    name="ablation",
    doc=__doc__,
    title="What each part of the training recipe gives",
    columns=(
        "recipe",
        "validation accuracy",
        "over its views",
        "points from the recipe (95 %, t)",
        "s an epoch",
    ),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="seeds",
    split="{recipe}, {epochs} epochs of {images} images; {validation} validation images",
    minutes=40,
    quick={
        "epochs": 1,
        "seeds": 1,
        "images": 256,
        "validation": 200,
        "only": ["the recipe", "without mirroring"],
    },
)

if __name__ == "__main__":
    BENCHMARK.main()
