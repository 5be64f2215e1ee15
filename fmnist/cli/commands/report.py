"""``fmnist report``: render from the files of a run; new texts of the cover are kept."""

from __future__ import annotations

from pathlib import Path

import click

from fmnist.cli.group import command
from fmnist.cli.jobs import print_rendered, show_in_browser
from fmnist.cli.options import FOLDER, OPEN, REPORT, RUN


@command()
@RUN
@REPORT
@OPEN
@click.option(
    "--output",
    metavar="DIR",
    type=FOLDER,
    help="Folder for the report, made if need be; the run's stays as it is.",
)
def report(
    run_folder: Path,
    *,
    title: str,
    author: str,
    course: str,
    dated: str,
    template: Path | None,
    questions: Path | None,
    open_report: bool,
    output: Path | None,
) -> int:
    """Render the report of a run again; needs neither TensorFlow nor Optuna.

    Of a run that is still going, or was stopped, an interim report is made beside it.

    Example: fmnist report results/2026-11-21-7f3a --author "Ada Lovelace"
    """
    from fmnist.report.render import render_report
    from fmnist.runs import artifacts
    from fmnist.runs.folder import Run

    run = Run.existing(run_folder)
    cover = {"title": title, "author": author, "course": course, "date": dated}
    if output is None:
        run.renew_cover(cover)
    finished = run.has(artifacts.METRICS) and run.has(artifacts.EVIDENCE)
    rendered = render_report(
        run.path,
        templates=template,
        questions=questions,
        interim=not finished,
        output=output,
        cover=cover,
    )
    if not finished:
        imported = run.read(artifacts.RUN).imported
        why = "its trials were read in" if imported else "the run is not finished"
        click.echo(f"interim report: {why}")
    if open_report:
        show_in_browser(rendered.html)
    return print_rendered(rendered)
