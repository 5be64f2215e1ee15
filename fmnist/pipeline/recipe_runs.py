"""A recipe as runs: one, or one for each of the networks it compares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmnist.config.config import Config
from fmnist.config.recipes import ENGINE, Recipe, Search
from fmnist.data.csv_export import csv_folder
from fmnist.data.formats import csv_files
from fmnist.errors import DataError
from fmnist.pipeline.request import Request
from fmnist.runs.artifacts import COMPARISON, RUN
from fmnist.runs.folder import Run, RunError
from search.space import SearchSpace

"""In the folder of the first run, once all networks of the recipe are compared."""


@dataclass(frozen=True)
class RecipeStep:
    """One run of a recipe.

    Attributes:
        suffix: of its folder, behind the name of the first run.
        record: the table ``[recipe]`` of its ``run.toml``.
    """

    suffix: str
    request: Request
    base: Config
    space: SearchSpace | None
    record: dict[str, Any]

    def is_done(self, run: Run) -> bool:
        """Whether ``run`` is this part, finished."""
        return run.has("report.html") and _request_of(run) == self.request.to_dict()


def parts_of(
    recipe: Recipe,
    asked: str,
    *,
    seed: int,
    epochs: int | None,
    validation: int | None,
    data: Path | None,
) -> list[RecipeStep]:
    """The runs of ``recipe``, the one it is about first.

    Args:
        asked: what stood behind ``--recipe``.
        epochs: instead of the recipe's.
        data: the user's own; None: the published data, in the format that the recipe reads.

    Raises:
        DataError: ``data`` has another format, or the published data were not found.
    """
    networks = [("", "", recipe.config)]
    if recipe.rival:
        networks.append((f"-{recipe.rival.name}", recipe.rival.title, recipe.rival.config))
    folder = _data(recipe, data)
    parts = []
    for suffix, title, network in networks:
        config = network.replace(epochs=epochs) if epochs else network
        search = None if suffix else recipe.search
        request = Request(
            recipe=asked + suffix,
            seed=seed,
            final_epochs=config.epochs,
            validation=validation,
            data=str(folder.resolve()) if folder else None,
            **(_searching(search) if search else {"kind": "train"}),
        )
        record = recipe.record(title) | ({"changed": ["epochs"]} if epochs else {})
        space = search.space if search else None
        parts.append(RecipeStep(suffix, request, config, space, record))
    return parts


def _searching(search: Search) -> dict[str, Any]:
    """What a search adds to the request: all of the grid, and its best point as it is."""
    return {
        "kind": "search",
        "engine": ENGINE,
        "sampler": search.sampler,
        "space": "recipe",
        "pruner": "none",
        "confirm": False,
        "trials": search.trials,
        "trial_images": search.trial_images,
        "trial_epochs": search.trial_epochs,
    }


def _data(recipe: Recipe, data: Path | None) -> Path | None:
    if recipe.format != "csv":
        return data
    if data is None:
        return csv_folder()
    if not data.is_dir() or not csv_files.find_files(data):
        raise DataError(
            f"--data {data}: the recipe {recipe.name} reads CSV files; expected a folder with "
            "*train*.csv and *test*.csv, or leave --data out"
        )
    return data


def half_done(results: Path, parts: list[RecipeStep]) -> Run | None:
    """The newest run under ``results`` that is the first of ``parts`` and waits for the others."""
    if len(parts) == 1:
        return None
    runs = [Run(file.parent) for file in results.glob(f"*/{RUN}")]
    found = [run for run in runs if parts[0].is_done(run) and not run.has(COMPARISON)]
    return max(found, key=lambda run: (run / RUN).stat().st_mtime) if found else None


def _request_of(run: Run) -> Any:
    try:
        return run.read_toml(RUN).get("request")
    except RunError:
        return None
