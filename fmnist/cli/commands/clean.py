"""The conversation of ``fmnist clean``: what would go, the question, what went."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from fmnist.errors import UserError
from fmnist.runs.cleanup import Asked, Removal, chosen, parse_age, removals, remove, told
from fmnist.runs.folder import RunError
from fmnist.text import counted, size


def clear(
    *,
    run_folders: tuple[Path, ...],
    results: Path,
    keep: int | None,
    older_than: str | None,
    whole: bool,
    checkpoints: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """``fmnist clean``; returns the exit code.

    Raises:
        UserError: ``--whole`` without a run, or nobody there to answer.
        RunError: a named folder is no run.
    """
    if whole and not run_folders:
        raise UserError("--whole: name the runs that are to be removed")
    age = parse_age(older_than) if older_than else None
    runs = chosen(results, run_folders)
    for run in runs:
        if run.state == "running":
            click.echo(f"{run.name} is running: nothing is taken from it", err=True)
    found = list(removals(runs, Asked(keep, age, whole, checkpoints)))
    if not found:
        click.echo("nothing to remove")
        return 0
    click.echo("\n".join(told(found)))
    total = size(sum(removal.bytes for removal in found))
    if dry_run:
        click.echo(f"{total} would be free; nothing was removed")
        return 0
    if not (yes or _agreed(found, total)):
        click.echo("nothing was removed")
        return 0
    return _remove_all(found)


def _agreed(found: Sequence[Removal], total: str) -> bool:
    whole = sum(removal.whole for removal in found)
    what = f"{counted(whole, 'whole run')}, {total}" if whole else total
    if not _somebody():
        raise UserError(
            f"{what}: nobody is there to be asked; --yes removes it, --dry-run only says"
        )
    return click.confirm(f"remove {what}?", err=True)


def _somebody() -> bool:
    return sys.stdin.isatty()


def _remove_all(found: Sequence[Removal]) -> int:
    freed = 0
    for removal in found:
        try:
            freed += remove(removal)
        except RunError as error:
            click.echo(f"left as it is: {error}", err=True)
        except OSError as error:
            click.echo(f"{removal.run.name}: {error}; the rest of it stays", err=True)
            return 1
    click.echo(f"{size(freed)} freed")
    return 0
