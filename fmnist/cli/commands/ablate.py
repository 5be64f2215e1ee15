"""The command that makes the experiments of a finished run, or more of them."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from fmnist.ablation.variants import KEYS
from fmnist.cli.display import make_display
from fmnist.cli.durations import parse_duration
from fmnist.cli.options import OUTPUT, RUN_FOLDER, jobs, options
from fmnist.errors import UserError
from fmnist.pipeline.clock import JobClock
from fmnist.pipeline.context import Context
from fmnist.pipeline.request import Request
from fmnist.pipeline.stages.ablation import Session
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run, RunError

_STARTED = time.monotonic()


@click.command()
@RUN_FOLDER
@click.option(
    "--time", "time_text", default="10m", show_default=True, help="Time for it, such as 10m or 2h."
)
@click.option(
    "--only",
    metavar="KEY",
    multiple=True,
    help="An experiment to be made, such as dense, pooling or dropout; all when left out.",
)
@click.option("--images", type=click.IntRange(min=10), help="Training images of each training.")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs of each training.")
@click.option("--seeds", type=click.IntRange(min=1, max=99), help="Trainings of each variant.")
@jobs("Trainings at once; auto: as the run had them.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True),
    help="The data of the run, where they now lie elsewhere; their checksum must be the same.",
)
@options(OUTPUT)
def experiment(**given: Any) -> None:
    """Try variants of a run's configuration and render its report again.

    One thing is changed at a time: a dense network of equal parameters, other pooling, other
    pixel ranges, dropout, augmentation, batch normalisation and so on. All are trained on the
    same images with the same seeds and scored on validation images; the test set stays closed.
    What an earlier call made is kept and added to, or made anew where there is time for larger
    trainings. The same command after an interruption goes on where it stopped.

    Example: fmnist experiment results/2026-11-21-7f3a --time 30m
    """
    from fmnist.cli.commands.ablate import make_experiments

    sys.exit(make_experiments(started=_STARTED, **given))


NEEDED = ("best_config.toml", "history.json", "metrics.json", "evidence.json")
"""Files without which there is nothing to experiment with."""
NOTICE = "stopping; once more stops at once"

log = logging.getLogger("fmnist")


def make_experiments(
    *,
    started: float,
    run_folder: Path,
    time_text: str,
    only: Sequence[str],
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Train the variants, then render the report again; returns the exit code.

    Args:
        started: monotonic clock reading at which the command began.
        given: ``images``, ``epochs``, ``seeds``, ``jobs`` and ``data`` of the command line.

    Raises:
        RunError: the run is not finished, is in use, or was made from other data.
        UserError: no such experiment.
        KeyboardInterrupt: a signal came; the same command goes on.
    """
    _check_keys(only)
    run = _finished(run_folder)
    job = _context(run, parse_duration(time_text), started, given)
    job.display = make_display(quiet=quiet, as_json=as_json)
    asked = {n: given[n] for n in ("images", "epochs", "seeds") if given[n] is not None}
    job.interrupt.notice = lambda _: job.display.stopping(NOTICE)
    job.display.start_job(run.path, job.budget.total, remaining=job.budget.remaining)
    try:
        with run.locked(), run.logging(log), job.interrupt:
            _work(job, Session(job, only, asked))
    finally:
        job.workers.close()
        job.display.close()
    return _render(run)


def _work(job: Context, session: Session) -> None:
    _check_data(job)
    job.display.stage_started("experiments")
    log.info("experiments begin")
    session.work()
    log.info("experiments end")


def _check_keys(only: Sequence[str]) -> None:
    for key in only:
        if key not in KEYS:
            raise UserError(f"--only {key}: expected one of {', '.join(KEYS)}")


def _finished(folder: Path) -> Run:
    run = Run.existing(folder)
    missing = [name for name in NEEDED if not run.has(name)]
    if missing:
        raise RunError(f"{folder}: has no {missing[0]}, the run is not finished; let it finish")
    return run


def _context(run: Run, seconds: float, started: float, given: dict[str, Any]) -> Context:
    """The run as a job of which only the experiments are left, with a time of its own."""
    record = run.read_toml("run.toml")
    asked, splits = record["request"], record["splits"]
    data = given["data"] or asked.get("data")
    request = Request(
        seed=splits["seed"],
        time_seconds=seconds,
        jobs=given["jobs"],
        trial_timeout=asked.get("trial_timeout"),
        trial_memory=asked.get("trial_memory"),
        validation=splits["validation"],
        data=str(data) if data else None,
        experiments="all",
    )
    return Context(
        run=run,
        request=request,
        display=make_display(quiet=True, as_json=False),
        base=load_config(run.path),
        class_names=tuple(record["data"]["class_names"]),
        clock=JobClock(started),
    )


def _check_data(job: Context) -> None:
    """Other images would give other experiments than those of this run."""
    digest = job.run.read_toml("run.toml")["data"]["digest"]
    if job.data.digest != digest:
        raise RunError(
            f"{job.run.path}: was made from other data than {job.data.source} (their checksums "
            "differ); give them with --data"
        )


def _render(run: Run) -> int:
    from fmnist.report.render import render_report

    rendered = render_report(run.path)
    click.echo(f"HTML report    {rendered.html}")
    click.echo(f"PDF report     {rendered.pdf or rendered.problem}")
    return 0 if rendered.pdf else 5
