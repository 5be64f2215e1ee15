"""``fmnist runs``: the runs of a folder, a line each; ``fmnist check``: whether one is whole."""

from __future__ import annotations

from pathlib import Path

import click

from fmnist.cli.group import command
from fmnist.cli.json_records import CheckRecord, only_json, print_record
from fmnist.cli.options import JSON, JSON_LINES, RESULTS, RUN


@command()
@RESULTS
@JSON_LINES
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
            print_record(run)
    else:
        click.echo(runs_table(listed) if listed else f"no runs in {results}")
    return 0


@command()
@RUN
@click.option(
    "--repair",
    is_flag=True,
    help="Set damaged lines of journals aside; trials come back from the study, and files from "
    "the copies that the report's PDF carries.",
)
@click.option(
    "--accept",
    multiple=True,
    metavar="FILE",
    help="A file that was changed on purpose: take it as it is from here on; several times.",
)
@JSON
def check(run_folder: Path, *, repair: bool, accept: tuple[str, ...], as_json: bool) -> int:
    """Read every file of a run and say what is damaged, or does not agree.

    Whole files are compared with their SHA-256, lines of journals with their checksums. The exit
    status is 4 where something is damaged. A run that goes on repairs its journals by itself.

    Example: fmnist check results/2026-11-21-7f3a
    """
    from fmnist.runs.check import check_run
    from fmnist.runs.folder import Run
    from fmnist.runs.repair import accept_files, repair_run

    run = Run.existing(run_folder)
    repaired: list[str] = []
    with only_json(as_json):
        if repair or accept:
            with run.locked():
                accept_files(run, accept)
                for done in repair_run(run) if repair else ():
                    repaired.append(done)
                    click.echo(f"repaired  {done}")
        problems = check_run(run)
        for problem in problems:
            click.echo(f"damaged   {problem}")
        if not problems:
            click.echo(f"{run.path}: its files are whole, and agree")
    if as_json:
        print_record(CheckRecord(str(run.path), tuple(repaired), tuple(problems)))
    return 4 if problems else 0
