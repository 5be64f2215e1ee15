"""``fmnist doctor``: whether this machine has what the program needs."""

from __future__ import annotations

from pathlib import Path

import click

from fmnist.cli.group import command
from fmnist.cli.options import RESULTS


@command()
@RESULTS
@click.option("--data", type=click.Path(path_type=Path), help="Data to check instead of the usual.")
def doctor(results: Path, data: Path | None) -> int:
    """Check Python, packages, Pango, fonts, data, disk, memory and backend; say what to do.

    Example: fmnist doctor
    """
    from fmnist.cli.display.summary import MARKS
    from fmnist.pipeline.doctor import check_all

    checks = check_all(results, data)
    for check in checks:
        click.echo(f"{MARKS[check.ok]}  {check.name}: {check.found}")
        if check.ok is not True and check.remedy:
            click.echo(f"      -> {check.remedy}")
    return 1 if any(check.ok is False for check in checks) else 0
