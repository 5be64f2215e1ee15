"""``fmnist experiment``: the experiments of a finished run, made or added to later."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from fmnist.config import load_config
from fmnist.errors import UserError
from fmnist.experiments.catalogue import KEYS
from fmnist.runs import Run, RunError
from fmnist.stages.context import Context, Request
from fmnist.stages.experiments import Session
from fmnist.times import parse_duration
from fmnist.view import make_view

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
    job.view = make_view(quiet=quiet, as_json=as_json)
    asked = {n: given[n] for n in ("images", "epochs", "seeds") if given[n] is not None}
    job.interrupt.notice = lambda _: job.view.stopping(NOTICE)
    job.view.begin(run.path, job.budget.total, remaining=job.budget.remaining)
    try:
        with run.locked(), run.logging(log), job.interrupt:
            _work(job, Session(job, only, asked))
    finally:
        job.workers.close()
        job.view.close()
    return _render(run)


def _work(job: Context, session: Session) -> None:
    _check_data(job)
    job.view.stage("experiments")
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
        view=make_view(quiet=True, as_json=False),
        base=load_config(run.path),
        class_names=tuple(record["data"]["class_names"]),
        started=started,
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
