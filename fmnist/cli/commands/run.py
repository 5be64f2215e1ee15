"""``fmnist run``: search, confirm, retrain, test, report."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from fmnist.cli import options
from fmnist.cli.durations import grace_seconds, parse_duration, parse_size, parse_until
from fmnist.cli.group import command, gather, section
from fmnist.cli.jobs import STARTED, JobOptions, absolute, execute
from fmnist.errors import UserError
from fmnist.runs import library_output
from search.engines import DEFAULT_PRUNER, SAMPLERS_OF

if TYPE_CHECKING:
    from fmnist.integrations.postgresql import Storage
    from fmnist.pipeline.coordination import Coordinator
    from fmnist.pipeline.request import Request

DEFAULT_TIME = "10m"


@dataclass(frozen=True)
class SearchOptions:
    """The options of the search itself, by the names of their parameters."""

    time_text: str | None
    until: str | None
    trials: int | None
    space: str | None
    settings: tuple[str, ...]
    warm_start: Path | None
    prior: bool
    engine: str
    sampler: str | None
    pruner: str | None
    no_prune: bool
    trial_images: int | None
    trial_epochs: int | None
    trial_timeout: str | None
    trial_memory: str | None
    jobs: int | Literal["auto"]
    seed: int
    confirm: bool
    epochs: int | None
    refit: bool | None
    ensemble: int | None
    experiments: str
    validation: int | None
    max_parameters: int | None
    max_size: int | None
    max_latency: float | None

    def deadline(self) -> datetime | None:
        """The moment of ``--until``.

        Raises:
            UserError: no time of day, or less than a minute away.
        """
        return parse_until(self.until) if self.until else None

    def seconds(self) -> float | None:
        """The time of ``--time``; none where ``--until`` or ``--trials`` say when to end.

        Raises:
            UserError: no duration, too short a one, or beside ``--until``.
        """
        check_one_end(self.time_text, self.until)
        if self.until or (self.trials is not None and self.time_text is None):
            return None
        return parse_duration(self.time_text or DEFAULT_TIME)

    def request(self) -> Request:
        """What is asked of the job, without data and study.

        Raises:
            UserError: a value against its rule, or options that exclude each other.
        """
        from fmnist.config.overrides import parse_settings
        from fmnist.pipeline.request import Request

        timeout = self.trial_timeout
        return Request(
            seed=self.seed,
            engine=self.engine,
            sampler=choose_sampler(self.engine, self.sampler),
            space=self.space,
            pruner=choose_pruner(self.pruner, no_prune=self.no_prune),
            time_seconds=self.seconds(),
            until=self.until,
            trials=self.trials,
            jobs=self.jobs,
            trial_timeout=parse_duration(timeout, "--trial-timeout", 1) if timeout else None,
            trial_memory=parse_size(self.trial_memory),
            confirm=self.confirm,
            refit=self.refit,
            ensemble=self.ensemble,
            experiments=None if self.experiments == "auto" else self.experiments,
            trial_images=self.trial_images,
            trial_epochs=self.trial_epochs,
            final_epochs=self.epochs,
            validation=self.validation,
            warm_start=absolute(self.warm_start),
            prior=None if self.prior else False,
            settings=parse_settings(self.settings) or None,
            max_parameters=self.max_parameters,
            max_size=self.max_size,
            max_latency=self.max_latency,
        )


@command()
@section(
    "Time",
    click.option("--time", "time_text", help="Time for the whole job, such as 10m or 8h."),
    click.option("--until", help="Time of day at which the report is to lie there, such as 07:00."),
    click.option("--trials", type=options.POSITIVE, help="Number of trials in the study."),
)
@section(
    "Search",
    click.option(
        "--space",
        metavar="NAME|FILE",
        help="What is searched: core, extended, full, or a TOML file of fields and their ranges; "
        "as the plan for the time says when left out.",
    ),
    click.option(
        "--set",
        "settings",
        metavar="FIELD=VALUE",
        multiple=True,
        help="Value of a field that is then not searched, such as test_time_flip=false.",
    ),
    click.option(
        "--warm-start",
        type=options.EXISTING,
        help="Configuration that the search starts from and tries first: a file, a run or a PDF; "
        "of an imported run its space and its best trials.",
    ),
    options.PRIOR,
    click.option(
        "--engine",
        type=click.Choice(["optuna", "keras-tuner"]),
        default="optuna",
        show_default=True,
        help="What chooses the trials.",
    ),
    click.option(
        "--sampler",
        help="How it chooses them: tpe, random, grid or cmaes (Optuna); bayesian, random, "
        "hyperband or grid (keras-tuner). The first is the default.",
    ),
    click.option(
        "--pruner",
        type=click.Choice(["median", "halving", "hyperband", "none"]),
        help="Rule by which hopeless trials are given up; median when left out.",
    ),
    click.option(
        "--no-prune", is_flag=True, help="Run every trial to its last epoch: --pruner none."
    ),
    click.option(
        "--trial-images", type=click.IntRange(min=10), help="Training images a trial sees."
    ),
    click.option("--trial-epochs", type=options.POSITIVE, help="Epochs of a trial."),
    click.option("--trial-timeout", help="Longest time of one trial, such as 90s or 20m."),
    click.option("--trial-memory", help="Most memory of one trial, such as 2G or 800M."),
    options.jobs(f"{options.TRIALS_AT_ONCE} 0 with --storage: others train.", allow_none=True),
    options.SEED,
)
@options.CAPS
@section(
    "Final training",
    click.option(
        "--confirm/--no-confirm",
        default=True,
        show_default=True,
        help="Choose the winner among the best trials by new runs on fresh seeds.",
    ),
    click.option("--epochs", type=options.POSITIVE, help="Epochs of the retraining at most."),
    *options.FINAL_TRAINING,
)
@options.DATA
@options.REPORT
@section(
    "Several machines",
    *options.DATABASE,
    options.GRACE,
    click.option(
        "--study", help="Name of the study that machines share; that of the run when left out."
    ),
    click.option(
        "--artifacts",
        metavar="DIR|s3://…",
        help="Where machines that share a study leave checkpoints, and the final model.",
    ),
)
@section(
    "Output",
    *options.OUTPUT,
    click.option(
        "--rehearsal/--no-rehearsal",
        default=True,
        show_default=True,
        help="Before a run of an hour or more, go through all of it on 2,000 images.",
    ),
    click.option("--fresh", is_flag=True, help="Start anew even if the same job lies unfinished."),
)
@gather(JobOptions, SearchOptions)
def run(
    common: JobOptions,
    search: SearchOptions,
    *,
    fresh: bool,
    rehearsal: bool,
    storage: str | None,
    storage_file: Path | None,
    grace: str | None,
    study: str | None,
    artifacts: str | None,
) -> int:
    """Search, confirm, retrain the winner, evaluate it once on the test set, write the report.

    The same command after an interruption goes on where it stopped. Without --time, --until and
    --trials the job takes ten minutes.

    Example: fmnist run --until 07:00 --author "Ada Lovelace" --course "Deep Learning 1"
    """
    from fmnist.pipeline.clock import JobClock
    from fmnist.pipeline.search_setup import load_or_make_profile, search_setup_of

    common.check()
    deadline = search.deadline()
    request = replace(search.request(), data=absolute(common.data), class_names=common.names)
    database = None
    if storage or storage_file:
        database = _open_storage(search.engine, storage, storage_file, grace, study, artifacts)
        request = replace(request, study=study or "auto")
    else:
        _check_alone(search.jobs, study, artifacts)
    folder = common.find_run(request, fresh=fresh)
    seconds = deadline.timestamp() - time.time() if deadline else request.time_seconds
    setup_for = search_setup_of(request)
    setup = setup_for(load_or_make_profile(folder, seconds, request))
    if search.warm_start and not setup.first_trials:
        library_output.note(
            f"note: {search.warm_start} lies outside the space, so it is no trial of its own"
        )
    job = replace(
        common.make_job(folder, request, setup.base),
        space=setup.space,
        first_trials=setup.first_trials,
        setup_for=setup_for,
        coordinator=_coordinator(database),
        rehearsal=rehearsal,
        clock=JobClock(STARTED, deadline),
    )
    return execute(job, open_report=common.open_report)


def _open_storage(
    engine: str,
    url: str | None,
    file: Path | None,
    grace: str | None,
    study: str | None,
    artifacts: str | None,
) -> Storage | None:
    """The database of a study that machines share."""
    from fmnist.integrations.postgresql import storage_of
    from fmnist.runs.folder import Run

    if engine != "optuna":
        raise UserError(f"--engine {engine}: a shared study needs --engine optuna")
    if study:
        Run.named(Path(), study)  # refuses what is no plain name
    if artifacts and "://" not in artifacts:
        artifacts = absolute(Path(artifacts))
    return storage_of(url, file, grace_seconds(grace), artifacts)


def _check_alone(jobs: int | Literal["auto"], study: str | None, artifacts: str | None) -> None:
    """Refuse what only machines that share a study can do."""
    for name, value in (("study", study), ("artifacts", artifacts)):
        if value:
            raise UserError(f"--{name}: only for a study that machines share; give --storage")
    if jobs == 0:
        raise click.BadParameter(
            "0: expected auto, or a whole number from 1 on (0 with --storage: others train)",
            param_hint="'--jobs'",
        )


def _coordinator(storage: Storage | None) -> Coordinator:
    """Who trains: the machines that share a study in a database, or this one alone."""
    if storage is None:
        from fmnist.pipeline.coordination import LocalCoordinator

        return LocalCoordinator()
    from fmnist.distributed.coordinator import DistributedCoordinator

    return DistributedCoordinator(storage)


def check_one_end(time_text: str | None, until: str | None) -> None:
    """Refuse ``--time`` beside ``--until``."""
    if until and time_text:
        raise UserError("--time and --until: give one of them; both say when to be done")


def choose_sampler(engine: str, sampler: str | None) -> str:
    """The sampler that was asked for, else the engine's own default.

    Raises:
        UserError: the engine does not have it.
    """
    known = SAMPLERS_OF[engine]
    if sampler is None:
        return known[0]
    if sampler not in known:
        raise UserError(
            f"--sampler {sampler}: --engine {engine} has {', '.join(known)}; choose one of them"
        )
    return sampler


def choose_pruner(pruner: str | None, *, no_prune: bool) -> str:
    """The pruner that was asked for, the default, or ``none``.

    Raises:
        UserError: two were asked for.
    """
    if pruner and no_prune:
        raise UserError("--pruner and --no-prune: give one of them; --no-prune is --pruner none")
    return "none" if no_prune else pruner or DEFAULT_PRUNER
