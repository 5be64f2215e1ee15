"""Options that several commands share, each under its heading of ``--help``."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource
from typing_extensions import override

from fmnist.cli.completion import complete_run
from fmnist.cli.durations import parse_count, parse_latency, parse_size
from fmnist.cli.group import section
from fmnist.cli.jobs import MLFLOW_VARIABLE
from fmnist.errors import UserError

F = TypeVar("F", bound=Callable[..., Any])


class Text(click.types.StringParamType):
    """A text in valid letters: bytes of another encoding than the terminal's are none."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(super().convert(value, param, ctx))
        try:
            text.encode()
        except UnicodeEncodeError as error:
            self.fail(
                f"{text.encode('utf-8', 'replace').decode()}: its byte "
                f"{ord(text[error.start]) & 0xFF:#04x} is no UTF-8; type it on a terminal with "
                "UTF-8, or put it into fmnist.toml"
            )
        return text


TEXT = Text()
EXISTING = click.Path(path_type=Path, exists=True)
EXISTING_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
EXISTING_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
POSITIVE = click.IntRange(min=1)
PLACES = ("inline", "appendix", "none")


class Questions(click.ParamType[str | Path]):
    """Where the questions of the report stand, or the folder that holds other ones."""

    name = "inline|appendix|none|FOLDER"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | Path:
        """A word or an existing folder."""
        if value in PLACES or isinstance(value, Path):
            return cast(str | Path, value)
        return EXISTING_FOLDER.convert(value, param, ctx)


