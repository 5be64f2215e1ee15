"""A run folder of a search that another program made: its trials, and plainly no more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fmnist.backends import environment
from fmnist.config.toml_text import dump_config
from fmnist.importers.external import Study
from fmnist.importers.external import Trial as Foreign
from fmnist.importers.objective_values import Valued
from fmnist.importers.parameter_mapping import Matched, Wishes
from fmnist.runs.folder import Run, RunError, utc_now
from search.analysis.importance import importances
from search.records import Trial, best_of

NOT_KNOWN = "not known"


def write_run(
    run: Run, study: Study, valued: Valued, matched: Matched, wishes: Wishes, command: str
) -> list[Trial]:
    """Write the trials, their space, importances and best configuration; ``run.toml`` last.

    So an interrupted import leaves no run, and the same command writes it anew.

    Raises:
        RunError: there is a run of that name already.
    """
    trials = [_record(t, matched) for t in valued.trials]
    with run.locked():
        if run.has("run.toml"):
            raise RunError(f"{run.path} is a run already; give another --name")
        run.write_text("trials.jsonl", "".join(json.dumps(t.to_json()) + "\n" for t in trials))
        run.write_json("space.json", matched.space.to_json())
        run.write_json("importance.json", importances(_whole(trials, matched), matched.space))
        _write_best(run, study, matched, trials)
        run.write_toml("run.toml", _run_record(run, study, valued, matched, wishes, command))
    return trials


def _record(trial: Foreign, matched: Matched) -> Trial:
    """Of its epochs only what was reported is known, so none of them is an ``Epoch``."""
    return Trial(
        number=trial.number,
        state=trial.state,
        params=matched.params[trial.number],
        value=trial.value,
        epochs=(),
        seed=None,
        started=trial.started,
        seconds=trial.seconds,
        failure=trial.failure,
        reported=tuple(sorted(trial.steps.items())),
    )


def _whole(trials: Sequence[Trial], matched: Matched) -> list[Trial]:
    """Those with a value of every parameter: importances compare no others."""
    return [t for t in trials if matched.space.contains(t.params)]


def _write_best(run: Run, study: Study, matched: Matched, trials: Sequence[Trial]) -> None:
    best = best_of(trials)
    if best is None or best.value is None:
        return
    provenance = {
        "run": run.path.name,
        "trial": best.number,
        "imported_validation_accuracy": best.value,
        "imported_from": f"{study.kind} {study.name}",
    }
    config = matched.base.replace(**best.params)
    run.write_text("best_config.toml", dump_config(config, provenance))


def _run_record(
    run: Run, study: Study, valued: Valued, matched: Matched, wishes: Wishes, command: str
) -> dict[str, Any]:
    """``run.toml``. What the study does not say is not made up: no data, no splits, no seed."""
    return {
        "schema": 1,
        "name": run.path.name,
        "created": utc_now(),
        "version": environment.version(),
        "command": command,
        "request": {
            "kind": "search",
            "seed": 0,
            "engine": study.engine,
            "sampler": NOT_KNOWN,
            "pruner": NOT_KNOWN,
        },
        "document": {},
        "data": {
            "name": NOT_KNOWN,
            "source": NOT_KNOWN,
            "verified": False,
            "digest": "",
            "class_names": [],
        },
        "splits": {"seed": 0, "train": 0, "validation": 0, "test": 0, "method": NOT_KNOWN},
        "imported": {
            "kind": study.kind,
            "source": study.source,
            "study": study.name,
            "at": utc_now(),
            "value": valued.sentence,
            "direction": study.direction or "",
            "mapping": matched.names,
            "dropped": sorted(wishes.drop),
            "settings": matched.settings,
            "notes": [*study.notes, *valued.notes, *matched.notes],
        },
    }
