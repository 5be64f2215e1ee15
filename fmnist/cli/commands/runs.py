"""``fmnist runs``: the runs of a folder, a line each."""

from __future__ import annotations

from pathlib import Path

import click

from fmnist.cli.group import command
from fmnist.cli.options import RESULTS


@command()
@RESULTS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a run, one a line.")
def runs(results: Path, as_json: bool) -> int:
    """List the runs: state, accuracy, trials, size.

    Newest first; the accuracy is that on the test set, with its 95 % interval. A run is running,
    stopped (the same command goes on), failed, finished or damaged.

    Example: fmnist runs
    """
    from fmnist.runs.listing import show_runs

    return show_runs(results, as_json=as_json)
