"""``fmnist reproduce``: the configuration, seed, split and data of a run once more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist.cli import options
from fmnist.cli.completion import complete_source
from fmnist.cli.group import command, gather, section
from fmnist.cli.jobs import JobOptions, absolute, execute
from fmnist.cli.json_records import print_record
from fmnist.errors import DataError

if TYPE_CHECKING:
    from fmnist.analysis.reproduction import Recorded
    from fmnist.pipeline.job import Job

DIFFERS = 7
"""Exit code of ``fmnist reproduce`` where the numbers do not hold."""


@command()
@click.argument("source", metavar="RUN|PDF", type=options.EXISTING, shell_complete=complete_source)
@section("Data", options.MOVED_DATA)
@options.REPORT
@section(
    "Output",
    options.RESULTS,
    click.option("--name", help="Name of the new run; date and a short id when left out."),
    options.QUIET,
    options.JSON_LINES,
)
@gather(JobOptions)
def reproduce(common: JobOptions, *, source: Path) -> int:
    """Train the winner of a run anew and say whether its numbers hold.

    Configuration, seed, split and data are those that the run folder or the report.pdf records;
    what differs (versions, machine) is said. The new run reads the test set once.

    \b
    Exit codes: 0 the numbers hold, 7 they do not,
                3 other data, 4 no finished run, 5 they hold but no PDF could be made.

    Example: fmnist reproduce report.pdf
    """
    from fmnist.analysis.reproduction import changes, read_recorded
    from fmnist.backends.environment import describe
    from fmnist.pipeline.request import Request
    from fmnist.runs.artifacts import REPRODUCTION

    common.check()
    then = read_recorded(source)
    request = Request(
        kind="train",
        seed=then.run.request.seed,
        refit=then.refit or None,
        final_epochs=then.config.epochs,
        validation=then.run.splits.validation,
        data=absolute(common.data),  # never a path that a stranger wrote into the records
        warm_start=absolute(source),
    )
    job = replace(
        common.make_job(common.find_run(request), request, then.config),
        class_names=then.run.data.class_names,
        recorded=then,
    )
    _check_data(job, then)
    for line in changes(then.environment, describe(), then.run.version):
        job.display.message(f"not as recorded: {line}")
    code = execute(job)
    verdict = job.run.read(REPRODUCTION)
    if common.as_json:
        print_record(verdict, "reproduced")
    else:
        click.echo(verdict.sentence)
    return code if verdict.holds else DIFFERS


def _check_data(job: Job, then: Recorded) -> None:
    """The same images in the same order, or nothing can be said to hold."""
    if job.data.digest != then.run.data.digest:
        raise DataError(
            f"the data are not those of {then.run.name}: checksum {then.run.data.digest[:12]} "
            f"then ({then.run.data.source}), {job.data.digest[:12]} now ({job.data.source}); give "
            "the same ones with --data"
        )
