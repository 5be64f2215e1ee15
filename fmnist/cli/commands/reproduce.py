"""The commands for what comes after a run: do it again, take its model elsewhere."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist.cli.commands.run import absolute, check_looks, common, execute, run_for
from fmnist.cli.completion import complete_source
from fmnist.cli.options import DOCUMENT, FINISHED_RUN, LOOKS, OUTPUT, RESULTS, options
from fmnist.errors import DataError
from fmnist.pipeline.clock import JobClock

FORMATS = ("keras", "onnx", "tflite", "saved-model")
_STARTED = time.monotonic()


@click.group()
def after() -> None:
    """Holds the commands; ``fmnist.cli.main`` takes them over."""


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
    from fmnist.cli.commands.reproduce import reproduce_run

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
    from fmnist.integrations.model_export import export_run

    sys.exit(export_run(run_folder, kind, to))


if TYPE_CHECKING:
    from fmnist.analysis.reproduction import Recorded
    from fmnist.pipeline.job import Job

DIFFERS = 7
"""Exit code of ``fmnist reproduce`` where the numbers do not hold."""


def reproduce_run(*, started: float, source: Path, name: str | None, **options: Any) -> int:
    """``fmnist reproduce``: the configuration, seed, split and data of a run once more.

    Raises:
        RunError: no finished run.
        PdfError: a PDF without the records of one.
        DataError: other data than the run's.
    """
    from fmnist.analysis.reproduction import FILE, changes, read_recorded
    from fmnist.backends.environment import describe
    from fmnist.pipeline.job import Job, Request

    check_looks(options)
    then = read_recorded(source)
    request = Request(
        kind="train",
        seed=then.run.request.seed,
        refit=then.refit or None,
        final_epochs=then.config.epochs,
        validation=then.run.splits.validation,
        data=absolute(options["data"]),  # never a path that a stranger wrote into the records
        warm_start=absolute(source),
    )
    given = common({**options, "class_names": None})
    job = Job(
        run=run_for(options["results"], name, request.to_dict(), fresh=False),
        request=request,
        base=then.config,
        **{**given, "class_names": then.run.data.class_names},
        clock=JobClock(started),
        recorded=then,
    )
    _check_data(job, then)
    for line in changes(then.environment, describe(), then.run.version):
        job.display.message(f"not as recorded: {line}")
    code = execute(job)
    found = job.run.read_json(FILE)
    click.echo(json.dumps(found) if options["as_json"] else found["sentence"])
    return code if found["holds"] else DIFFERS


def _check_data(job: Job, then: Recorded) -> None:
    """The same images in the same order, or nothing can be said to hold."""
    if job.data.digest != then.run.data.digest:
        raise DataError(
            f"the data are not those of {then.run.name}: checksum {then.run.data.digest[:12]} "
            f"then ({then.run.data.source}), {job.data.digest[:12]} now ({job.data.source}); give "
            "the same ones with --data"
        )
