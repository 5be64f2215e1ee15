"""``fmnist watch``: the view of a run that goes on in another terminal."""

from __future__ import annotations

from pathlib import Path

import click

from fmnist.cli.group import command
from fmnist.cli.options import JSON_LINES, OPEN, RUN


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
    from fmnist.runs.artifacts import LIVE, REPORT
    from fmnist.runs.folder import Run

    run = Run.existing(run_folder)
    if open_report:
        show_in_browser(run / (REPORT if run.has(REPORT) else LIVE))
    try:
        RunFollower(run, make_display(quiet=False, as_json=as_json)).follow()
    except KeyboardInterrupt:
        click.echo("the view ends; the run goes on")
    return 0
