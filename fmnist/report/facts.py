"""From the folder of a run to ``Facts``: the only module of the report that opens its files."""

from __future__ import annotations

import json
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fmnist.report.parse import FactsError, build, convert
from fmnist.report.records import (
    BestConfig,
    Environment,
    Evidence,
    Explanation,
    Facts,
    History,
    Importance,
    LedgerEntry,
    Metrics,
    Predictions,
    Run,
    Stages,
)
from search.records import Trial
from search.space import SearchSpace, SpaceError

__all__ = ["Facts", "FactsError", "load_facts"]

T = TypeVar("T")
SCHEMA = 1


def load_facts(folder: Path, *, interim: bool = False) -> Facts:
    """Read a run folder.

    ``interim`` takes a run that is still going: what a later stage writes may be missing.

    Raises:
        FactsError: no such folder, a missing file, or one that breaks a rule; names the file.
    """
    if not folder.is_dir():
        raise FactsError(f"{folder}: expected the folder of a run, found none; see results/")
    needed = _optional if interim else _required
    run = _required(folder / "run.toml", _run)
    search = run.request.kind == "search"
    facts = Facts(
        folder=folder,
        files=_files(folder),
        run=run,
        space=_required(folder / "space.json", _space) if search else None,
        trials=_required(folder / "trials.jsonl", _trials) if search else (),
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
    )
    _check_together(facts)
    return facts


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
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FactsError(f"{path.name}: not valid JSON: {error}") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise FactsError(f"{path.name}: expected schema {SCHEMA}, found {found}")
    return data


def _toml(path: Path) -> tuple[dict[str, Any], str]:
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), text
    except (OSError, ValueError) as error:
        raise FactsError(f"{path.name}: not valid TOML: {error}") from None


def _record(path: Path, cls: type[T]) -> T:
    return build(cls, _json(path), path.name)


def _run(path: Path) -> Run:
    data, _ = _toml(path)
    created = data.get("created")
    if created is not None and not isinstance(created, str):
        data["created"] = created.isoformat()
    return build(Run, {"document": {}, **data}, path.name)


def _space(path: Path) -> SearchSpace:
    try:
        return SearchSpace.from_json(_json(path))
    except (SpaceError, KeyError, TypeError) as error:
        raise FactsError(f"{path.name}: {error}") from None


def _trials(path: Path) -> tuple[Trial, ...]:
    lines = path.read_text(encoding="utf-8").split("\n")
    trials = []
    # The text after the last line break is a record cut off while it was written.
    for number, line in enumerate(lines[:-1], start=1):
        try:
            trials.append(Trial.from_json(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FactsError(f"{path.name}: line {number}: not a trial: {error}") from None
    return tuple(sorted(trials, key=lambda trial: trial.number))


def _best(path: Path) -> BestConfig:
    tables, text = _toml(path)
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
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise FactsError(f"{path.name}: not a readable .npz file: {error}") from None
    for name in names:
        if name not in arrays:
            raise FactsError(f"{path.name}: the array {name!r} is missing")
    return arrays


def _predictions(path: Path) -> Predictions:
    names = tuple(Predictions.__dataclass_fields__)
    arrays = _arrays(path, *names)
    predictions = Predictions(**{name: arrays[name] for name in names})
    if len(predictions.test_labels) != len(predictions.test_probabilities):
        raise FactsError(
            f"{path.name}: test_labels and test_probabilities must be equally long, found "
            f"{len(predictions.test_labels)} and {len(predictions.test_probabilities)}"
        )
    return predictions


def _explanation(path: Path) -> Explanation:
    arrays = _arrays(path, "kernels", "feature_image", "feature_index")
    maps: list[NDArray[np.float32]] = []
    while (name := f"feature_maps_{len(maps) + 1}") in arrays:
        maps.append(arrays[name])
    return Explanation(
        kernels=arrays["kernels"],
        feature_image=arrays["feature_image"],
        feature_index=int(arrays["feature_index"]),
        feature_maps=tuple(maps),
    )


def _check_together(facts: Facts) -> None:
    """Files of different runs must not end up in one report."""
    if facts.metrics is None:
        return
    test, names = facts.metrics.test, facts.class_names
    if len(test.classes) != len(names) or len(test.confusion) != len(names):
        raise FactsError(
            f"metrics.json: expected {len(names)} classes as in run.toml, found {len(test.classes)}"
        )
    if facts.predictions is not None and len(facts.predictions.test_labels) != test.n:
        raise FactsError(
            f"predictions.npz: expected the {test.n} test images of metrics.json, "
            f"found {len(facts.predictions.test_labels)}"
        )
