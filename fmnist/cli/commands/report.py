"""``fmnist report``: render from the files of a run; new texts and limits are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist.cli.group import command, gather
from fmnist.cli.jobs import (
    DocumentOptions,
    print_rendered,
    print_rendering_time,
    show_in_browser,
)
from fmnist.cli.json_records import only_json, print_record, report_record
from fmnist.cli.options import FOLDER, JSON, OPEN, REPORT, RUN

if TYPE_CHECKING:
    from fmnist.runs.folder import Run


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
@click.option(
    "--sources",
    metavar="DIR",
    type=FOLDER,
    help="Also write report.md, report.tex, report.docx (with pandoc) and every figure and table.",
)
@JSON
@gather(DocumentOptions)
def report(
    options: DocumentOptions, *, run_folder: Path, open_report: bool, output: Path | None,
    sources: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Render the report of a run again; needs neither TensorFlow nor Optuna.

    report.pdf is the hand-in, at most 6 pages of it; appendix.pdf holds what belongs behind it,
    report.html everything. Of a run that is still going, or was stopped, an interim report is
    made beside it.

    Example: fmnist report results/2026-11-21-7f3a --author "Ada Lovelace"
    """
    from fmnist.report.render import render_report
    from fmnist.runs import artifacts
    from fmnist.runs.folder import Run

    run = Run.existing(run_folder)
    document = options.document()
    if output is None:
        run.renew_cover(document)
    finished = run.has(artifacts.METRICS) and run.has(artifacts.EVIDENCE)
    with only_json(as_json):
        print_rendering_time(run)
        rendered = render_report(
            run.path,
            templates=options.template,
            questions=options.question_folder,
            text=options.text,
            rubric=options.rubric,
            interim=not finished,
            output=output,
            cover=document,
        )
        if sources is not None:
            _write_sources(rendered.html, run, sources)
        if not finished:
            imported = run.read(artifacts.RUN).imported
            why = "its trials were read in" if imported else "the run is not finished"
            click.echo(f"interim report: {why}")
        if open_report:
            show_in_browser(rendered.html)
        code = print_rendered(rendered)
    if as_json:
        print_record(report_record(rendered))
    return code


def _write_sources(page: Path, run: Run, folder: Path) -> None:
    from fmnist.report.pages import started_at
    from fmnist.report.sources.write import write_sources
    from fmnist.runs import artifacts

    missing = write_sources(page, started_at(run.read(artifacts.RUN)), folder)
    click.echo(f"{'sources':<14} {folder}")
    if missing:
        click.echo(missing)
