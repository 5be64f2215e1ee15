"""``fmnist notify``: where messages about runs would go, and whether they arrive."""

from __future__ import annotations

import click

from fmnist.cli.group import command
from fmnist.cli.options import NOTIFY
from fmnist.errors import UserError


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
