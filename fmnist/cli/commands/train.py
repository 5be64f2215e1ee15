"""``fmnist train``, what follows a search; ``trial``, a training alone; ``recipes``."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click

from fmnist.cli import options
from fmnist.cli.commands.compare import compare_folders
from fmnist.cli.completion import complete_recipe
from fmnist.cli.group import command, gather, section
from fmnist.cli.jobs import JobOptions, absolute, execute, split_names
from fmnist.cli.json_records import print_record
from fmnist.errors import TrainingError, UserError


@command()
@section(
    "Training",
    click.option(
        "--config",
        "config_file",
        type=options.EXISTING,
        help="best_config.toml of a run or a file like it, the run's folder, or its report.pdf.",
    ),
    click.option(
        "--recipe",
        metavar="NAME|FILE",
        shell_complete=complete_recipe,
        help="A published system instead; see 'fmnist recipes'.",
    ),
    options.SEED,
    click.option("--epochs", type=options.POSITIVE, help="Instead of the configuration's."),
    *options.FINAL_TRAINING,
)
@options.DATA
@options.REPORT
@section("Output", *options.OUTPUT)
@gather(JobOptions)
def train(
    common: JobOptions,
    *,
    config_file: Path | None,
    recipe: str | None,
    seed: int,
    epochs: int | None,
    refit: bool | None,
    ensemble: int | None,
    experiments: str,
    validation: int | None,
) -> int:
    """Train one configuration or recipe, evaluate it once on the test set, write the report.

    Example: fmnist train --config results/2026-11-21-7f3a/best_config.toml
    """
    from fmnist.pipeline.request import Request
    from fmnist.runs.config_source import load_config

    common.check()
    if (config_file is None) == (recipe is None):
        raise UserError("give either --config FILE or --recipe NAME")
    wanted_experiments = None if experiments == "auto" else experiments
    if recipe is not None:
        if refit is not None or ensemble:
            raise UserError("--recipe: trained as published, without --refit and --ensemble")
        return _train_recipe(common, recipe, seed, epochs, validation, wanted_experiments)
    assert config_file is not None
    config = load_config(config_file)
    if epochs:
        config = config.replace(epochs=epochs)
    request = Request(
        kind="train",
        seed=seed,
        refit=refit,
        ensemble=ensemble,
        experiments=wanted_experiments,
        final_epochs=config.epochs,
        validation=validation,
        data=absolute(common.data),
        class_names=common.names,
        warm_start=absolute(config_file),
    )
    job = common.make_job(common.find_run(request), request, config)
    return execute(job, open_report=common.open_report)


def _train_recipe(
    common: JobOptions,
    name: str,
    seed: int,
    epochs: int | None,
    validation: int | None,
    experiments: str | None,
) -> int:
    """Train every network of a recipe, each a run; then compare them, where there are several."""
    from fmnist.config import recipes
    from fmnist.pipeline.clock import JobClock
    from fmnist.pipeline.recipe_runs import half_done, parts_of
    from fmnist.runs.artifacts import COMPARISON
    from fmnist.runs.folder import Run

    parts = [
        replace(
            part,
            request=replace(part.request, experiments=experiments, class_names=common.names),
        )
        for part in parts_of(
            recipes.find(name),
            name,
            seed=seed,
            epochs=epochs,
            validation=validation,
            data=common.data,
        )
    ]
    waiting = None if common.name else half_done(common.results, parts)
    first = waiting or common.find_run(parts[0].request)
    runs = [Run.named(common.results, first.path.name + part.suffix) for part in parts]
    code, continued = 0, len(parts) > 1 and not first.has(COMPARISON)
    for part, run in zip(parts, runs, strict=True):
        if continued and part.is_done(run):
            continue
        job = replace(
            common.make_job(run, part.request, part.base), space=part.space, recipe=part.record
        )
        if run is not runs[0]:
            job.clock = JobClock(time.monotonic())
        code = max(code, execute(job, open_report=common.open_report))
    if len(runs) > 1:
        event = "comparison" if common.as_json else None
        code = max(code, compare_folders([run.path for run in runs], event=event))
    return code


@command()
@click.option(
    "--config",
    "config_file",
    type=options.EXISTING,
    help="A configuration, as train takes it; that for slow machines when left out.",
)
@click.option(
    "--set",
    "settings",
    metavar="FIELD=VALUE",
    multiple=True,
    help="Value of a field, such as dropout=0.2.",
)
@click.option("--budget", default="5m", show_default=True, help="Time for all seeds together.")
@click.option("--seeds", type=options.POSITIVE, default=3, show_default=True, help="Trainings.")
@options.SEED
@options.DATA
@options.JSON
def trial(
    config_file: Path | None,
    settings: tuple[str, ...],
    budget: str,
    seeds: int,
    seed: int,
    data: Path | None,
    class_names: str | None,
    validation: int | None,
    as_json: bool,
) -> int:
    """Train one configuration for a time, with several seeds, and score it on validation images.

    One comparable experiment for a person or a program that searches by itself: the mean accuracy
    and its noise. The test set stays closed, and no run folder is written.

    Example: fmnist trial --set width=0.5 --set dropout=0.1 --budget 5m --json
    """
    from fmnist.cli.display.summary import trial_text
    from fmnist.cli.durations import parse_duration
    from fmnist.config.config import Config
    from fmnist.config.overrides import parse_settings
    from fmnist.data import load
    from fmnist.pipeline.planner.profiles import COMPACT
    from fmnist.pipeline.single_trial import score_trial
    from fmnist.runs.config_source import load_config
    from search.records import TrialError

    seconds = parse_duration(budget, "--budget", 1)
    base = load_config(config_file) if config_file else Config(**COMPACT)
    config = base.replace(**parse_settings(settings))
    images = load(data, class_names=split_names(class_names))
    try:
        found = score_trial(
            config, images, seconds=seconds, seeds=seeds, first_seed=seed, validation=validation
        )
    except TrialError as error:
        raise TrainingError(f"the training failed ({error.kind}: {error})") from None
    if as_json:
        print_record(found)
    else:
        click.echo(trial_text(found))
    return 0


@command()
@options.JSON_LINES
def recipes(as_json: bool) -> int:
    """List the published systems that can be trained: name, figure of its author, source.

    Example: fmnist recipes
    """
    from fmnist.config import recipes as published
    from fmnist.runs.codec import convert
    from fmnist.runs.records.run import RecipeRecord

    for name in published.names():
        recipe = published.find(name)
        if as_json:
            print_record(convert(RecipeRecord, recipe.record(), name))
            continue
        click.echo(f"{name}: {recipe.title}")
        click.echo(f"    published: {recipe.published}")
        click.echo(f"    source: {recipe.source}")
    return 0
