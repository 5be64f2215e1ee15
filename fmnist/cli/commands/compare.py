"""``fmnist compare``: tables on the screen, the record, a report of the comparison."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from fmnist.cli import options
from fmnist.cli.completion import complete_run
from fmnist.cli.group import command
from fmnist.cli.jobs import print_rendered, print_rendering_time
from fmnist.cli.json_records import only_json, print_record


@command()
@click.argument(
    "run_folders",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=options.EXISTING_FOLDER,
    shell_complete=complete_run,
)
@options.JSON
@click.option(
    "--output",
    metavar="DIR",
    type=options.FOLDER,
    help="Folder for the comparison, made if need be; the run folders stay as they are.",
)
def compare(run_folders: tuple[Path, ...], as_json: bool, output: Path | None) -> int:
    """Set finished runs beside the first one, on the same test images.

    Prints accuracies with intervals and an exact McNemar test for each of the others, and renders
    comparison.html and comparison.pdf: classes, curves and configurations side by side, and the
    images that one run alone gets right. They lie in the folder of the first run, whose report is
    made again with a chapter on the comparison, or in DIR.

    Example: fmnist compare results/tuned results/simple-cnn results/three-conv
    """
    return compare_folders(run_folders, event="" if as_json else None, output=output)


def compare_folders(
    folders: Sequence[Path], *, event: str | None = None, output: Path | None = None
) -> int:
    """Compare runs into ``output``, or into the folder of the first run, and render its report.

    Args:
        event: print the record, as this event or, where empty, alone, and nothing for people.
    """
    from fmnist.analysis import comparison as analysis
    from fmnist.cli.display.comparison import comparison_text
    from fmnist.report.comparison_report import render_comparison
    from fmnist.report.render import render_report
    from fmnist.runs.folder import Run

    comparison = analysis.compare_runs(folders)
    if event is not None:
        print_record(comparison, event)
    with only_json(event is not None):
        click.echo(comparison_text(comparison, color=sys.stdout.isatty()) + "\n")
        print_rendering_time(Run(folders[0]))
        analysis.write(comparison, output or folders[0])
        code = print_rendered(render_report(folders[0])) if output is None else 0
        rendered = render_comparison(folders, comparison, output or folders[0])
        return max(code, print_rendered(rendered, "comparison"))
