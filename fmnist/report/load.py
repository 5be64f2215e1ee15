"""From the folder of a run to ``Facts``: the only module of the report that opens its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fmnist.report import load_gallery
from fmnist.report.facts import Facts
from fmnist.report.glyphs import respelt
from fmnist.report.narrative import ablation
from fmnist.runs import safe_read
from fmnist.runs.decode import FactsError, build, convert
from fmnist.runs.folder import RunError
from fmnist.runs.live_reader import peek_lines
from fmnist.runs.records.comparison import Comparison
from fmnist.runs.records.final_model import Refit
from fmnist.runs.records.interpretation import Evidence, Explanation
from fmnist.runs.records.metrics import History, Metrics, Predictions
from fmnist.runs.records.plan import Plan, Preflight, Stages
from fmnist.runs.records.reproduction import Reproduction
from fmnist.runs.records.run import BestConfig, Environment, LedgerEntry, Run
from fmnist.runs.records.search import Confirmation, Importance, InFlight
from fmnist.runs.records.workers import Sharing
from fmnist.runs.validate import check_explanation, check_predictions, check_trial
from search.records import Epoch, Trial
from search.space import SearchSpace, SpaceError

__all__ = ["Facts", "FactsError", "load_facts"]

T = TypeVar("T")
SCHEMA = 1
# Log of what is over, journal of the epochs so far, and what to call such a training.
JOURNALS = (
    ("trials.jsonl", "epochs.jsonl", "trial {}"),
    ("confirm.jsonl", "confirm_epochs.jsonl", "a run on a fresh seed"),
    ("retrain.jsonl", "retrain_epochs.jsonl", "the final training"),
    ("experiments.jsonl", "experiments_epochs.jsonl", "an experiment"),
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
    needed = _optional if interim else _required
    run = _required(folder / "run.toml", _run)
    search = run.request.kind == "search"
    # The epochs first: a trial that ends between the two readings is then no longer in flight.
    latest = _under_way(folder) if interim else {}
    trials = needed(folder / "trials.jsonl", _trials) if search else None
    confirming = _optional(folder / "confirm.jsonl", _trials)
    facts = Facts(
        folder=folder,
        files=_files(folder),
        run=run,
        space=needed(folder / "space.json", _space) if search else None,
        trials=trials or (),
        best=needed(folder / "best_config.toml", _best),
        history=needed(folder / "history.json", _history),
        metrics=needed(folder / "metrics.json", lambda path: _record(path, Metrics)),
        predictions=needed(folder / "predictions.npz", _predictions),
        ledger=needed(folder / "ledger.json", _ledger),
        importance=_optional(folder / "importance.json", lambda p: _record(p, Importance)),
        explanation=_optional(folder / "explain.npz", _explanation),
        evidence=_optional(folder / "evidence.json", lambda p: _record(p, Evidence)),
        environment=_optional(folder / "environment.json", lambda p: _record(p, Environment)),
        stages=_optional(folder / "stages.json", lambda p: _record(p, Stages)),
        confirmation=_optional(folder / "confirmation.json", _confirmation),
        confirming=confirming or (),
        retraining=_optional(folder / "retrain.jsonl", _last_trial),
        plan=_optional(folder / "plan.json", lambda p: _record(p, Plan)),
        preflight=_optional(folder / "preflight.json", lambda p: _record(p, Preflight)),
        refit=_optional(folder / "refit.json", lambda p: _record(p, Refit)),
        comparison=_optional(folder / "comparison.json", _comparison),
        reproduction=_optional(folder / "reproduction.json", lambda p: _record(p, Reproduction)),
        experiments=_optional(folder / "experiments.json", ablation.read),
        gallery=_optional(folder / "gallery.json", load_gallery.read),
        pictures=_optional(folder / "gallery.npz", load_gallery.read_pictures),
        sharing=_optional(folder / "workers.json", lambda p: _record(p, Sharing)),
        in_flight=_in_flight(folder, latest),
        interim=interim,
    )
    _check_together(facts)
    load_gallery.check(facts)
    return respelt(_sealed(facts))


def _sealed(facts: Facts) -> Facts:
    """Without ``metrics.json`` nothing of the test set is told, whatever files lie there."""
    if facts.metrics is not None:
        return facts
    facts = replace(facts, predictions=None, explanation=None, evidence=None, comparison=None)
    return replace(facts, gallery=None, pictures=None)


def _required(path: Path, read: Callable[[Path], T]) -> T:
    if not path.is_file():
        raise FactsError(
            f"{path.name}: missing in {path.parent}; the stage that writes it has not finished, "
            "run the same command again to go on"
        )
    return read(path)


def _optional(path: Path, read: Callable[[Path], T]) -> T | None:
    return read(path) if path.is_file() else None


def _files(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_file()))


def _json(path: Path) -> dict[str, Any]:
    data = safe_read.read_json(path)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise FactsError(f"{path.name}: expected schema {SCHEMA}, found {found}")
    return data


def _record(path: Path, cls: type[T]) -> T:
    return build(cls, _json(path), path.name)


def _run(path: Path) -> Run:
    data, _ = safe_read.read_toml(path)
    created = data.get("created")
    if created is not None and not isinstance(created, str):
        data["created"] = created.isoformat()
    return build(Run, {"document": {}, **data}, path.name)


def _space(path: Path) -> SearchSpace:
    try:
        return SearchSpace.from_json(_json(path))
    except (SpaceError, KeyError, TypeError) as error:
        raise FactsError(f"{path.name}: {error}") from None


def _rows(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file that another process may be writing."""
    try:
        return peek_lines(path)
    except RunError as error:
        raise FactsError(str(error)) from None


