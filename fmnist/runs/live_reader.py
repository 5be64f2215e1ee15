"""Reading a run folder that another process may be writing: nothing is mended, nothing changed."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from fmnist.runs.folder import Run, RunError
from search.records import Trial


def peek_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file of JSON objects; one that is being written is left out.

    Raises:
        RunError: a whole line that is no JSON object.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    rows = []
    for number, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            rows.append(dict(json.loads(line)))
        except (ValueError, TypeError, RecursionError):
            raise RunError(f"{path}: line {number} is no JSON object") from None
    return rows


def peek_trials(path: Path) -> list[Trial]:
    """The finished trials in a log; empty where there is none.

    Raises:
        RunError: a line that is no trial.
    """
    trials = []
    for number, row in enumerate(peek_lines(path), start=1):
        try:
            trials.append(Trial.from_json(row))
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path}: line {number} is no trial: {error}") from None
    return trials


def peek_json(run: Run, name: str) -> dict[str, Any]:
    """The JSON object in ``name``; empty where there is none."""
    return dict(run.read_json(name)) if run.has(name) else {}


def age(path: Path, now: datetime) -> float | None:
    """Seconds since the file changed, never negative: clocks are set back. None without it."""
    try:
        return round(max(0.0, now.timestamp() - path.stat().st_mtime), 1)
    except FileNotFoundError:
        return None


def epochs_of(run: Run, stage: str) -> int | None:
    """Epochs of a stage that trains one network, or of its longest; None before the first."""
    return max((row["epoch"] for row in peek_lines(run / f"{stage}_epochs.jsonl")), default=None)


def members_trained(run: Run) -> int | None:
    """Members of the ensemble, besides the final model, that came to their end.

    None before the first epoch of one.
    """
    if epochs_of(run, "ensemble") is None:
        return None
    return sum(t.state == "complete" for t in peek_trials(run / "ensemble.jsonl"))
