"""The command of a machine that trains trials for a study of another machine; and its options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from fmnist.cli.durations import grace_seconds
from fmnist.cli.options import OUTPUT, TRIALS_AT_ONCE, jobs, options
from fmnist.errors import UserError


def storage_url(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """The value of ``--storage``: only the environment may give it a password."""
    source = context.get_parameter_source(str(parameter.name))
    if value is not None and source != ParameterSource.ENVIRONMENT:
        from fmnist.integrations.postgresql import refuse_password

        try:
            refuse_password(value)
        except UserError as error:
            raise click.BadParameter(str(error).removeprefix("--storage: ")) from None
    return value


DATABASE = [
    click.option(
        "--storage",
        metavar="URL",
        envvar="FMNIST_STORAGE",
        callback=storage_url,
        help="PostgreSQL database of a study that machines share: "
        "postgresql+psycopg://USER@HOST/DATABASE. The password comes from PGPASSWORD, or is part "
        "of the URL in FMNIST_STORAGE or in --storage-file.",
    ),
    click.option(
        "--storage-file",
        metavar="FILE",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="File with the whole URL, password included, which only you can read.",
    ),
]
STORAGE = [
    *DATABASE,
    click.option(
        "--grace",
        help="Time without a sign of life after which the trials of a machine go to others; the "
        "same for all, 2m when left out.",
    ),
]


@click.group()
def working() -> None:
    """Holds the command; ``fmnist.cli.main`` takes it over."""


@working.command()
@options(STORAGE)
@click.option("--study", required=True, help="Name of the study: that of the coordinator's run.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True),
    help="The data of the study, where they are not found by themselves.",
)
@jobs(TRIALS_AT_ONCE)
@click.option("--name", help="Name of this worker, unlike all others; made once when left out.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for logs and checkpoints; worker-STUDY-HOST-N here when left out.",
)
@click.option(
    "--restart/--no-restart",
    default=True,
    show_default=True,
    help="Start again after a crash.",
)
@options(OUTPUT)
def worker(
    storage: str | None,
    storage_file: Path | None,
    grace: str | None,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Train trials for a study of another machine, until that machine says that all is done.

    The machine that runs 'fmnist run --storage …' makes the study and writes the report. This one
    waits for the study, refuses where data or program are others, and may come, go, crash or be
    killed at any moment: its trials are taken over. Ctrl-C or SIGTERM gives them back at once.

    Example: fmnist worker --study night --storage-file ~/.fmnist-storage
    """
    from fmnist.cli.display import make_display
    from fmnist.distributed.worker_process import WorkerRequest, run_worker
    from fmnist.integrations.postgresql import storage_of

    flags = [("--quiet", quiet), ("--json", as_json)]
    asked = WorkerRequest(
        storage=storage_of(storage, storage_file, grace_seconds(grace)),
        display=make_display(quiet=quiet, as_json=as_json, live=False),
        flags=tuple(flag for flag, is_set in flags if is_set),
        **given,
    )
    sys.exit(run_worker(asked))
