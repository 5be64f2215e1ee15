"""What the commands after a run do: repeat it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist.commands import absolute, check_looks, common, execute, run_for
from fmnist.errors import DataError

if TYPE_CHECKING:
    from fmnist.job import Job
    from fmnist.recorded import Recorded

DIFFERS = 7
"""Exit code of ``fmnist reproduce`` where the numbers do not hold."""


def reproduce_run(*, started: float, source: Path, name: str | None, **options: Any) -> int:
    """``fmnist reproduce``: the configuration, seed, split and data of a run once more.

    Raises:
        RunError: no finished run.
        PdfError: a PDF without the records of one.
        DataError: other data than the run's.
    """
    from fmnist.environment import describe
    from fmnist.job import Job, Request
    from fmnist.recorded import FILE, changes, read_recorded

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
        started=started,
        recorded=then,
    )
    _check_data(job, then)
    for line in changes(then.environment, describe(), then.run.version):
        job.view.message(f"not as recorded: {line}")
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
