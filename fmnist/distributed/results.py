"""From a shared study to the files of a run: trials, their epochs, who took part."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fmnist.distributed.phases import registered_workers
from fmnist.runs.folder import Run
from search.records import Trial

if TYPE_CHECKING:
    from search.distributed import DistributedStudy

_UNKNOWN = "unknown"


def write_trials(run: Run, trials: Sequence[Trial], log: str, journal: str) -> None:
    """Write ``log`` and ``journal`` as ``TrialLog`` and ``EpochLog`` read them."""
    rows = ({"trial": t.number, **asdict(e)} for t in trials for e in t.epochs)
    # The journal first: a log without it would look like a run of another kind.
    run.write_text(journal, _lines(rows))
    run.write_text(log, _lines(t.to_json() for t in trials))


def workers(search: DistributedStudy, confirm: DistributedStudy | None = None) -> dict[str, Any]:
    """The content of ``workers.json``: who trained what, the busiest first."""
    found: dict[str, dict[str, Any]] = {}
    for phase, study in (("search", search), ("confirm", confirm)):
        for name, record in study.finished_by_worker() if study is not None else ():
            _count(found.setdefault(name, _entry(search, name)), record, phase)
    rows = sorted(found.values(), key=lambda e: (-e["seconds"], e["worker"]))
    for row in rows:
        row["seconds"] = round(row["seconds"], 1)
    return {"schema": 1, "study": search.name, "workers": rows}


def _entry(study: DistributedStudy, name: str) -> dict[str, Any]:
    known = registered_workers(study, name)
    counts = {"search": 0, "confirm": 0, "failed": 0, "lost": 0, "seconds": 0.0}
    return {
        "worker": name,
        "host": known.get("host", _UNKNOWN),
        "device": known.get("device", _UNKNOWN),
        "jobs": known.get("jobs", 1),
        **counts,
    }


def _count(entry: dict[str, Any], record: Trial | None, phase: str) -> None:
    if record is None:
        entry["lost"] += 1
        return
    entry["failed" if record.state == "failed" else phase] += 1
    entry["seconds"] += record.seconds or 0.0


def _lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
