"""A keras-tuner project folder, read without keras-tuner: ``oracle.json``, ``trial_*/trial.json``.

keras-tuner does not write these files whole or not at all: what is torn is left out with a note.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fmnist.importers.external import (
    MOST_TRIALS,
    Axis,
    ExternalStudy,
    ExternalTrial,
    ForeignError,
    number,
    plain,
)
from search.records import Failure, State

LARGEST = 20_000_000
"""Bytes of one of its files; ours have some thousand."""
_STATES: dict[str, State] = {"COMPLETED": "complete", "INVALID": "failed", "FAILED": "failed"}
# Hyperband keeps its own books among the values.
_BOOKS = "tuner/"
_NOTED = 5


def is_project(folder: Path) -> bool:
    """Whether it looks like the folder of a keras-tuner project."""
    return (folder / "oracle.json").is_file() or any(folder.glob("trial_*/trial.json"))


def read_project(folder: Path) -> ExternalStudy:
    """The search in a project folder.

    Raises:
        ForeignError: no trial could be read.
    """
    torn: list[str] = []
    oracle = _object(folder / "oracle.json", torn) or {}
    found = [(file.parent.name, _object(file, torn)) for file in _trial_files(folder)]
    states = [(name, state) for name, state in found if state]
    if not states:
        raise ForeignError(
            f"{folder}: no trial of a keras-tuner project can be read there"
            + "".join(f"\n  {line}" for line in torn[:_NOTED])
        )
    order = oracle.get("start_order")
    ranks = {str(n): i for i, n in enumerate(order)} if isinstance(order, list) else {}
    states.sort(key=lambda pair: (ranks.get(_id(pair), len(ranks)), _natural(pair[0])))
    trials = [_trial(i, state) for i, (_, state) in enumerate(states)]
    best = _objective([state for _, state in states])
    return ExternalStudy(
        kind="keras-tuner project",
        engine="keras-tuner",
        source=str(folder),
        name=plain(folder.resolve().name),
        direction=best[1],
        metric=best[0],
        axes=_axes([oracle, *(state for _, state in states)]),
        trials=tuple(trials),
        notes=tuple(_notes(torn, states)),
    )


def _trial_files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("trial_*/trial.json"))
    if len(files) > MOST_TRIALS:
        raise ForeignError(f"{folder}: {len(files)} trials; at most {MOST_TRIALS} are read in")
    return files


def _object(path: Path, torn: list[str]) -> dict[str, Any] | None:
    """The JSON object in a file; None, and a line in ``torn``, where there is none."""
    name = f"{path.parent.name}/{path.name}" if path.name == "trial.json" else path.name
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"larger than {LARGEST // 1_000_000} MB")
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        torn.append(f"{plain(name)} is missing")
        return None
    except (OSError, ValueError, RecursionError) as error:
        torn.append(f"{plain(name)} is torn ({plain(error, 80)})")
        return None
    if not isinstance(found, dict):
        torn.append(f"{plain(name)} holds no object")
        return None
    return found


def _id(pair: tuple[str, dict[str, Any]]) -> str:
    return str(pair[1].get("trial_id", pair[0].removeprefix("trial_")))


def _natural(name: str) -> tuple[int, str]:
    """``trial_9`` before ``trial_10``."""
    digits = re.fullmatch(r"trial_(\d{1,9})", name)
    return (int(digits[1]) if digits else MOST_TRIALS, name)


def _trial(position: int, state: dict[str, Any]) -> ExternalTrial:
    status, score = state.get("status"), number(state.get("score"))
    metrics, step = _metrics(state), state.get("best_step")
    ended: State = _STATES.get(str(status), "failed")
    failure = None
    if ended == "failed":
        failure = _failure(str(status), state.get("message"))
    elif score is None:
        ended = "failed"
        failure = Failure("unknown", "completed, but without a score")
    return ExternalTrial(
        number=position,
        state=ended,
        params=_params(state),
        value=None if ended == "failed" else score,
        metrics=metrics,
        steps={step: score} if isinstance(step, int) and score is not None else {},
        failure=failure,
    )


def _failure(status: str, message: object) -> Failure:
    if status not in _STATES:
        return Failure("interrupted", "had not ended when the study was read in")
    lines = [line for line in str(message or "").splitlines() if line.strip()]
    detail = "\n".join(plain(line) for line in lines[-40:])
    return Failure("bug", plain(lines[-1]) if lines else "failed; no reason is given", detail)


def _params(state: dict[str, Any]) -> dict[str, Any]:
    found = state.get("hyperparameters")
    values = found.get("values") if isinstance(found, dict) else None
    if not isinstance(values, dict):
        return {}
    return {str(k): v for k, v in values.items() if not str(k).startswith(_BOOKS)}


def _metrics(state: dict[str, Any]) -> dict[str, float]:
    """The last value of each metric, the mean over its executions."""
    found = state.get("metrics")
    found = found.get("metrics") if isinstance(found, dict) else None
    histories = found.items() if isinstance(found, dict) else ()
    values = {str(name): _last(history) for name, history in histories}
    return {name: value for name, value in values.items() if value is not None}


def _last(history: object) -> float | None:
    seen = history.get("observations") if isinstance(history, dict) else None
    last = seen[-1] if isinstance(seen, list) and seen else None
    values = last.get("value") if isinstance(last, dict) else None
    numbers = [number(v) for v in (values if isinstance(values, list) else [values])]
    known = [n for n in numbers if n is not None]
    return sum(known) / len(known) if known else None


def _objective(states: list[dict[str, Any]]) -> tuple[str, Any]:
    """Name and direction of what was optimised: the metric whose value is the score."""
    for state in states:
        score, metrics = number(state.get("score")), _metrics(state)
        for name, value in metrics.items() if score is not None else ():
            if value == score:
                return name, _direction(state, name)
    return "", None


def _direction(state: dict[str, Any], name: str) -> str | None:
    history = state["metrics"]["metrics"][name]
    return {"max": "maximize", "min": "minimize"}.get(str(history.get("direction")))


def _axes(states: Iterable[dict[str, Any]]) -> dict[str, tuple[Axis, ...]]:
    """What the oracle searched, and what single trials add to it."""
    axes: dict[str, dict[Axis, None]] = {}
    for state in states:
        found = state.get("hyperparameters")
        entries = found.get("space") if isinstance(found, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            read = _axis(entry)
            if read is not None:
                axes.setdefault(read[0], {})[read[1]] = None
    return {name: tuple(known) for name, known in axes.items()}


def _axis(entry: object) -> tuple[str, Axis] | None:
    config = entry.get("config") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(config, dict):
        return None
    name, kind = str(config.get("name")), entry.get("class_name")
    if name.startswith(_BOOKS):
        return None
    if kind in ("Int", "Float"):
        low, high = number(config.get("min_value")), number(config.get("max_value"))
        step = number(config.get("step"))
        log = config.get("sampling") in ("log", "reverse_log")
        return name, Axis(low, high, None if log else step, log)
    if kind == "Boolean":
        return name, Axis(choices=(False, True))
    values = config.get("values") if kind == "Choice" else [config.get("value")]
    scalars = [v for v in values if type(v) in (bool, int, float, str)] if values else []
    return name, Axis(choices=tuple(scalars))


def _notes(torn: list[str], states: list[tuple[str, dict[str, Any]]]) -> Iterable[str]:
    if torn:
        more = f" and {len(torn) - _NOTED} more" if len(torn) > _NOTED else ""
        yield f"Left out: {'; '.join(torn[:_NOTED])}{more}."
    if any(_books(state) for _, state in states):
        yield (
            "Hyperband trained some of the trials for fewer epochs than others; their values are "
            "set side by side all the same."
        )


def _books(state: dict[str, Any]) -> bool:
    found = state.get("hyperparameters")
    values = found.get("values") if isinstance(found, dict) else None
    return isinstance(values, dict) and f"{_BOOKS}epochs" in values
