"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import click

from fmnist.cli.completion import complete_run

F = TypeVar("F", bound=Callable[..., Any])
_MLFLOW = "MLFLOW_TRACKING_URI"


def mlflow_uri(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """The value of ``--mlflow``; MLflow's own variable counts only where MLflow is installed."""
    meant_for_us = value != os.environ.get(_MLFLOW)
    return value if meant_for_us or find_spec("mlflow") else None


RESULTS = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Folder that holds the runs.",
)
FINISHED_RUN = click.option(
    "--run",
    "run_folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    shell_complete=complete_run,
    help="Folder of a finished run.",
)
RUN = click.argument(
    "run_folder",
    metavar="RUN",
    type=click.Path(path_type=Path, exists=True),
    shell_complete=complete_run,
)
RUN_FOLDER = click.argument(
    "run_folder",
    metavar="RUN",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    shell_complete=complete_run,
)
DATA = [
    click.option(
        "--data",
        type=click.Path(path_type=Path, exists=True),
        help="A data set of your own: a folder of IDX, CSV or .npz files (Fashion-MNIST, MNIST, "
        "KMNIST, EMNIST), an .npz, or a folder of pictures by class. When left out, Fashion-MNIST, "
        "which is found by itself.",
    ),
    click.option(
        "--class-names",
        help="Comma-separated, in the order of the labels; as the data say when left out.",
    ),
]
LOOKS = [
    click.option(
        "--template",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help="Folder of Jinja templates and style sheets that replace ours of the same name.",
    ),
    click.option(
        "--questions",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help="Folder of question files instead of the eight; they are kept with the run.",
    ),
]
DOCUMENT = [
    click.option("--title", default="", help="Title on the cover."),
    click.option("--author", default="", help="Author on the cover."),
    click.option("--course", default="", help="Course, client or project on the cover."),
    click.option("--date", "dated", default="", help="Date on the cover; today when left out."),
]
FURTHER = [
    click.option(
        "--refit/--no-refit",
        default=None,
        help="Train the final model once more, on training and validation images; run: as the "
        "plan for the time says when left out, train: no.",
    ),
    click.option(
        "--ensemble",
        metavar="K",
        type=click.IntRange(min=2, max=10),
        help="Also average K networks: the final one and K - 1 more. Reported apart.",
    ),
    click.option(
        "--experiments",
        type=click.Choice(["auto", "none", "all"]),
        default="auto",
        show_default=True,
        help="Variants of the best configuration, so that the report can say what each part of it "
        "is worth; auto: run: as many as there is time for, train: none.",
    ),
]
TRACKERS = [
    click.option(
        "--tensorboard",
        is_flag=True,
        help="Also write event files for TensorBoard, into the run's folder tensorboard.",
    ),
    click.option(
        "--mlflow",
        metavar="URI",
        envvar=_MLFLOW,
        callback=mlflow_uri,
        help="Also log the finished run to this MLflow store, such as sqlite:///mlflow.db or "
        "http://127.0.0.1:5000.",
    ),
]
TRIALS_AT_ONCE = "Trials at once, which share the cores; auto: one a core, at most 4, one on a GPU."
OUTPUT = [
    click.option("--quiet", is_flag=True, help="Print the result only."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line."),
]


def jobs(said: str, *, none: bool = False) -> Callable[[F], F]:
    """The option ``--jobs``, with this help; ``none``: 0 is taken, too, where others train."""

    def checked(_: click.Context, __: click.Parameter, value: str) -> int | str:
        if value == "auto":
            return value
        if not value.isdecimal() or (int(value) < 1 and not none):
            raise click.BadParameter(f"{value}: expected auto, or a whole number from 1 on")
        return int(value)

    return click.option(
        "--jobs",
        metavar="AUTO|N",
        callback=checked,
        default="auto",
        show_default=True,
        help=said,
    )


def options(*groups: Any) -> Callable[[F], F]:
    """A decorator that adds options, or lists of them, in this order."""

    def decorate(function: F) -> F:
        for option in reversed([o for g in groups for o in (g if isinstance(g, list) else [g])]):
            function = option(function)
        return function

    return decorate
