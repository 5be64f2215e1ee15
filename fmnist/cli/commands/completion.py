"""``fmnist completion``: the script that teaches a shell our commands."""

from __future__ import annotations

import click

from fmnist.cli.completion import SHELLS, script
from fmnist.cli.group import command


@command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print a completion script for the shell.

    It completes commands, options, runs and recipes.

    \b
    bash:  fmnist completion bash > ~/.local/share/bash-completion/completions/fmnist
    zsh:   fmnist completion zsh > ~/.zfunc/_fmnist        (a folder of your fpath)
    fish:  fmnist completion fish > ~/.config/fish/completions/fmnist.fish

    Example: fmnist completion bash
    """
    group = context.find_root().command
    assert isinstance(group, click.Group)
    click.echo(script(group, shell))
    return 0
