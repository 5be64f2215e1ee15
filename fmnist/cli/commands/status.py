"""``fmnist status`` and ``fmnist watch``: how far a run is, once or until it ends."""

from __future__ import annotations

from pathlib import Path

import click

from fmnist.cli.group import command
from fmnist.cli.json_records import print_record
from fmnist.cli.options import JSON, JSON_LINES, OPEN, RUN


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
    if as_json:
        print_record(progress)
    else:
        click.echo(status_text(progress))
    return 0


@command()
@RUN
@OPEN
@JSON_LINES
def watch(run_folder: Path, open_report: bool, as_json: bool) -> int:
    """Follow a run of another terminal until it ends, with the view that it has itself.

    Nothing is written; Ctrl-C ends the view, not the run. The same as a page: live.html of the run.

    Example: fmnist watch results/2026-11-21-7f3a
    """
    from fmnist.cli.display import make_display
    from fmnist.cli.display.follow import RunFollower
    from fmnist.cli.jobs import show_in_browser
    from fmnist.runs import library_output
    from fmnist.runs.artifacts import LIVE, REPORT
    from fmnist.runs.folder import Run

    run = Run.existing(run_folder)
    if open_report:
        show_in_browser(run / (REPORT if run.has(REPORT) else LIVE))
    try:
        RunFollower(run, make_display(quiet=False, as_json=as_json)).follow()
    except KeyboardInterrupt:
        library_output.note("the view ends; the run goes on")
    return 0
