"""``fmnist check``: whether the files of a run are whole."""

from __future__ import annotations

from pathlib import Path

import click

from fmnist.cli.group import command
from fmnist.cli.options import RUN


@command()
@RUN
@click.option(
    "--repair",
    is_flag=True,
    help="Set damaged lines of journals aside; trials come back from the study where it has them.",
)
def check(run_folder: Path, *, repair: bool) -> int:
    """Read every file of a run and say what is damaged, or does not agree.

    The exit status is 4 where something is. A run that goes on repairs its journals by itself.

    Example: fmnist check results/2026-11-21-7f3a
    """
    from fmnist.runs.check import check_run
    from fmnist.runs.folder import Run
    from fmnist.runs.repair import repair_journals

    run = Run.existing(run_folder)
    if repair:
        with run.locked():
            for done in repair_journals(run):
                click.echo(f"repaired  {done}")
    problems = check_run(run)
    for problem in problems:
        click.echo(f"damaged   {problem}")
    if not problems:
        click.echo(f"{run.path}: its files are whole, and agree")
    return 4 if problems else 0
