"""``fmnist worker``: train trials for a study of another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from fmnist.cli import options
from fmnist.cli.durations import grace_seconds
from fmnist.cli.group import command, section


@command()
@section("Study", *options.DATABASE, options.GRACE)
@click.option("--study", required=True, help="Name of the study: that of the coordinator's run.")
@click.option(
    "--data",
    type=options.EXISTING,
    help="The data of the study, where they are not found by themselves.",
)
@options.jobs(options.TRIALS_AT_ONCE)
@click.option("--name", help="Name of this worker, unlike all others; made once when left out.")
@click.option(
    "--folder",
    type=options.FOLDER,
    help="Folder for logs and checkpoints; worker-STUDY-HOST-N here when left out.",
)
@click.option(
    "--restart/--no-restart", default=True, show_default=True, help="Start again after a crash."
)
@options.QUIET
@options.JSON_LINES
def worker(
    *,
    storage: str | None,
    storage_file: Path | None,
    grace: str | None,
    study: str,
    data: Path | None,
    jobs: int | Literal["auto"],
    name: str | None,
    folder: Path | None,
    restart: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Train trials for a study of another machine, until that machine says that all is done.

    The machine that runs 'fmnist run --storage …' makes the study and writes the report. This one
    waits for the study, refuses where data or program are others, and may come, go, crash or be
    killed at any moment: its trials are taken over. Ctrl-C or SIGTERM gives them back at once.

    Example: fmnist worker --study night --storage-file ~/.fmnist-storage
    """
    from fmnist.cli.display import make_display
    from fmnist.distributed.worker_process import WorkerRequest, run_worker
    from fmnist.integrations.postgresql import storage_of

    request = WorkerRequest(
        storage=storage_of(storage, storage_file, grace_seconds(grace)),
        study=study,
        display=make_display(quiet=quiet, as_json=as_json, live=False),
        name=name,
        folder=folder,
        data=data,
        jobs=jobs,
        restart=restart,
        flags=("--quiet",) * quiet + ("--json",) * as_json,
    )
    return run_worker(request)
