"""``fmnist recipes``: the published systems, a few lines each."""

from __future__ import annotations

import click

from fmnist.cli.group import command


@command()
def recipes() -> int:
    """List the published systems that can be trained: name, figure of its author, source.

    Example: fmnist recipes
    """
    from fmnist.config import recipes as published

    for name in published.names():
        recipe = published.find(name)
        click.echo(f"{name}: {recipe.title}")
        click.echo(f"    published: {recipe.published}")
        click.echo(f"    source: {recipe.source}")
    return 0
