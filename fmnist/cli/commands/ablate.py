"""``fmnist experiment``: make the experiments of a finished run, or more of them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from fmnist.cli import options
from fmnist.cli.display import make_display
from fmnist.cli.durations import parse_duration
from fmnist.cli.group import command
from fmnist.cli.jobs import STARTED, print_rendered
from fmnist.cli.json_records import only_json, print_record, report_record
from fmnist.errors import UserError

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context
    from fmnist.runs.folder import Run

NOTICE = "stopping; once more stops at once"

log = logging.getLogger("fmnist")


@command()
@options.RUN_FOLDER
@click.option(
    "--time", "time_text", default="10m", show_default=True, help="Time for it, such as 10m or 2h."
)
@click.option(
    "--only",
    metavar="KEYS",
    multiple=True,
    help="What is to be compared, such as kernel,depth,pooling or dropout; all when left out.",
)
@click.option("--images", type=click.IntRange(min=10), help="Training images of each training.")
@click.option("--epochs", type=options.POSITIVE, help="Epochs of each training.")
@click.option("--seeds", type=click.IntRange(min=1, max=99), help="Trainings of each variant.")
@options.jobs("Trainings at once; auto: as the run had them.")
@options.MOVED_DATA
@options.QUIET
@options.JSON_LINES
def experiment(
    run_folder: Path,
    *,
    time_text: str,
    only: tuple[str, ...],
    images: int | None,
    epochs: int | None,
    seeds: int | None,
    jobs: int | Literal["auto"],
    data: Path | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Try variants of a run's configuration and render its report again.

    One thing is changed at a time: a dense network of equal parameters, max, average or strided
    pooling, kernels of 3, 5 or 7 pixels, depth, filters, optimiser, pixel ranges, dropout,
    augmentation, batch normalisation and so on. All are trained on the same images with the same
    seeds and scored on validation images; the test set stays closed. Images, epochs and seeds are
    as many as the time allows by the speed of the run; what they are, how long all should take and
    what the time does not allow is said first. What an earlier call made is kept and added to, or
    made anew where there is time for larger trainings. The same command after an interruption
    goes on where it stopped.

    Example: fmnist experiment results/2026-11-21-7f3a --time 1h --only kernel,depth
    """
    from fmnist.pipeline.stages.ablation import Session
    from fmnist.report.render import render_report

    keys = keys_of(only)
    run = _finished_run(run_folder)
    job = _ablation_job(run, parse_duration(time_text), jobs, data)
    job.display = make_display(quiet=quiet, as_json=as_json)
    sizes = {"images": images, "epochs": epochs, "seeds": seeds}
    fixed = {name: size for name, size in sizes.items() if size is not None}
    job.interrupt.notice = lambda _: job.display.stopping(NOTICE)
    job.display.start_job(run.path, job.budget.total, remaining=job.budget.remaining)
    try:
        with run.locked(), run.logging(log), job.interrupt:
            _check_data(job)
            job.display.stage_started("experiments")
            log.info("experiments begin")
            Session(job, keys, fixed).work()
            log.info("experiments end")
    finally:
        job.workers.close()
        job.display.close()
    rendered = render_report(run.path)
    if as_json:
        print_record(report_record(rendered), "report")
    with only_json(as_json):
        return print_rendered(rendered)


def keys_of(only: tuple[str, ...]) -> list[str]:
    """The keys of experiments that ``--only`` names, each by itself or all of a factor.

    Raises:
        UserError: a name that is neither; the message lists those that are.
    """
    from fmnist.ablation.variants import FACTORS, KEYS

    found: list[str] = []
    for name in (part.strip() for text in only for part in text.split(",")):
        if name not in KEYS and name not in FACTORS:
            known = sorted({*FACTORS, *KEYS})
            raise UserError(f"--only {name}: expected one of {', '.join(known)}")
        found += FACTORS.get(name, (name,))
    return found


def _finished_run(folder: Path) -> Run:
    from fmnist.runs import artifacts
    from fmnist.runs.folder import Run, RunError

    run = Run.existing(folder)
    needed = (artifacts.BEST_CONFIG, artifacts.HISTORY, artifacts.METRICS, artifacts.EVIDENCE)
    missing = [file for file in needed if not run.has(file)]
    if missing:
        raise RunError(f"{folder}: has no {missing[0]}, the run is not finished; let it finish")
    return run


def _ablation_job(
    run: Run, seconds: float, jobs: int | Literal["auto"], moved_data: Path | None
) -> Context:
    """The run as a job of which only the experiments are left, with a time of its own."""
    from fmnist.pipeline.clock import JobClock
    from fmnist.pipeline.context import Context
    from fmnist.pipeline.request import LIMITS, Request
    from fmnist.runs import artifacts
    from fmnist.runs.config_source import load_config

    record = run.read_toml(artifacts.RUN)
    asked, splits = record["request"], record["splits"]
    data = moved_data or asked.get("data")
    request = Request(
        seed=splits["seed"],
        time_seconds=seconds,
        jobs=jobs,
        validation=splits["validation"],
        data=str(data) if data else None,
        experiments="all",
        **{name: asked[name] for name in LIMITS if name in asked},
    )
    return Context(
        run=run,
        request=request,
        display=make_display(quiet=True, as_json=False),
        base=load_config(run.path),
        class_names=tuple(record["data"]["class_names"]),
        clock=JobClock(STARTED),
    )


def _check_data(job: Context) -> None:
    """Other images would give other experiments than those of this run."""
    from fmnist.runs import artifacts
    from fmnist.runs.folder import RunError

    if job.data.digest != job.run.read(artifacts.RUN).data.digest:
        raise RunError(
            f"{job.run.path}: was made from other data than {job.data.source} (their checksums "
            "differ); give them with --data"
        )
