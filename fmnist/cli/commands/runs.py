"""The commands around runs: list them, clear up, see options, complete, look into a study."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from fmnist.cli.commands.worker import DATABASE
from fmnist.cli.completion import SHELLS, complete_run
from fmnist.cli.options import RESULTS, RUN_FOLDER, options


@click.group()
def house() -> None:
    """Holds the commands; ``fmnist.cli.main`` takes them over."""


@house.command()
@options(RESULTS)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a run, one a line.")
def runs(results: Path, as_json: bool) -> None:
    """List the runs: state, accuracy, trials, size.

    Newest first; the accuracy is that on the test set, with its 95 % interval. A run is running,
    stopped (the same command goes on), failed, finished or damaged.

    Example: fmnist runs
    """
    from fmnist.runs.listing import show_runs

    sys.exit(show_runs(results, as_json=as_json))


@house.command()
@click.argument(
    "run_folders",
    metavar="[RUN]...",
    nargs=-1,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    shell_complete=complete_run,
)
@options(RESULTS)
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
def clean(**given: Any) -> None:
    """Free space without losing results.

    In the runs named, or in all of --results. By itself that is what can be made again or is of
    no use: checkpoints of finished runs, damaged stores that were set aside, halves of files that
    a killed process left. Whole runs go only with --keep, --older-than or --whole. Nothing is
    taken from a run that is running, and nothing that no run wrote. What goes is said before, and
    asked.

    Example: fmnist clean --older-than 30d --keep 5
    """
    from fmnist.cli.commands.clean import clear

    sys.exit(clear(**given))


@house.command()
@click.argument("command", required=False)
@click.option("--given", is_flag=True, help="Only options that a file or a variable gives.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def config(context: click.Context, command: str | None, given: bool, as_json: bool) -> None:
    """Show options: their values, and where these come from.

    What a flag does not say is taken from a variable, FMNIST_COMMAND_OPTION; else from the file
    fmnist.toml in the working folder; else from config.toml in a folder of the user's own, which
    this command names. A table a command, such as [run], holds its options without dashes; what
    stands above the tables holds for every command that has the option.

    Example: fmnist config run
    """
    from fmnist.cli.commands.config import show_config

    sys.exit(show_config(context, command, given=given, as_json=as_json))


@house.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a completion script for the shell.

    It completes commands, options, runs and recipes.

    \b
    bash:  fmnist completion bash > ~/.local/share/bash-completion/completions/fmnist
    zsh:   fmnist completion zsh > ~/.zfunc/_fmnist        (a folder of your fpath)
    fish:  fmnist completion fish > ~/.config/fish/completions/fmnist.fish

    Example: fmnist completion bash
    """
    from fmnist.cli.completion import script

    group = context.find_root().command
    assert isinstance(group, click.Group)
    click.echo(script(group, shell))


@house.command()
@RUN_FOLDER
@click.option(
    "--port",
    type=click.IntRange(min=0, max=65535),
    default=8080,
    show_default=True,
    help="Port on this machine; 0 takes a free one.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@options(DATABASE)
def dashboard(
    run_folder: Path, port: int, no_browser: bool, storage: str | None, storage_file: Path | None
) -> None:
    """Open optuna-dashboard on the study of a run.

    Also while the run goes on; Ctrl-C ends it. It listens on this machine only and changes
    nothing: it shows a copy of the study, which is made anew as trials come in. A study that
    machines share is read from its database. Needs the extra 'dashboard'.

    Example: fmnist dashboard results/2026-11-21-7f3a
    """
    from fmnist.integrations.optuna_dashboard import serve

    shared = None
    if storage or storage_file:
        from fmnist.integrations.postgresql import storage_of

        shared = storage_of(storage, storage_file)
    sys.exit(serve(run_folder, port=port, browser=not no_browser, shared=shared))
