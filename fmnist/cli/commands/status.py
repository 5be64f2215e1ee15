"""``fmnist status``: how far a run is, also while it goes on."""

from __future__ import annotations

from pathlib import Path

from fmnist.cli.group import command
from fmnist.cli.options import JSON, RUN


@command()
@RUN
@JSON
def status(run_folder: Path, as_json: bool) -> int:
    """Say how far a run is, also while it goes on: stage, time, trials, best, what comes next.

    Example: fmnist status results/2026-11-21-7f3a
    """
    from fmnist.runs.status import run_status

    return run_status(run_folder, as_json)
