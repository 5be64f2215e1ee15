"""A run folder of a search that another program made: its trials, and plainly no more."""

from __future__ import annotations

from collections.abc import Sequence

from fmnist.backends import environment
from fmnist.config.toml_text import dump_config
from fmnist.importers.external import ExternalStudy, ExternalTrial
from fmnist.importers.objective_values import Valued
from fmnist.importers.parameter_mapping import Matched, Wishes
from fmnist.runs.artifacts import BEST_CONFIG, IMPORTANCE, RUN, SPACE, TRIALS
from fmnist.runs.folder import Run, RunError, utc_now
from fmnist.runs.records.run import DataSetRecord, Imported, RequestRecord, RunRecord, SplitsRecord
from search.analysis.importance import importances
from search.checksums import keep_checksums
from search.records import Trial, best_of

NOT_KNOWN = "not known"


def write_run(
    run: Run, study: ExternalStudy, valued: Valued, matched: Matched, wishes: Wishes, command: str
) -> list[Trial]:
    """Write the trials, their space, importances and best configuration; ``run.toml`` last.

    So an interrupted import leaves no run, and the same command writes it anew.

    Raises:
        RunError: there is a run of that name already.
    """
    trials = [_record(t, matched) for t in valued.trials]
    with run.locked():
        if run.has(RUN):
            raise RunError(f"{run.path} is a run already; give another --name")
        keep_checksums(run.path)
        run.write_rows(TRIALS, (t.to_json() for t in trials))
        run.write(SPACE, matched.space)
        run.write(IMPORTANCE, importances(_whole(trials, matched), matched.space))
        _write_best(run, study, matched, trials)
        run.write(RUN, _run_record(run, study, valued, matched, wishes, command))
    return trials


def _record(trial: ExternalTrial, matched: Matched) -> Trial:
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


def _write_best(run: Run, study: ExternalStudy, matched: Matched, trials: Sequence[Trial]) -> None:
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
    run.write_text(BEST_CONFIG, dump_config(config, provenance))


def _run_record(
    run: Run, study: ExternalStudy, valued: Valued, matched: Matched, wishes: Wishes, command: str
) -> RunRecord:
    """``run.toml``. What the study does not say is not made up: no data, no splits, no seed."""
    return RunRecord(
        name=run.path.name,
        created=utc_now(),
        version=environment.version(),
        command=command,
        request=RequestRecord(0, NOT_KNOWN, engine=study.engine, pruner=NOT_KNOWN),
        data=DataSetRecord(NOT_KNOWN, NOT_KNOWN, verified=False, digest="", class_names=()),
        splits=SplitsRecord(0, 0, 0, 0, NOT_KNOWN),
        imported=Imported(
            kind=study.kind,
            source=study.source,
            study=study.name,
            at=utc_now(),
            value=valued.sentence,
            direction=study.direction or "",
            mapping=matched.names,
            dropped=tuple(sorted(wishes.drop)),
            settings=matched.settings,
            notes=(*study.notes, *valued.notes, *matched.notes),
        ),
    )
