"""``fmnist clean``: what would go, the question, what went."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist.cli import options
from fmnist.cli.completion import complete_run
from fmnist.cli.group import command
from fmnist.cli.json_records import CleanRecord, RemovalRecord, only_json, print_record
from fmnist.errors import UserError
from fmnist.runs import library_output
from fmnist.text import counted, size

if TYPE_CHECKING:
    from fmnist.runs.cleanup import Removal


@command()
@click.argument(
    "run_folders",
    metavar="[RUN]...",
    nargs=-1,
    type=options.EXISTING_FOLDER,
    shell_complete=complete_run,
)
@options.RESULTS
@click.option(
    "--keep", type=click.IntRange(min=0), help="Remove whole runs, all but the newest so many."
)
@click.option(
    "--older-than",
    metavar="AGE",
    help="Remove whole runs older than 12h, 30d or 6w; with --keep, where both hold.",
)
@click.option("--whole", is_flag=True, help="Remove the runs that are named, wholly.")
@click.option(
    "--checkpoints",
    is_flag=True,
    help="Also checkpoints of unfinished runs; what they were training begins anew then.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@click.option("--yes", is_flag=True, help="Remove it without asking.")
@options.JSON
def clean(
    run_folders: tuple[Path, ...],
    *,
    results: Path,
    keep: int | None,
    older_than: str | None,
    whole: bool,
    checkpoints: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Free space without losing results.

    In the runs named, or in all of --results. By itself that is what can be made again or is of
    no use: checkpoints of finished runs, damaged stores that were set aside, halves of files that
    a killed process left. Whole runs go only with --keep, --older-than or --whole. Nothing is
    taken from a run that is running, and nothing that no run wrote. What goes is said before, and
    asked.

    Example: fmnist clean --older-than 30d --keep 5
    """
    from fmnist.runs.cleanup import CleanRequest, parse_age, plan_removals, select_runs

    if whole and not run_folders:
        raise UserError("--whole: name the runs that are to be removed")
    age = parse_age(older_than) if older_than else None
    runs = select_runs(results, run_folders)
    for run in runs:
        if run.state == "running":
            library_output.note(f"{run.name} is running: nothing is taken from it")
    planned = list(plan_removals(runs, CleanRequest(keep, age, whole, checkpoints)))
    with only_json(as_json):
        code, freed = _clean(planned, dry_run=dry_run, yes=yes)
    if as_json:
        print_record(CleanRecord(tuple(map(_record, planned)), freed))
    return code


def _clean(planned: Sequence[Removal], *, dry_run: bool, yes: bool) -> tuple[int, int | None]:
    """Say what goes, ask, remove; the exit code and the bytes freed, None where all stays."""
    from fmnist.runs.cleanup import describe

    if not planned:
        click.echo("nothing to remove")
        return 0, None
    click.echo("\n".join(describe(planned)))
    total = size(sum(removal.bytes for removal in planned))
    if dry_run:
        click.echo(f"{total} would be free; nothing was removed")
        return 0, None
    if not (yes or _confirm(planned, total)):
        click.echo("nothing was removed")
        return 0, None
    return _remove_all(planned)


def _record(removal: Removal) -> RemovalRecord:
    paths = tuple(map(str, removal.paths))
    shared = {name: getattr(removal, name) for name in ("why", "bytes", "whole", "kept")}
    return RemovalRecord(run=removal.run.path, paths=paths, **shared)


def _confirm(planned: Sequence[Removal], total: str) -> bool:
    whole = sum(removal.whole for removal in planned)
    what = f"{counted(whole, 'whole run')}, {total}" if whole else total
    if not _is_interactive():
        raise UserError(
            f"{what}: nobody is there to be asked; --yes removes it, --dry-run only says"
        )
    with redirect_stderr(library_output.stream()):
        return click.confirm(f"remove {what}?", err=True)


def _is_interactive() -> bool:
    return sys.stdin.isatty()


def _remove_all(planned: Sequence[Removal]) -> tuple[int, int]:
    from fmnist.runs.cleanup import remove
    from fmnist.runs.folder import RunError

    freed = 0
    for removal in planned:
        try:
            freed += remove(removal)
        except RunError as error:
            library_output.note(f"left as it is: {error}")
        except OSError as error:
            library_output.note(f"{removal.run.name}: {error}; the rest of it stays")
            return 1, freed
    click.echo(f"{size(freed)} freed")
    return 0, freed
