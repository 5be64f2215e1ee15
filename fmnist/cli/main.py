"""The commands; thin. Heavy imports stand inside the commands, so that --help is instant."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from fmnist.cli.commands.ablate import experiment
from fmnist.cli.commands.import_ import import_command
from fmnist.cli.commands.reproduce import after
from fmnist.cli.commands.runs import house
from fmnist.cli.commands.worker import STORAGE, working
from fmnist.cli.completion import complete_recipe, complete_run
from fmnist.cli.group import CONFIG_FILE, House, use_settings
from fmnist.cli.options import (
    DATA,
    DOCUMENT,
    FINISHED_RUN,
    FURTHER,
    LOOKS,
    OUTPUT,
    RESULTS,
    RUN,
    TRACKERS,
    TRIALS_AT_ONCE,
    jobs,
    options,
)
from fmnist.errors import UserError

_STARTED = time.monotonic()


@click.group(
    cls=House,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="fmnist-report")
@CONFIG_FILE
@click.pass_context
def cli(context: click.Context, config_file: Path | None) -> None:
    """Search hyperparameters for Fashion-MNIST overnight; find a report in the morning.

    \b
    fmnist run --time 10m                          search, retrain, test, report
    fmnist train --config results/…/best_config.toml   use a configuration again
    fmnist predict --run results/… shoe.png        classify pictures
    """
    use_settings(context, config_file)


@cli.command()
@options(RESULTS, DATA, DOCUMENT, LOOKS, OUTPUT)
@click.option("--time", "time_text", help="Time for the whole job, such as 10m or 8h.")
@click.option("--until", help="Time of day at which the report is to lie there, such as 07:00.")
@click.option("--trials", type=click.IntRange(min=1), help="Number of trials in the study.")
@click.option("--name", help="Name of the run; date and a short id when left out.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--engine",
    type=click.Choice(["optuna", "keras-tuner"]),
    default="optuna",
    show_default=True,
    help="What chooses the trials.",
)
@click.option(
    "--sampler",
    help="How it chooses them: tpe, random, grid or cmaes (Optuna); bayesian, random, hyperband "
    "or grid (keras-tuner). The first is the default.",
)
@jobs(f"{TRIALS_AT_ONCE} 0 with --storage: others train.", none=True)
@click.option("--trial-timeout", help="Longest time of one trial, such as 90s or 20m.")
@click.option("--trial-memory", help="Most memory of one trial, such as 2G or 800M.")
@click.option(
    "--confirm/--no-confirm",
    default=True,
    show_default=True,
    help="Choose the winner among the best trials by new runs on fresh seeds.",
)
@click.option(
    "--space",
    metavar="NAME|FILE",
    help="What is searched: core, extended, full, or a TOML file of fields and their ranges; as "
    "the plan for the time says when left out.",
)
@click.option(
    "--set",
    "settings",
    metavar="FIELD=VALUE",
    multiple=True,
    help="Value of a field that is then not searched, such as test_time_flip=false.",
)
@click.option(
    "--warm-start",
    type=click.Path(path_type=Path, exists=True),
    help="Configuration that the search starts from and tries first: a file, a run or a PDF; of an "
    "imported run its space and its best trials.",
)
@click.option(
    "--pruner",
    type=click.Choice(["median", "halving", "hyperband", "none"]),
    help="Rule by which hopeless trials are given up; median when left out.",
)
@click.option("--no-prune", is_flag=True, help="Run every trial to its last epoch: --pruner none.")
@click.option("--trial-images", type=click.IntRange(min=10), help="Training images a trial sees.")
@click.option("--trial-epochs", type=click.IntRange(min=1), help="Epochs of a trial.")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs of the retraining at most.")
@click.option("--validation", type=click.IntRange(min=10), help="Images split off for validation.")
@options(FURTHER, TRACKERS)
@options(STORAGE)
@click.option(
    "--study", help="Name of the study that machines share; that of the run when left out."
)
@click.option(
    "--artifacts",
    metavar="DIR|s3://…",
    help="Where machines that share a study leave checkpoints, and the final model.",
)
@click.option("--fresh", is_flag=True, help="Start anew even if the same job lies unfinished.")
def run(**given: Any) -> None:
    """Search, confirm, retrain the winner, evaluate it once on the test set, write the report.

    The same command after an interruption goes on where it stopped. Without --time, --until and
    --trials the job takes ten minutes.

    Example: fmnist run --until 07:00 --author "Ada Lovelace" --course "Deep Learning 1"
    """
    from fmnist.cli.commands.run import run_search

    sys.exit(run_search(started=_STARTED, **given))


@cli.command()
@options(RESULTS, DATA, DOCUMENT, LOOKS, OUTPUT)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, exists=True),
    help="best_config.toml of a run or a file like it, the run's folder, or its report.pdf.",
)
@click.option(
    "--recipe",
    metavar="NAME|FILE",
    shell_complete=complete_recipe,
    help="A published system instead; see 'fmnist recipes'.",
)
@click.option("--name", help="Name of the run; date and a short id when left out.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of the configuration's.")
@click.option("--validation", type=click.IntRange(min=10), help="Images split off for validation.")
@options(FURTHER, TRACKERS)
def train(**given: Any) -> None:
    """Train one configuration or recipe, evaluate it once on the test set, write the report.

    Example: fmnist train --config results/2026-11-21-7f3a/best_config.toml
    """
    from fmnist.cli.commands.run import train_config

    sys.exit(train_config(started=_STARTED, **given))


@cli.command()
def recipes() -> None:
    """List the published systems that can be trained: name, figure of its author, source.

    Example: fmnist recipes
    """
    from fmnist.cli.commands.report import list_recipes

    sys.exit(list_recipes())


@cli.command()
@FINISHED_RUN
@click.option(
    "--top", type=click.IntRange(min=1), default=3, show_default=True, help="Classes shown."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a picture.")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
def predict(run_folder: Path, top: int, as_json: bool, images: tuple[Path, ...]) -> None:
    """Classify pictures with the model of a run.

    Any common picture format. Pictures of clothes or characters on a light background are inverted,
    cropped and resized to 28 by 28 pixels, as the data set was made; for a run on a folder of
    pictures they are made as those of the folder were.

    Example: fmnist predict --run results/2026-11-21-7f3a boot.jpg
    """
    from fmnist.cli.commands.report import predict_images

    sys.exit(predict_images(run_folder, images, top=top, as_json=as_json))


@cli.command()
@RUN
@options(DOCUMENT, LOOKS)
def report(
    run_folder: Path, template: Path | None, questions: Path | None, **document: str
) -> None:
    """Render the report of a run again; needs neither TensorFlow nor Optuna.

    Of a run that is still going, or was stopped, an interim report is made beside it.

    Example: fmnist report results/2026-11-21-7f3a --author "Ada Lovelace"
    """
    from fmnist.cli.commands.report import render_again

    sys.exit(render_again(run_folder, document, template=template, questions=questions))


@cli.command()
@click.argument(
    "run_folders",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    shell_complete=complete_run,
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the comparison, made if need be; the run folders stay as they are.",
)
def compare(run_folders: tuple[Path, ...], as_json: bool, output: Path | None) -> None:
    """Set finished runs beside the first one, on the same test images.

    Prints accuracies with intervals and an exact McNemar test for each of the others, and renders
    comparison.html and comparison.pdf: classes, curves and configurations side by side, and the
    images that one run alone gets right. They lie in the folder of the first run, whose report is
    made again with a chapter on the comparison, or in DIR.

    Example: fmnist compare results/tuned results/simple-cnn results/three-conv
    """
    from fmnist.cli.commands.report import compare_folders

    sys.exit(compare_folders(run_folders, as_json=as_json, output=output))


@cli.command()
@RUN
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(run_folder: Path, as_json: bool) -> None:
    """Say how far a run is, also while it goes on: stage, time, trials, best, what comes next.

    Example: fmnist status results/2026-11-21-7f3a
    """
    from fmnist.cli.commands.report import show_status

    sys.exit(show_status(run_folder, as_json=as_json))


@cli.command()
@options(RESULTS)
@click.option("--data", type=click.Path(path_type=Path), help="Data to check instead of the usual.")
def doctor(results: Path, data: Path | None) -> None:
    """Check Python, packages, Pango, fonts, data, disk, memory and backend; say what to do.

    Example: fmnist doctor
    """
    from fmnist.cli.commands.report import run_doctor

    sys.exit(run_doctor(results, data))


for _command in [*after.commands.values(), *house.commands.values(), *working.commands.values()]:
    cli.add_command(_command)
cli.add_command(import_command)
cli.add_command(experiment)


def main() -> None:
    """Entry point of the ``fmnist`` command: user errors without a traceback."""
    try:
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UserError as error:
        click.echo(f"fmnist: {error}", err=True)
        sys.exit(error.exit_code)
    except click.Abort:  # Click's name for Ctrl-C
        click.echo("fmnist: interrupted; the same command goes on where this stopped", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
