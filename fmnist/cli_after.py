"""The commands for what comes after a run: do it again, take its model elsewhere."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from fmnist.cli_options import DOCUMENT, FINISHED_RUN, LOOKS, OUTPUT, RESULTS, options
from fmnist.completing import complete_source

FORMATS = ("keras", "onnx", "tflite", "saved-model")
_STARTED = time.monotonic()


@click.group()
def after() -> None:
    """Holds the commands; ``fmnist.cli`` takes them over."""


@after.command()
@click.argument(
    "source",
    metavar="RUN|PDF",
    type=click.Path(path_type=Path, exists=True),
    shell_complete=complete_source,
)
@options(RESULTS)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True),
    help="The data of the run, where they now lie elsewhere; their checksum must be the same.",
)
@options(DOCUMENT, LOOKS)
@click.option("--name", help="Name of the new run; date and a short id when left out.")
@options(OUTPUT)
def reproduce(**given: Any) -> None:
    """Train the winner of a run anew and say whether its numbers hold.

    Configuration, seed, split and data are those that the run folder or the report.pdf records;
    what differs (versions, machine) is said. The new run reads the test set once.

    \b
    Exit codes: 0 the numbers hold, 7 they do not,
                3 other data, 4 no finished run, 5 they hold but no PDF could be made.

    Example: fmnist reproduce report.pdf
    """
    from fmnist.commands_after import reproduce_run

    sys.exit(reproduce_run(started=_STARTED, **given))


@after.command()
@FINISHED_RUN
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default="keras",
    show_default=True,
    help="What is written.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for it; export/FORMAT in the run's folder when left out.",
)
def export(run_folder: Path, kind: str, to: Path | None) -> None:
    """Write the model of a run in a format that other programs read.

    Raw pixels go in, probabilities come out: normalisation and the mean over mirror images are
    inside. The file is kept only if it gives the original's predictions on the run's stored test
    images. Class names and the model card lie beside it.

    Example: fmnist export --run results/2026-11-21-7f3a --format onnx
    """
    from fmnist.exporting import export_run

    sys.exit(export_run(run_folder, kind, to))
