"""The program ``fmnist``; what a command needs is imported inside it, so that --help is instant."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import click

from fmnist.cli import options
from fmnist.cli.commands.ablate import experiment
from fmnist.cli.commands.clean import clean
from fmnist.cli.commands.compare import compare
from fmnist.cli.commands.completion import completion, schema
from fmnist.cli.commands.config import config
from fmnist.cli.commands.dashboard import dashboard
from fmnist.cli.commands.doctor import doctor, notify
from fmnist.cli.commands.export import export
from fmnist.cli.commands.import_ import import_command
from fmnist.cli.commands.plan import plan
from fmnist.cli.commands.predict import newdata, predict
from fmnist.cli.commands.report import report
from fmnist.cli.commands.reproduce import reproduce
from fmnist.cli.commands.run import run
from fmnist.cli.commands.runs import check, runs
from fmnist.cli.commands.status import status, watch
from fmnist.cli.commands.train import recipes, train, trial
from fmnist.cli.commands.try_ import try_command
from fmnist.cli.commands.worker import worker
from fmnist.cli.group import ConfigurableGroup
from fmnist.cli.settings import CONFIG_FILE_VARIABLE
from fmnist.cli.streams import secure_streams
from fmnist.errors import UserError
from fmnist.runs import library_output

# A notebook's or a user's settings of Matplotlib are not the report's, and may be broken here.
_SURROUNDINGS = {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull}


@click.group(
    cls=ConfigurableGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="fmnist-report")
@click.option(
    "--config-file",
    type=options.EXISTING_FILE,
    envvar=CONFIG_FILE_VARIABLE,
    help="Defaults for options, instead of fmnist.toml here and the user's config.toml; see "
    "'fmnist config'.",
)
def cli(config_file: Path | None) -> None:
    """Search hyperparameters for Fashion-MNIST overnight; find a report in the morning.

    \b
    fmnist try --open                              the whole job on a small sample
    fmnist run --time 10m                          search, retrain, test, report
    fmnist train --config results/…/best_config.toml   use a configuration again
    fmnist predict --run results/… shoe.png        classify pictures
    """


_COMMANDS = [
    try_command, run, plan, train, trial, predict, report, compare, recipes, status, doctor, runs,
    check, clean, config, completion, dashboard, import_command, worker, reproduce, export,
    experiment, notify, watch, newdata, schema,
]  # fmt: skip
for _command in _COMMANDS:
    cli.add_command(_command)


def main() -> None:
    """Entry point of the ``fmnist`` command: user errors without a traceback."""
    secure_streams()
    os.environ.update(_SURROUNDINGS)
    with library_output.separate():
        status = _invoke()
    gc.freeze()  # the interpreter need not search all of TensorFlow for garbage: seconds
    sys.exit(status)


def _invoke() -> int:
    """Run the command that was typed; returns the exit code."""
    try:
        return int(cli(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show(library_output.stream())
        return error.exit_code
    except UserError as error:
        library_output.note(f"fmnist: {error}")
        return error.exit_code
    except click.Abort:  # Click's name for Ctrl-C
        library_output.note("fmnist: interrupted; the same command goes on where this stopped")
        return 130


if __name__ == "__main__":
    main()
