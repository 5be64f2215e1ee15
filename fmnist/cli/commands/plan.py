"""``fmnist plan``: measure this machine, and say what a run would do in the time."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import click

from fmnist.cli import options
from fmnist.cli.commands.run import DEFAULT_TIME, check_one_end
from fmnist.cli.durations import parse_duration, parse_until
from fmnist.cli.group import command, section
from fmnist.cli.jobs import absolute
from fmnist.cli.json_records import PlanRecord, print_record
from fmnist.errors import UserError

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context
    from fmnist.pipeline.request import Request
    from search.engines.prior import Prior


@command()
@section(
    "Time",
    click.option("--time", "time_text", help="Time for the whole job, such as 10m or 8h."),
    click.option("--until", help="Time of day at which the report is to lie there, such as 07:00."),
)
@section(
    "Search",
    click.option("--space", metavar="NAME|FILE", help="As of 'fmnist run'."),
    click.option("--set", "settings", metavar="FIELD=VALUE", multiple=True, help="Likewise."),
    click.option("--warm-start", type=options.EXISTING, help="Likewise."),
    options.jobs(options.TRIALS_AT_ONCE),
)
@options.CAPS
@options.DATA
@section("Output", options.RESULTS, options.JSON)
def plan(
    time_text: str | None,
    until: str | None,
    space: str | None,
    settings: tuple[str, ...],
    warm_start: Path | None,
    jobs: int | Literal["auto"],
    max_parameters: int | None,
    max_size: int | None,
    max_latency: float | None,
    data: Path | None,
    class_names: str | None,
    validation: int | None,
    results: Path,
    as_json: bool,
) -> int:
    """Measure this machine for some seconds, and show what 'fmnist run' would do in the time.

    Example: fmnist plan --time 8h
    """
    from fmnist.backends.environment import describe
    from fmnist.config.overrides import parse_settings
    from fmnist.pipeline.request import Request

    check_one_end(time_text, until)
    describe()  # an unknown backend or precision is named, and not as a failed measurement
    seconds = (
        parse_until(until).timestamp() - time.time()
        if until
        else parse_duration(time_text or DEFAULT_TIME)
    )
    request = Request(
        time_seconds=seconds,
        space=space,
        settings=parse_settings(settings) or None,
        warm_start=absolute(warm_start),
        data=absolute(data),
        jobs=jobs,
        validation=validation,
        max_parameters=max_parameters,
        max_size=max_size,
        max_latency=max_latency,
    )
    job, speed = _measure(request, class_names)
    prior = _prior(job, results)
    if as_json:
        print_record(
            PlanRecord(
                **vars(job.planner.record),
                speed=speed,
                expected_trials=job.planner.expected_trials,
                network=job.base.to_dict(),
                earlier_runs=tuple(study.name for study in prior.studies) if prior else (),
            )
        )
    else:
        click.echo(_text(job, speed, prior))
    return 0


def _measure(request: Request, class_names: str | None) -> tuple[Context, float]:
    """The job as a run would begin it here, and images of the reference network a second."""
    from fmnist.cli.display.plain import QuietDisplay
    from fmnist.cli.jobs import split_names
    from fmnist.pipeline.context import Context
    from fmnist.pipeline.search_setup import load_or_make_profile, search_setup_of
    from fmnist.pipeline.stages.preflight import fit_to_machine
    from fmnist.runs.folder import Run

    setup_for = search_setup_of(request)
    with TemporaryDirectory() as folder:
        run = Run(Path(folder))
        setup = setup_for(load_or_make_profile(run, request.time_seconds, request))
        job = Context(
            run=run,
            request=request,
            display=QuietDisplay(),
            base=setup.base,
            space=setup.space,
            class_names=split_names(class_names),
            setup_for=setup_for,
        )
        try:
            speed = fit_to_machine(job)
        finally:
            job.workers.close()
    if speed is None:
        raise UserError("the speed of this machine could not be measured; see 'fmnist doctor'")
    return job, speed


def _prior(job: Context, results: Path) -> Prior | None:
    """What earlier runs tell the search, if there is one."""
    from fmnist.pipeline.prior import prior_in

    if job.space is None or not job.planner.plan.searched:
        return None
    return prior_in(results, (job.data.digest, job.data.class_names), job.space)


def _text(job: Context, speed: float, prior: Prior | None) -> str:
    from fmnist.cli.display.tables import facts
    from fmnist.models.size import size_of
    from fmnist.pipeline.planner.profiles import shortest_search
    from fmnist.pipeline.planner.sizing import describe_forecast, describe_profile
    from fmnist.pipeline.prior import describe_prior
    from fmnist.text import duration

    planner, base = job.planner, job.base
    profile, side = planner.plan, base.first_map_size
    filters = ", ".join(map(str, base.filters))
    trials = f"about {planner.expected_trials}, {planner.describe_parallelism()}"
    if not profile.searched:
        longer = shortest_search(speed, planner.jobs)
        trials = "none: the search is given back"
        trials += f"; from about {longer / 60:.0f} min on there is one" if longer else ""
    rows = [
        ("machine", describe_profile(profile, speed)),
        (
            "network",
            f"stages of {filters} filters on maps of {side} × {side}, "
            f"{size_of(base, len(job.data.class_names)).parameters:,} weights",
        ),
        ("trials", trials),
        *([("learns from", describe_prior(prior))] if prior else []),
        *(
            [("test accuracy", describe_forecast(planner.forecast))]
            if planner.forecast is not None
            else []
        ),
        *((stage.stage, duration(stage.seconds or 0.0)) for stage in planner.planned),
    ]
    return facts(rows)