def mlflow_uri(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """The value of ``--mlflow``; MLflow's own variable counts only where MLflow is installed."""
    meant_for_us = value != os.environ.get(MLFLOW_VARIABLE)
    return value if meant_for_us or find_spec("mlflow") else None


RESULTS = click.option(
    "--results",
    type=FOLDER,
    default=Path("results"),
    show_default=True,
    help="Folder that holds the runs.",
)
NAME = click.option("--name", help="Name of the run; date and a short id when left out.")
FINISHED_RUN = click.option(
    "--run",
    "run_folder",
    type=EXISTING_FOLDER,
    required=True,
    shell_complete=complete_run,
    help="Folder of a finished run.",
)
RUN = click.argument("run_folder", metavar="RUN", type=EXISTING, shell_complete=complete_run)
RUN_FOLDER = click.argument(
    "run_folder", metavar="RUN", type=EXISTING_FOLDER, shell_complete=complete_run
)
DATA = section(
    "Data",
    click.option(
        "--data",
        type=EXISTING,
        help="A data set of your own: a folder of IDX, CSV or .npz files (Fashion-MNIST, MNIST, "
        "KMNIST, EMNIST), an .npz, or a folder of pictures by class. When left out, "
        "Fashion-MNIST, which is found by itself.",
    ),
    click.option(
        "--class-names",
        type=TEXT,
        help="Comma-separated, in the order of the labels; as the data say when left out.",
    ),
    click.option(
        "--validation", type=click.IntRange(min=10), help="Images split off for validation."
    ),
)
MOVED_DATA = click.option(
    "--data",
    type=EXISTING,
    help="The data of the run, where they now lie elsewhere; their checksum must be the same.",
)
REPORT = section(
    "Report",
    click.option("--title", type=TEXT, default="", help="Title on the cover."),
    click.option("--author", type=TEXT, default="", help="Author on the cover."),
    click.option("--course", type=TEXT, default="", help="Course, client or project on the cover."),
    click.option(
        "--date", "dated", type=TEXT, default="", help="Date on the cover; today when left out."
    ),
    click.option(
        "--template",
        type=EXISTING_FOLDER,
        help="Folder of Jinja templates and style sheets that replace ours of the same name.",
    ),
    click.option(
        "--questions",
        type=Questions(),
        help="Where the questions stand: inline, in short, in report.pdf; in the appendix alone; "
        "none at all; inline where 6 pages are allowed when left out. Or a folder of question "
        "files instead of the eight; they are kept with the run.",
    ),
    click.option(
        "--text",
        type=EXISTING_FOLDER,
        help="Folder of your own words, a Markdown file a section of report.pdf: discussion.md in "
        "place of ours, discussion.after.md behind it; {{ test.accuracy }} and the like are filled "
        "in. They are marked as yours, and kept with the run.",
    ),
    click.option(
        "--rubric",
        type=EXISTING_FILE,
        help="TOML file with the parts and points that a teacher asks for: report.pdf follows its "
        "order and names, and the terminal and rubric.md say what is answered on which page. It "
        "is kept with the run.",
    ),
    click.option(
        "--max-pages",
        type=POSITIVE,
        help="Pages of report.pdf at most; 6 with the questions and 4 without when left out. What "
        "has no room is moved to appendix.pdf.",
    ),
    click.option(
        "--max-words", type=POSITIVE, help="Words of the running text of report.pdf at most."
    ),
    click.option(
        "--cover/--no-cover", default=None, help="A cover on report.pdf; it is no page of these."
    ),
)
SEED = click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
USE_ENSEMBLE = click.option(
    "--ensemble", is_flag=True, help="The mean of the run's networks in place of the final one."
)
FINAL_TRAINING = [
    click.option(
        "--refit/--no-refit",
        default=None,
        help="Train the final model once more, on training and validation images; run: as the "
        "plan for the time says when left out, train: no.",
    ),
    click.option(
        "--ensemble",
        metavar="K",
        type=click.IntRange(min=1, max=10),
        help="Also average K networks: the final one and K - 1 more. Reported apart. run: where "
        "time is left over that would not help the final one, when left out; 1: none.",
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


def _parsed(parse: Callable[[str | None, str], Any]) -> Callable[..., Any]:
    return lambda _, parameter, value: parse(value, parameter.opts[0])


CAPS = section(
    "Limits of the network",
    click.option(
        "--max-parameters",
        metavar="N",
        callback=_parsed(parse_count),
        help="Parameters of a network at most, such as 100k. What is larger is never trained.",
    ),
    click.option(
        "--max-size",
        metavar="SIZE",
        callback=_parsed(parse_size),
        help="Size of model.keras at most, such as 500kB; likewise.",
    ),
    click.option(
        "--max-latency",
        metavar="TIME",
        callback=_parsed(parse_latency),
        help="Time of a network for one image on this machine at most, such as 5ms; likewise.",
    ),
)
PRIOR = click.option(
    "--prior/--no-prior",
    default=True,
    show_default=True,
    help="Learn from finished runs in the results folder on the same data, with limited weight; "
    "the sampler tpe only.",
)
TRIALS_AT_ONCE = "Trials at once, which share the cores; auto: one a core, at most 4, one on a GPU."
QUIET = click.option("--quiet", is_flag=True, help="Print the result only.")
JSON_LINES = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")

NOTIFY = click.option(
    "--notify",
    metavar="URL",
    multiple=True,
    envvar="FMNIST_NOTIFY",
    help="Send messages about the run there: begun, first result, trouble, done with the PDF; an "
    "address of Apprise, such as ntfys://TOPIC or mailtos://USER:PASSWORD@gmail.com. Needs the "
    "extra 'notify'.",
)
OPEN = click.option("--open", "open_report", is_flag=True, help="Open the report in the browser.")

OUTPUT = [
    RESULTS,
    NAME,
    OPEN,
    click.option(
        "--tensorboard",
        is_flag=True,
        help="Also write event files for TensorBoard, into the run's folder tensorboard.",
    ),
    click.option(
        "--mlflow",
        metavar="URI",
        envvar=MLFLOW_VARIABLE,
        callback=mlflow_uri,
        help="Also log the finished run to this MLflow store, such as sqlite:///mlflow.db or "
        "http://127.0.0.1:5000.",
    ),
    NOTIFY,
    QUIET,
    JSON_LINES,
]


def storage_url(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """The value of ``--storage``: only the environment may give it a password."""
    source = context.get_parameter_source(str(parameter.name))
    if value is not None and source != ParameterSource.ENVIRONMENT:
        from fmnist.integrations.postgresql import refuse_password

        try:
            refuse_password(value)
        except UserError as error:
            raise click.BadParameter(str(error).removeprefix("--storage: ")) from None
    return value


DATABASE = [
    click.option(
        "--storage",
        metavar="URL",
        envvar="FMNIST_STORAGE",
        callback=storage_url,
        help="PostgreSQL database of a study that machines share: "
        "postgresql+psycopg://USER@HOST/DATABASE. The password comes from PGPASSWORD, or is part "
        "of the URL in FMNIST_STORAGE or in --storage-file.",
    ),
    click.option(
        "--storage-file",
        metavar="FILE",
        type=EXISTING_FILE,
        help="File with the whole URL, password included, which only you can read.",
    ),
]
GRACE = click.option(
    "--grace",
    help="Time without a sign of life after which the trials of a machine go to others; the "
    "same for all, 2m when left out.",
)


def jobs(text: str, *, allow_none: bool = False) -> Callable[[F], F]:
    """Make the option ``--jobs``, with this help; ``allow_none``: 0, too, where others train."""

    def check(_: click.Context, __: click.Parameter, value: str) -> int | str:
        if value == "auto":
            return value
        if not value.isdecimal() or (int(value) < 1 and not allow_none):
            raise click.BadParameter(f"{value}: expected auto, or a whole number from 1 on")
        return int(value)

    return click.option(
        "--jobs", metavar="AUTO|N", callback=check, default="auto", show_default=True, help=text
    )
