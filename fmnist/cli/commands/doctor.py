"""``fmnist doctor``: whether a run would work here; ``fmnist notify``: whether messages arrive."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from fmnist.cli.group import command
from fmnist.cli.json_records import DoctorRecord, ServiceRecord, only_json, print_record
from fmnist.cli.options import JSON, JSON_LINES, NOTIFY, RESULTS
from fmnist.errors import UserError
from fmnist.pipeline.repairs import repairs
from fmnist.runs.records.plan import Check

_DELIVERED = {True: "ok    ", False: "FAIL  ", None: ""}


@command()
@RESULTS
@click.option("--data", type=click.Path(path_type=Path), help="Data to check instead of the usual.")
@click.option("--fix", is_flag=True, help="Install what is missing, after asking.")
@click.option("--yes", is_flag=True, help="With --fix: without asking.")
@JSON
def doctor(results: Path, data: Path | None, fix: bool, yes: bool, as_json: bool) -> int:
    """Check Python, packages, Pango, fonts, data, disk, memory and backend; say what to do.

    Example: fmnist doctor --fix
    """
    if fix and as_json:
        raise UserError("--fix --json: --json only says what --fix would run; leave one out")
    with only_json(as_json):
        checks, failed = _report(results, data)
    if as_json:
        print_record(DoctorRecord(tuple(checks), tuple(map(tuple, repairs(checks)))))
    if not (fix and _fix(checks, yes=yes)):
        return failed
    # Anew in a process of its own: what this one imported, it would not find again.
    return subprocess.call([sys.executable, "-m", "fmnist", *_without_fix(sys.argv[1:])])


def _report(results: Path, data: Path | None) -> tuple[list[Check], int]:
    """Show the checks; they, and the exit code."""
    from fmnist.cli.display.summary import MARKS
    from fmnist.pipeline.doctor import check_all

    checks = check_all(results, data)
    for check in checks:
        click.echo(f"{MARKS[check.ok]}  {check.name}: {check.found}")
        if check.ok is not True and check.remedy:
            click.echo(f"      -> {check.remedy}")
    return checks, 1 if any(check.ok is False for check in checks) else 0


def _fix(checks: Sequence[Check], *, yes: bool) -> bool:
    """Mend what can be mended, after asking; whether anything was."""
    commands = repairs(checks)
    if not commands:
        click.echo("nothing that a package manager of this machine could install")
        return False
    for words in commands:
        click.echo(f"$ {shlex.join(words)}")
    if not (yes or click.confirm("run this?")):
        return False
    for words in commands:
        if code := subprocess.call(words):
            raise UserError(f"{shlex.join(words)}: ended with status {code}; see above")
    return True


def _without_fix(words: Sequence[str]) -> list[str]:
    return [word for word in words if word not in ("--fix", "--yes")]


@command()
@click.argument("urls", metavar="[URL]...", nargs=-1)
@NOTIFY
@click.option("--test", is_flag=True, help="Send a message to each of them.")
@JSON_LINES
def notify(urls: tuple[str, ...], notify: tuple[str, ...], test: bool, as_json: bool) -> int:
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
    message = Message("fmnist: a test", "Messages about runs arrive here.")
    found = send(addresses, message) if test else None
    for place, url in enumerate(addresses):
        ok = place in found.delivered if found else None
        if as_json:
            print_record(ServiceRecord(scheme(url), ok))
        else:
            click.echo(f"{_DELIVERED[ok]}{scheme(url)}")
    return 1 if found and found.problem else 0
