"""What the commands do, between the command line and the job."""

from __future__ import annotations

import json
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from fmnist.config import Config, load_config
from fmnist.errors import UserError
from fmnist.runs import Run, new_name, unfinished
from fmnist.times import parse_duration, parse_size, parse_until
from search.engines import PRUNERS, SAMPLERS_OF
from search.space import SearchSpace

DEFAULT_TIME = "10m"


def run_search(*, started: float, results: Path, name: str | None, **options: Any) -> int:
    """``fmnist run``: find or start the job and execute it; returns the exit code."""
    from fmnist.job import Job, Request
    from fmnist.space import CORE, load_space

    space_file: Path | None = options["space_file"]
    space = load_space(space_file) if space_file else CORE
    deadline = parse_until(options["until"]) if options["until"] else None
    seconds = None if deadline else _time(options["time_text"], options["trials"])
    if deadline and options["time_text"]:
        raise UserError("--time and --until: give one of them; both say when to be done")
    warm: Path | None = options["warm_start"]
    base = load_config(warm) if warm else Config()
    first = _first_trials(space, base)
    if warm and not first:
        click.echo(f"note: {warm} lies outside the space, so it is no trial of its own", err=True)
    request = Request(
        seed=options["seed"],
        engine=options["engine"],
        sampler=_sampler(options["engine"], options["sampler"]),
        space=str(space_file) if space_file else "core",
        pruner=_pruner(options["pruner"], options["no_prune"]),
        time_seconds=seconds,
        until=options["until"],
        trials=options["trials"],
        jobs=options["jobs"],
        trial_timeout=_timeout(options["trial_timeout"]),
        trial_memory=parse_size(options["trial_memory"]),
        confirm=options["confirm"],
        trial_images=options["trial_images"],
        trial_epochs=options["trial_epochs"],
        final_epochs=options["epochs"],
        validation=options["validation"],
        data=_absolute(options["data"]),
        warm_start=_absolute(warm),
    )
    job = Job(
        run=_run_for(results, name, request.to_dict(), fresh=options["fresh"]),
        request=request,
        view=_view(options),
        base=base,
        space=space,
        first_trials=first,
        document=_dated(_document(options)),
        class_names=_class_names(options["class_names"]),
        command=_command_line(),
        started=started,
        deadline=deadline,
    )
    return _execute(job)


def train_config(*, started: float, results: Path, name: str | None, **options: Any) -> int:
    """``fmnist train``: one configuration through the stages after the search."""
    from fmnist.job import Job, Request

    file: Path = options["config_file"]
    config = load_config(file)
    if options["epochs"]:
        config = config.replace(epochs=options["epochs"])
    request = Request(
        kind="train",
        seed=options["seed"],
        final_epochs=config.epochs,
        validation=options["validation"],
        data=_absolute(options["data"]),
        warm_start=_absolute(file),
    )
    job = Job(
        run=_run_for(results, name, request.to_dict(), fresh=False),
        request=request,
        view=_view(options),
        base=config,
        document=_dated(_document(options)),
        class_names=_class_names(options["class_names"]),
        command=_command_line(),
        started=started,
    )
    return _execute(job)


def predict_images(folder: Path, images: tuple[Path, ...], *, top: int, as_json: bool) -> int:
    """``fmnist predict``: probabilities of pictures from files."""
    import numpy as np

    from fmnist.explain import load_model
    from fmnist.images import prepare
    from fmnist.training import predict

    run = Run.existing(folder)
    if not run.has("model.keras"):
        raise UserError(f"{folder}: the run has no model.keras yet; let it finish first")
    prepared = [prepare(path) for path in images]
    names = run.read_toml("run.toml")["data"]["class_names"]
    pixels = np.stack([p.pixels for p in prepared])[..., None]
    probabilities = predict(load_model(run / "model.keras"), pixels)
    for path, picture, p in zip(images, prepared, probabilities, strict=True):
        ranked = [(names[i], float(p[i])) for i in np.argsort(-p)]
        if as_json:
            row = {"image": str(path), "steps": list(picture.steps), "probabilities": dict(ranked)}
            click.echo(json.dumps(row))
        else:
            shown = ", ".join(f"{name} {100 * value:.1f} %" for name, value in ranked[:top])
            click.echo(f"{path}: {shown}  ({', '.join(picture.steps)})")
    return 0


