"""What the commands do that train: between the command line and the job."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist.cli.commands.report import compare_folders, document_of
from fmnist.cli.display import make_display
from fmnist.cli.durations import grace_seconds, parse_duration, parse_size, parse_until
from fmnist.cli.settings import from_elsewhere
from fmnist.errors import UserError
from fmnist.integrations.tracking import trackers_of
from fmnist.pipeline.clock import JobClock
from fmnist.pipeline.request import ReportOptions
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run, new_name, unfinished
from fmnist.text import hidden
from search.engines import DEFAULT_PRUNER, SAMPLERS_OF

if TYPE_CHECKING:
    from fmnist.integrations.postgresql import Storage
    from fmnist.pipeline.coordination import Coordinator

DEFAULT_TIME = "10m"


def run_search(*, started: float, results: Path, name: str | None, **options: Any) -> int:
    """``fmnist run``: find or start the job and execute it; returns the exit code."""
    from fmnist.config.overrides import parse_settings
    from fmnist.pipeline.job import Job, Request
    from fmnist.pipeline.search_setup import build_search_setup, load_or_make_profile

    check_looks(options)
    deadline = parse_until(options["until"]) if options["until"] else None
    seconds = None if deadline else _time(options["time_text"], options["trials"])
    if deadline and options["time_text"]:
        raise UserError("--time and --until: give one of them; both say when to be done")
    settings = parse_settings(options["settings"])
    shared = _shared(options)
    request = Request(
        seed=options["seed"],
        engine=options["engine"],
        sampler=_sampler(options["engine"], options["sampler"]),
        space=options["space"],
        pruner=_pruner(options["pruner"], options["no_prune"]),
        time_seconds=seconds,
        until=options["until"],
        trials=options["trials"],
        jobs=options["jobs"],
        trial_timeout=_timeout(options["trial_timeout"]),
        trial_memory=parse_size(options["trial_memory"]),
        confirm=options["confirm"],
        refit=options["refit"],
        ensemble=options["ensemble"],
        experiments=_experiments(options),
        trial_images=options["trial_images"],
        trial_epochs=options["trial_epochs"],
        final_epochs=options["epochs"],
        validation=options["validation"],
        data=absolute(options["data"]),
        warm_start=absolute(options["warm_start"]),
        settings=settings or None,
        study=(options["study"] or "auto") if shared else None,
    )
    run = run_for(results, name, request.to_dict(), fresh=options["fresh"])
    whole = deadline.timestamp() - time.time() if deadline else seconds
    start = build_search_setup(
        load_or_make_profile(run, whole),
        space=options["space"],
        warm_start=options["warm_start"],
        settings=settings,
    )
    if options["warm_start"] and not start.first_trials:
        click.echo(
            f"note: {options['warm_start']} lies outside the space, so it is no trial of its own",
            err=True,
        )
    job = Job(
        run=run,
        request=request,
        base=start.base,
        space=start.space,
        first_trials=start.first_trials,
        coordinator=_coordinator(shared),
        **common(options),
        clock=JobClock(started, deadline),
    )
    return execute(job)


def train_config(*, started: float, results: Path, name: str | None, **options: Any) -> int:
    """``fmnist train``: one configuration through the stages after the search, or a recipe."""
    from fmnist.pipeline.job import Job, Request

    check_looks(options)
    file: Path | None = options["config_file"]
    if (file is None) == (options["recipe"] is None):
        raise UserError("give either --config FILE or --recipe NAME")
    if file is None:
        if options["refit"] is not None or options["ensemble"]:
            raise UserError("--recipe: trained as published, without --refit and --ensemble")
        return _train_recipe(started, results, name, options)
    config = load_config(file)
    if options["epochs"]:
        config = config.replace(epochs=options["epochs"])
    request = Request(
        kind="train",
        seed=options["seed"],
        refit=options["refit"],
        ensemble=options["ensemble"],
        experiments=_experiments(options),
        final_epochs=config.epochs,
        validation=options["validation"],
        data=absolute(options["data"]),
        warm_start=absolute(file),
    )
    job = Job(
        run=run_for(results, name, request.to_dict(), fresh=False),
        request=request,
        base=config,
        **common(options),
        clock=JobClock(started),
    )
    return execute(job)


def _train_recipe(started: float, results: Path, name: str | None, options: dict[str, Any]) -> int:
    """Every network of a recipe, each a run; then the comparison, where there are several."""
    from fmnist.config import recipes
    from fmnist.pipeline.job import Job
    from fmnist.pipeline.recipe_runs import COMPARED, half_done, parts_of

    asked: str = options["recipe"]
    sizes = {key: options[key] for key in ("seed", "epochs", "validation", "data")}
    parts = parts_of(recipes.find(asked), asked, **sizes)
    asked_for = _experiments(options)
    parts = [replace(p, request=replace(p.request, experiments=asked_for)) for p in parts]
    waiting = None if name else half_done(results, parts)
    first = waiting or run_for(results, name, parts[0].request.to_dict(), fresh=False)
    runs = [Run.named(results, first.path.name + part.suffix) for part in parts]
    code, going_on = 0, len(parts) > 1 and not first.has(COMPARED)
    for part, run in zip(parts, runs, strict=True):
        if going_on and part.is_done(run):
            continue
        job = Job(
            run=run,
            request=part.request,
            base=part.base,
            space=part.space,
            recipe=part.record,
            **common(options),
            clock=JobClock(started if run is runs[0] else time.monotonic()),
        )
        code = max(code, execute(job))
    if len(runs) > 1:
        code = max(code, compare_folders([run.path for run in runs], as_json=options["as_json"]))
    return code


def check_looks(options: dict[str, Any]) -> None:
    """A broken template or question is found now, not in the morning."""
    if options["template"] is not None:
        from fmnist.report.output.templating import check_templates

        check_templates(options["template"])
    if options["questions"] is not None:
        from fmnist.report.concepts import load_concepts

        load_concepts(options["questions"])


def common(options: dict[str, Any]) -> dict[str, Any]:
    """What every job takes from the command line."""
    display = _view(options)
    return {
        "display": display,
        "trackers": trackers_of(display.message, options),
        "class_names": _class_names(options["class_names"]),
        "report": ReportOptions(
            document=_dated(document_of(options)),
            templates=options["template"],
            questions=options["questions"],
            command=_command_line(),
        ),
    }


def execute(job: Any) -> int:
    """Run the job with its view; the exit code."""
    job.display.start_job(
        job.run.path, job.budget.total, job.request.trials, remaining=job.budget.remaining
    )
    try:
        return int(job.execute())
    finally:
        job.display.close()


def run_for(results: Path, name: str | None, request: dict[str, Any], *, fresh: bool) -> Run:
    """The run of that name, one of the same request that is not finished, or a new one."""
    if name:
        return Run.named(results, name)
    found = None if fresh else unfinished(results, request)
    return found or Run.named(results, new_name())


def _view(options: dict[str, Any]) -> Any:

    return make_display(quiet=options["quiet"], as_json=options["as_json"])


def _time(text: str | None, trials: int | None) -> float | None:
    if text is None and trials is not None:
        return None
    return parse_duration(text or DEFAULT_TIME)


def _experiments(options: dict[str, Any]) -> str | None:
    """What the request says of the experiments: nothing where it is left to the job."""
    asked: str = options["experiments"]
    return None if asked == "auto" else asked


def _coordinator(storage: Storage | None) -> Coordinator:
    """Who trains: the machines that share a study in a database, or this one alone."""
    if storage is None:
        from fmnist.pipeline.coordination import LocalCoordinator

        return LocalCoordinator()
    from fmnist.distributed.coordinator import DistributedCoordinator

    return DistributedCoordinator(storage)


def _shared(options: dict[str, Any]) -> Storage | None:
    """The database of a study that machines share; None where this one searches alone."""
    if options["storage"] or options["storage_file"]:
        from fmnist.integrations.postgresql import storage_of

        if options["engine"] != "optuna":
            raise UserError(f"--engine {options['engine']}: a shared study needs --engine optuna")
        if options["study"]:
            Run.named(Path(), options["study"])  # refuses what is no plain name
        artifacts = _store(options["artifacts"])
        grace = grace_seconds(options["grace"])
        return storage_of(options["storage"], options["storage_file"], grace, artifacts)
    for name in ("study", "artifacts"):
        if options[name]:
            raise UserError(f"--{name}: only for a study that machines share; give --storage")
    if options["jobs"] == 0:
        raise click.BadParameter(
            "0: expected auto, or a whole number from 1 on (0 with --storage: others train)",
            param_hint="'--jobs'",
        )
    return None


def _store(where: str | None) -> str | None:
    return absolute(Path(where)) if where and "://" not in where else where


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
    return "none" if no_prune else pruner or DEFAULT_PRUNER


def _dated(document: dict[str, str]) -> dict[str, str]:
    """Today's date where none was given: the report must not change when rendered later."""
    today = datetime.now()
    return {**document, "date": document["date"] or f"{today.day} {today:%B %Y}"}


def _command_line() -> str:
    """What was typed, with what files and variables gave besides; no secret of an address."""
    context = click.get_current_context(silent=True)
    more = from_elsewhere(context) if context else []
    return shlex.join(["fmnist", *(hidden(word) for word in sys.argv[1:]), *more])


def _class_names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())


def absolute(path: Path | None) -> str | None:
    """The path as a request holds it: the same from whatever folder the command is given."""
    return str(path.resolve()) if path else None
