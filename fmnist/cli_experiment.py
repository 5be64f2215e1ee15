"""The command that makes the experiments of a finished run, or more of them."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from fmnist.cli_options import OUTPUT, RUN_FOLDER, jobs, options

_STARTED = time.monotonic()


@click.command()
@RUN_FOLDER
@click.option(
    "--time", "time_text", default="10m", show_default=True, help="Time for it, such as 10m or 2h."
)
@click.option(
    "--only",
    metavar="KEY",
    multiple=True,
    help="An experiment to be made, such as dense, pooling or dropout; all when left out.",
)
@click.option("--images", type=click.IntRange(min=10), help="Training images of each training.")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs of each training.")
@click.option("--seeds", type=click.IntRange(min=1, max=99), help="Trainings of each variant.")
@jobs("Trainings at once; auto: as the run had them.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True),
    help="The data of the run, where they now lie elsewhere; their checksum must be the same.",
)
@options(OUTPUT)
def experiment(**given: Any) -> None:
    """Try variants of a run's configuration and render its report again.

    One thing is changed at a time: a dense network of equal parameters, other pooling, other
    pixel ranges, dropout, augmentation, batch normalisation and so on. All are trained on the
    same images with the same seeds and scored on validation images; the test set stays closed.
    What an earlier call made is kept and added to, or made anew where there is time for larger
    trainings. The same command after an interruption goes on where it stopped.

    Example: fmnist experiment results/2026-11-21-7f3a --time 30m
    """
    from fmnist.experimenting import make_experiments

    sys.exit(make_experiments(started=_STARTED, **given))
