"""From the folder of a run to ``Facts``: the only module of the report that opens its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fmnist.models.caps import known_times
from fmnist.report import load_gallery
from fmnist.report.facts import Facts
from fmnist.report.glyphs import with_note
from fmnist.report.narrative import ablation
from fmnist.runs import artifacts, safe_read
from fmnist.runs.artifacts import Artifact
from fmnist.runs.codec import FactsError, decode, finite
from fmnist.runs.records.ablation import Experiments
from fmnist.runs.records.interpretation import Explanation
from fmnist.runs.records.metrics import Predictions
from fmnist.runs.records.new_data import NewData
from fmnist.runs.records.run import BestConfig
from fmnist.runs.records.search import InFlight
from fmnist.runs.validate import (
    check_explanation,
    check_new_data,
    check_parameters,
    check_predictions,
)
from search.records import Epoch, RecordError, Trial, read_epochs, read_rows

__all__ = ["Facts", "FactsError", "load_facts"]

T = TypeVar("T")
# Log of what is over, journal of the epochs so far, and what to call such a training.
JOURNALS = (
    (artifacts.TRIALS, artifacts.EPOCHS, "trial {}"),
    (artifacts.CONFIRM_TRIALS, artifacts.CONFIRM_EPOCHS, "a run on a fresh seed"),
    (artifacts.RETRAIN_TRIALS, artifacts.RETRAIN_EPOCHS, "the final training"),
    (artifacts.EXPERIMENTS_TRIALS, artifacts.EXPERIMENTS_EPOCHS, "an experiment"),
)


def load_facts(folder: Path, *, interim: bool = False) -> Facts:
    """Read a run folder.

    ``interim`` takes a run that is still going: what a later stage writes may be missing.

    Raises:
        FactsError: no such folder, a missing file, or one that breaks a rule; names the file.
    """
    if not folder.is_dir():
        raise FactsError(f"{folder}: expected the folder of a run, found none; see results/")
    safe_read.check_folder(folder)
    files = _Folder(folder)
    get, needed = files.get, files.get if interim else files.need
    run = files.need(artifacts.RUN)
    search = run.request.kind == "search"
    # The epochs first: a trial that ends between the two readings is then no longer in flight.
    latest = _under_way(folder) if interim else {}
    if search and not interim:
        files.existing(artifacts.TRIALS)
    trials = _trials(folder / artifacts.TRIALS.name) if search else ()
    retraining = _trials(folder / artifacts.RETRAIN_TRIALS.name)
    facts = Facts(
        folder=folder,
        files=_files(folder),
        run=run,
        space=needed(artifacts.SPACE) if search else None,
        trials=trials,
        best=needed(artifacts.BEST_CONFIG, _best),
        history=needed(artifacts.HISTORY),
        metrics=needed(artifacts.METRICS),
        predictions=needed(artifacts.PREDICTIONS, _predictions),
        ledger=entries.entries if (entries := needed(artifacts.LEDGER)) else None,
        importance=get(artifacts.IMPORTANCE),
        explanation=get(artifacts.EXPLANATION, _explanation),
        evidence=get(artifacts.EVIDENCE),
        environment=get(artifacts.ENVIRONMENT),
        stages=get(artifacts.STAGES),
        confirmation=get(artifacts.CONFIRMATION),
        confirming=_trials(folder / artifacts.CONFIRM_TRIALS.name),
        retraining=retraining[-1] if retraining else None,
        plan=get(artifacts.PLAN),
        preflight=get(artifacts.PREFLIGHT),
        refit=get(artifacts.REFIT),
        comparison=get(artifacts.COMPARISON),
        reproduction=get(artifacts.REPRODUCTION),
        new_data=get(artifacts.NEW_DATA, _new_data),
        experiments=_experiments(get(artifacts.EXPERIMENTS), len(run.data.class_names)),
        gallery=get(artifacts.GALLERY),
        pictures=get(artifacts.PICTURES, load_gallery.read_pictures),
        sharing=get(artifacts.WORKERS),
        prior=get(artifacts.PRIOR),
        in_flight=_in_flight(folder, latest),
        latencies=known_times(folder / artifacts.LATENCIES.name),
        interim=interim,
    )
    _check_each(facts)
    _check_together(facts)
    load_gallery.check(facts)
    return with_note(_sealed(facts))


def _sealed(facts: Facts) -> Facts:
    """Without ``metrics.json`` nothing of the test set is told, whatever files lie there."""
    if facts.metrics is not None:
        return facts
    facts = replace(facts, predictions=None, explanation=None, evidence=None, comparison=None)
    return replace(facts, gallery=None, pictures=None, new_data=None)


@dataclass(frozen=True)
class _Folder:
    """The files of a run; each error names one of them."""

    path: Path

    def need(self, artifact: Artifact[T], read: Callable[[Path], T] | None = None) -> T:
        file = self.existing(artifact)
        return read(file) if read else decode(artifact, safe_read.read_bytes(file))

    def get(self, artifact: Artifact[T], read: Callable[[Path], T] | None = None) -> T | None:
        return self.need(artifact, read) if (self.path / artifact.name).is_file() else None

    def existing(self, artifact: Artifact[Any]) -> Path:
        file = self.path / artifact.name
        if not file.is_file():
            raise FactsError(
                f"{file.name}: missing in {self.path}; the stage that writes it has not finished, "
                "run the same command again to go on"
            )
        return file


def _files(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_file()))


def _trials(path: Path) -> tuple[Trial, ...]:
    """The trials of a log by number; none without it."""
    trials = []
    for number, row in enumerate(_rows(path), start=1):
        try:
            trials.append(Trial.from_json(finite(row)))
            check_parameters(trials[-1])
        except (ValueError, FactsError) as error:
            raise FactsError(f"{path.name}: line {number}: not a trial: {error}") from None
    return tuple(sorted(trials, key=lambda trial: trial.number))


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        return read_rows(path)
    except RecordError as error:
        raise FactsError(f"{error}; fmnist check --repair mends it") from None


def _under_way(folder: Path) -> dict[str, dict[int, Epoch]]:
    """The last epochs in each journal, by the log that tells which trainings are over."""
    try:
        return {
            log.name: {n: epochs[-1] for n, epochs in read_epochs(folder / journal.name).items()}
            for log, journal, _ in JOURNALS
        }
    except RecordError as error:
        raise FactsError(f"{error}; fmnist check --repair mends it") from None


def _in_flight(folder: Path, latest: dict[str, dict[int, Epoch]]) -> tuple[InFlight, ...]:
    flights = []
    for log, _, name in JOURNALS if latest else ():
        over = {t.number for t in _trials(folder / log.name)}
        rows = sorted(latest[log.name].items())
        flights += [InFlight(name.format(n), epoch) for n, epoch in rows if n not in over]
    return tuple(flights)


def _best(path: Path) -> BestConfig:
    content = safe_read.read_bytes(path)
    return replace(decode(artifacts.BEST_CONFIG, content), text=content.decode("utf-8"))


def _check_each(facts: Facts) -> None:
    """What types do not say."""
    confirmation, compared, history = facts.confirmation, facts.comparison, facts.history
    known = [c.trial for c in confirmation.candidates] if confirmation else []
    if confirmation and known and confirmation.winner not in known:
        raise FactsError(
            f"{artifacts.CONFIRMATION}: winner must be one of its candidates "
            f"({', '.join(map(str, known))}), found {confirmation.winner}"
        )
    if compared and (
        len(compared.systems) < 2 or len(compared.others) != len(compared.systems) - 1
    ):
        raise FactsError(
            f"{artifacts.COMPARISON}: expected a first system and the lead over each other one"
        )
    if history and history.chosen_epoch not in [e.epoch for e in history.epochs]:
        raise FactsError(
            f"{artifacts.HISTORY}: chosen_epoch must be one of its epochs, "
            f"found {history.chosen_epoch}"
        )


def _experiments(found: Experiments | None, classes: int) -> Experiments | None:
    return ablation.checked(found, artifacts.EXPERIMENTS.name, classes) if found else None


def _arrays(path: Path, *names: str) -> dict[str, NDArray[Any]]:
    arrays = safe_read.read_arrays(path)
    for name in names:
        if name not in arrays:
            raise FactsError(f"{path.name}: the array {name!r} is missing")
    return arrays


def _predictions(path: Path) -> Predictions:
    names = tuple(Predictions.__dataclass_fields__)
    arrays = _arrays(path, *names)
    predictions = Predictions(**{name: np.atleast_1d(arrays[name]) for name in names})
    if len(predictions.test_labels) != len(predictions.test_probabilities):
        raise FactsError(
            f"{path.name}: test_labels and test_probabilities must be equally long, found "
            f"{len(predictions.test_labels)} and {len(predictions.test_probabilities)}"
        )
    return check_predictions(predictions, path.name)


def _explanation(path: Path) -> Explanation:
    arrays = _arrays(path, "kernels", "feature_image", "feature_index")
    maps: list[NDArray[np.float32]] = []
    while (name := f"feature_maps_{len(maps) + 1}") in arrays:
        maps.append(arrays[name])
    found = Explanation(
        kernels=arrays["kernels"],
        feature_image=arrays["feature_image"],
        feature_index=int(arrays["feature_index"]),
        feature_maps=tuple(maps),
        # Older runs had one convolution a stage: its maps are the responses.
        responses=arrays.get("responses", maps[0] if maps else None),
    )
    return check_explanation(found, path.name)


def _new_data(path: Path) -> NewData:
    return check_new_data(decode(artifacts.NEW_DATA, safe_read.read_bytes(path)), path.name)


def _check_together(facts: Facts) -> None:
    """Files of different runs must not end up in one report."""
    if facts.confirmation is not None and facts.winner is None:
        raise FactsError(
            f"{artifacts.CONFIRMATION}: winner must be a trial of {artifacts.TRIALS}, found "
            f"{facts.confirmation.winner}"
        )
    if facts.metrics is None:
        return
    test, names = facts.metrics.test, facts.class_names
    if len(test.classes) != len(names) or len(test.confusion) != len(names):
        raise FactsError(
            f"metrics.json: expected {len(names)} classes as in run.toml, found {len(test.classes)}"
        )
    compared = facts.comparison
    if compared and (compared.n, compared.first.correct) != (test.n, test.correct):
        raise FactsError(
            "comparison.json: its first system is not this run (metrics.json has other counts); "
            "run 'fmnist compare' again"
        )
    own = facts.new_data
    if own and (own.test_n, own.test_correct) != (test.n, test.correct):
        raise FactsError(
            f"{artifacts.NEW_DATA}: is of another network (metrics.json has other counts); run "
            "'fmnist newdata' again"
        )
    if own and max(max(p.label, p.predicted) for p in own.photos) >= len(names):
        raise FactsError(f"{artifacts.NEW_DATA}: expected classes 0 to {len(names) - 1}")
    if facts.predictions and facts.predictions.test_probabilities.shape[1] != len(names):
        raise FactsError(f"predictions.npz: expected probabilities of {len(names)} classes")
    if facts.predictions is not None and len(facts.predictions.test_labels) != test.n:
        raise FactsError(
            f"predictions.npz: expected the {test.n} test images of metrics.json, "
            f"found {len(facts.predictions.test_labels)}"
        )
