"""The command that reads in a search of another program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from fmnist.cli_options import RESULTS, options


@click.command("import")
@click.argument("source")
@options(RESULTS)
@click.option("--study", metavar="NAME", help="Which study, where SOURCE holds several.")
@click.option("--name", help="Name of the run; date and a short id when left out.")
@click.option(
    "--map",
    "names",
    metavar="NAME=FIELD",
    multiple=True,
    help="Parameter that has another name than our field, such as lr=learning_rate.",
)
@click.option(
    "--mapping",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help='The same from a TOML file of lines such as lr = "learning_rate".',
)
@click.option("--drop", metavar="NAME", multiple=True, help="Parameter to leave out.")
@click.option(
    "--set",
    "settings",
    metavar="FIELD=VALUE",
    multiple=True,
    help="Value that a field had in the study without being searched, such as flip=false.",
)
@click.option(
    "--value",
    "scale",
    type=click.Choice(["accuracy", "percent", "error"]),
    help="What the values of the study are: accuracy (0 to 1), percent, or error (1 - accuracy).",
)
@click.option(
    "--metric",
    metavar="NAME",
    help="Another number of each trial to take: a metric of keras-tuner, a user attribute of "
    "Optuna.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_command(**given: Any) -> None:
    """Read in a search of another program, as a run that can be reported on.

    SOURCE is a keras-tuner project folder; an Optuna study in an SQLite or a journal file; or an
    address postgresql+psycopg://USER@HOST/DATABASE, without the password: that comes from
    PGPASSWORD or PGPASSFILE, or the whole address from a file of yours as SOURCE. All are only
    read, also while the search goes on.

    Parameters are taken for our fields of the same name. Nothing is trained, and the test set is
    not read: fmnist run --warm-start RUN searches on from the best trials and tests the winner,
    fmnist train --config RUN trains and tests the best of them as it is.

    \b
    Example: fmnist import tuner/my_project --map lr=learning_rate --drop units2
             fmnist import study.db --study cnn --value percent
    """
    from fmnist.importing.command import import_study

    sys.exit(import_study(**given))