def render_again(folder: Path, document: dict[str, str]) -> int:
    """``fmnist report``: render from the files of the run; new cover texts are kept."""
    from fmnist.report.render import render_report

    run = Run.existing(folder)
    given = {k: v for k, v in _document(document).items() if v}
    if given:
        record = run.read_toml("run.toml")
        record["document"] = {**record.get("document", {}), **given}
        run.write_toml("run.toml", record)
    finished = run.has("metrics.json") and run.has("evidence.json")
    rendered = render_report(run.path, interim=not finished)
    if not finished:
        click.echo("interim report: the run is not finished")
    click.echo(f"HTML report    {rendered.html}")
    click.echo(f"PDF report     {rendered.pdf or rendered.problem}")
    return 0 if rendered.pdf else 5


def show_status(folder: Path, *, as_json: bool) -> int:
    """``fmnist status``: how far a run is, also while it goes on."""
    from fmnist.status import run_status

    return run_status(folder, as_json)


def run_doctor(results: Path, data: Path | None) -> int:
    """``fmnist doctor``: one line a check; exit code 1 when one fails."""
    from fmnist.doctor import check_all

    marks = {True: "ok  ", None: "warn", False: "FAIL"}
    checks = check_all(results, data)
    for check in checks:
        click.echo(f"{marks[check.ok]}  {check.name}: {check.found}")
        if check.ok is not True and check.remedy:
            click.echo(f"      -> {check.remedy}")
    return 1 if any(check.ok is False for check in checks) else 0


def _execute(job: Any) -> int:
    job.view.begin(
        job.run.path, job.budget.total, job.request.trials, remaining=job.budget.remaining
    )
    try:
        return int(job.execute())
    finally:
        job.view.close()


def _run_for(results: Path, name: str | None, request: dict[str, Any], *, fresh: bool) -> Run:
    if name:
        return Run.named(results, name)
    found = None if fresh else unfinished(results, request)
    return found or Run.named(results, new_name())


def _view(options: dict[str, Any]) -> Any:
    from fmnist.view import make_view

    return make_view(quiet=options["quiet"], as_json=options["as_json"])


def _time(text: str | None, trials: int | None) -> float | None:
    if text is None and trials is not None:
        return None
    return parse_duration(text or DEFAULT_TIME)


def _timeout(text: str | None) -> float | None:
    return parse_duration(text, option="--trial-timeout", least=1) if text else None


def _sampler(engine: str, sampler: str | None) -> str:
    """The engine's own default, or what was asked for if the engine has it."""
    known = SAMPLERS_OF[engine]
    if sampler is None:
        return known[0]
    if sampler not in known:
        raise UserError(
            f"--sampler {sampler}: --engine {engine} has {', '.join(known)}; choose one of them"
        )
    return sampler


def _pruner(pruner: str | None, no_prune: bool) -> str:
    """What was asked for, the default, or none."""
    if pruner and no_prune:
        raise UserError("--pruner and --no-prune: give one of them; --no-prune is --pruner none")
    return "none" if no_prune else pruner or PRUNERS[0]


def _first_trials(space: SearchSpace, base: Config) -> tuple[dict[str, Any], ...]:
    """The base configuration as the first trial, where the space holds it."""
    values = base.to_dict()
    first = {p.name: values[p.name] for p in space}
    return (first,) if space.contains(first) else ()


def _document(options: dict[str, Any]) -> dict[str, str]:
    return {
        "title": options["title"],
        "author": options["author"],
        "course": options["course"],
        "date": options["dated"],
    }


def _dated(document: dict[str, str]) -> dict[str, str]:
    """Today's date where none was given: the report must not change when rendered later."""
    today = datetime.now()
    return {**document, "date": document["date"] or f"{today.day} {today:%B %Y}"}


def _command_line() -> str:
    return shlex.join(["fmnist", *sys.argv[1:]])


def _class_names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _absolute(path: Path | None) -> str | None:
    return str(path.resolve()) if path else None
