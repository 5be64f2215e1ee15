"""What the shell completes: run folders and recipes. Read from folders only, so it is instant."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_FMNIST_COMPLETE"


def complete_run(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Folders of runs: those of ``--results`` by path, or whatever folder is begun."""
    results = str(context.params.get("results") or "results")
    begun, _, _ = incomplete.rpartition("/")
    places = dict.fromkeys([begun or ("/" if incomplete.startswith("/") else "."), results])
    found = [run for place in places for run in _runs(place) if run.startswith(incomplete)]
    chosen = context.params.get(str(parameter.name)) or ()
    taken = {str(run) for run in (chosen if isinstance(chosen, tuple) else [chosen])}
    items = [CompletionItem(run) for run in dict.fromkeys(found) if run not in taken]
    return items or [CompletionItem(incomplete, type="dir")]


def complete_source(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Folders of runs, or files."""
    items = complete_run(context, parameter, incomplete)
    return items if items[0].type != "dir" else [CompletionItem(incomplete, type="file")]


def complete_recipe(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of recipes, or files."""
    folder = Path(__file__).parents[1] / "config" / "recipes"
    names = sorted(file.stem for file in folder.glob("*.toml"))
    items = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return items or [CompletionItem(incomplete, type="file")]


def script(group: click.Group, shell: str) -> str:
    """The completion script for ``shell``, one of ``SHELLS``."""
    found = get_completion_class(shell)
    assert found is not None, "click has it"
    return found(group, {}, "fmnist", _VARIABLE).source()


def _runs(place: str) -> list[str]:
    """Run folders in ``place``, newest name first, as they would be typed."""
    try:
        found = [file.parent.name for file in Path(place).glob("*/run.toml")]
    except OSError:
        return []
    start = "" if place == "." else place if place.endswith("/") else f"{place}/"
    return [f"{start}{name}" for name in sorted(found, reverse=True)]
