"""``fmnist status``: how far a run is, also while it goes on."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from fmnist.cli.group import command
from fmnist.cli.options import JSON, RUN


@command()
@RUN
@JSON
def status(run_folder: Path, as_json: bool) -> int:
    """Say how far a run is, also while it goes on: stage, time, trials, best, what comes next.

    Example: fmnist status results/2026-11-21-7f3a
    """
    from fmnist.cli.display.status import status_text
    from fmnist.runs.folder import Run
    from fmnist.runs.status import read_status

    progress = read_status(Run.existing(run_folder))
    record = {"schema": 1, **asdict(progress)}
    click.echo(json.dumps(record, allow_nan=False) if as_json else status_text(progress))
    return 0
