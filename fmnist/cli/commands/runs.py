"""``fmnist runs``: the runs of a folder, a line each."""

from __future__ import annotations

import json
from dataclasses import asdict
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
    from fmnist.cli.display.runs import runs_table
    from fmnist.runs.listing import list_runs

    listed = list_runs(results)
    if as_json:
        for run in listed:
            click.echo(json.dumps({"schema": 1, **asdict(run)}, allow_nan=False))
    else:
        click.echo(runs_table(listed) if listed else f"no runs in {results}")
    return 0
