"""``fmnist doctor``: whether a run would work here; ``fmnist notify``: whether messages arrive."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from fmnist.cli.group import command
from fmnist.cli.options import NOTIFY, RESULTS
from fmnist.errors import UserError


@command()
@RESULTS
@click.option("--data", type=click.Path(path_type=Path), help="Data to check instead of the usual.")
@click.option("--fix", is_flag=True, help="Install what is missing, after asking.")
@click.option("--yes", is_flag=True, help="With --fix: without asking.")
def doctor(results: Path, data: Path | None, fix: bool, yes: bool) -> int:
    """Check Python, packages, Pango, fonts, data, disk, memory and backend; say what to do.

    Example: fmnist doctor --fix
    """
    code = _report(results, data, fix=fix, yes=yes)
    if code is not None:
        return code
    # Anew in a process of its own: what this one imported, it would not find again.
    return subprocess.call([sys.executable, "-m", "fmnist", *_without_fix(sys.argv[1:])])


def _report(results: Path, data: Path | None, *, fix: bool, yes: bool) -> int | None:
    """Show the checks and mend what can be mended; the exit code, or None where all is new."""
    from fmnist.cli.display.summary import MARKS
    from fmnist.pipeline.doctor import check_all
    from fmnist.pipeline.repairs import repairs

    checks = check_all(results, data)
    for check in checks:
        click.echo(f"{MARKS[check.ok]}  {check.name}: {check.found}")
        if check.ok is not True and check.remedy:
            click.echo(f"      -> {check.remedy}")
    failed = 1 if any(check.ok is False for check in checks) else 0
    if not fix:
        return failed
    commands = repairs(checks)
    if not commands:
        click.echo("nothing that a package manager of this machine could install")
        return failed
    for words in commands:
        click.echo(f"$ {shlex.join(words)}")
    if not (yes or click.confirm("run this?")):
        return failed
    for words in commands:
        if code := subprocess.call(words):
            raise UserError(f"{shlex.join(words)}: ended with status {code}; see above")
    return None


def _without_fix(words: Sequence[str]) -> list[str]:
    return [word for word in words if word not in ("--fix", "--yes")]


@command()
@click.argument("urls", metavar="[URL]...", nargs=-1)
@NOTIFY
@click.option("--test", is_flag=True, help="Send a message to each of them.")
def notify(urls: tuple[str, ...], notify: tuple[str, ...], test: bool) -> int:
    """List the services that messages about runs go to; with --test, send one to each.

    Of each address only the beginning is shown, since the rest may be a secret.

    Example: fmnist notify --test ntfys://my-topic
    """
    from fmnist.integrations.notification import check_urls, scheme, send
    from fmnist.runs.run_messages import Message

    addresses = urls or notify
    if not addresses:
        raise UserError(
            'no address: name one, or give it as --notify, FMNIST_NOTIFY or notify = ["…"] in '
            "fmnist.toml"
        )
    check_urls(addresses)
    if not test:
        click.echo("\n".join(map(scheme, addresses)))
        return 0
    message = Message("fmnist: a test", "Messages about runs arrive here.")
    found = send(addresses, message)
    for place, url in enumerate(addresses):
        ok = place in found.delivered
        click.echo(f"{'ok  ' if ok else 'FAIL'}  {scheme(url)}")
    return 1 if found.problem else 0