def _trials(path: Path) -> tuple[Trial, ...]:
    trials = []
    for number, row in enumerate(_rows(path), start=1):
        try:
            trials.append(Trial.from_json(row))
            check_trial(trials[-1])
        except (ValueError, KeyError, TypeError, AttributeError, FactsError) as error:
            raise FactsError(f"{path.name}: line {number}: not a trial: {error}") from None
    return tuple(sorted(trials, key=lambda trial: trial.number))


def _last_trial(path: Path) -> Trial | None:
    trials = _trials(path)
    return trials[-1] if trials else None


def _latest_epochs(path: Path) -> dict[int, Epoch]:
    """The last epoch of every training, by its number."""
    latest = {}
    for number, row in enumerate(_rows(path), start=1):
        try:
            training = int(row.pop("trial"))
            latest[training] = Epoch(**row)
        except (ValueError, KeyError, TypeError) as error:
            raise FactsError(f"{path.name}: line {number}: not an epoch: {error}") from None
    return latest


def _under_way(folder: Path) -> dict[str, dict[int, Epoch]]:
    """The last epochs in each journal, by the log that tells which trainings are over."""
    return {log: _optional(folder / name, _latest_epochs) or {} for log, name, _ in JOURNALS}


def _in_flight(folder: Path, latest: dict[str, dict[int, Epoch]]) -> tuple[InFlight, ...]:
    found = []
    for log, _, name in JOURNALS:
        over = {t.number for t in _optional(folder / log, _trials) or ()}
        rows = sorted(latest.get(log, {}).items())
        found += [InFlight(name.format(n), epoch) for n, epoch in rows if n not in over]
    return tuple(found)


def _confirmation(path: Path) -> Confirmation:
    found = _record(path, Confirmation)
    known = [c.trial for c in found.candidates]
    if found.candidates and found.winner not in known:
        raise FactsError(
            f"{path.name}: winner must be one of its candidates ({', '.join(map(str, known))}), "
            f"found {found.winner}"
        )
    return found


def _comparison(path: Path) -> Comparison:
    found = _record(path, Comparison)
    if len(found.systems) < 2 or len(found.others) != len(found.systems) - 1:
        raise FactsError(f"{path.name}: expected a first system and the lead over each other one")
    return found


def _best(path: Path) -> BestConfig:
    tables, text = safe_read.read_toml(path)
    return build(BestConfig, {"provenance": {}, **tables, "text": text}, path.name)


def _history(path: Path) -> History:
    history = _record(path, History)
    if history.chosen_epoch not in [e.epoch for e in history.epochs]:
        raise FactsError(
            f"{path.name}: chosen_epoch must be one of its epochs, found {history.chosen_epoch}"
        )
    return history


def _ledger(path: Path) -> tuple[LedgerEntry, ...]:
    entries = _json(path).get("entries")
    return tuple(convert(tuple[LedgerEntry, ...], entries, f"{path.name}: entries"))


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


def _check_together(facts: Facts) -> None:
    """Files of different runs must not end up in one report."""
    if facts.confirmation is not None and facts.winner is None:
        raise FactsError(
            f"confirmation.json: winner must be a trial of trials.jsonl, found "
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
    if facts.predictions and facts.predictions.test_probabilities.shape[1] != len(names):
        raise FactsError(f"predictions.npz: expected probabilities of {len(names)} classes")
    if facts.predictions is not None and len(facts.predictions.test_labels) != test.n:
        raise FactsError(
            f"predictions.npz: expected the {test.n} test images of metrics.json, "
            f"found {len(facts.predictions.test_labels)}"
        )
