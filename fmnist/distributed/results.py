"""From a shared study to the files of a run: trials, their epochs, who took part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from fmnist.distributed.phases import registered_workers
from fmnist.runs.artifacts import Artifact
from fmnist.runs.folder import Run
from fmnist.runs.records.workers import Sharing, SharingWorker
from search.records import Epoch, Trial

if TYPE_CHECKING:
    from search.distributed import DistributedStudy

_UNKNOWN = "unknown"


def write_trials(
    run: Run, trials: Sequence[Trial], log: Artifact[Trial], journal: Artifact[Epoch]
) -> None:
    """Write ``log`` and ``journal`` as ``TrialLog`` and ``EpochLog`` read them."""
    rows = ({"trial": t.number, **asdict(e)} for t in trials for e in t.epochs)
    # The journal first: a log without it would look like a run of another kind.
    run.write_rows(journal, rows)
    run.write_rows(log, (t.to_json() for t in trials))


def workers(search: DistributedStudy, confirm: DistributedStudy | None = None) -> Sharing:
    """Who trained what, the busiest first."""
    shares: dict[str, SharingWorker] = {}
    for phase, study in (("search", search), ("confirm", confirm)):
        for name, record in study.finished_by_worker() if study is not None else ():
            share = shares.get(name) or _share(search, name)
            shares[name] = _counted(share, record, phase)
    rows = sorted(shares.values(), key=lambda w: (-w.seconds, w.worker))
    return Sharing(search.name, tuple(replace(w, seconds=round(w.seconds, 1)) for w in rows))


def _share(study: DistributedStudy, name: str) -> SharingWorker:
    known = registered_workers(study, name)
    return SharingWorker(
        worker=name,
        host=known.get("host", _UNKNOWN),
        device=known.get("device", _UNKNOWN),
        jobs=known.get("jobs", 1),
    )


def _counted(share: SharingWorker, record: Trial | None, phase: str) -> SharingWorker:
    """The share with a finished trial; one without a record was lost with its worker."""
    if record is None:
        return replace(share, lost=share.lost + 1)
    kind = "failed" if record.state == "failed" else phase
    count: dict[str, Any] = {kind: getattr(share, kind) + 1}
    return replace(share, **count, seconds=share.seconds + (record.seconds or 0.0))
