"""What every machine of a shared study has to agree on: fixed once, checked by each worker."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fmnist.backends import environment
from fmnist.data import subset
from fmnist.errors import StorageError
from fmnist.pipeline.request import LIMITS
from fmnist.runs.artifacts import PRIOR
from fmnist.runs.codec import to_plain

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

SCHEMA = 1
_PACKAGES = ("fmnist", "search")
_NO_PART = "report"  # what is written after the search changes no trial
_SHOWN = 12  # digits of a checksum that are enough to tell two apart


class DisagreementError(StorageError):
    """Other data or another program than the study's; the message names both."""

    exit_code = 9


def study_spec(job: Context, artifacts: str | None) -> dict[str, Any]:
    """What ``job`` fixes for its study: JSON, the same whenever the same job asks."""
    request, plan = job.request, job.planner.plan
    facts = {
        "schema": SCHEMA,
        "base": job.base.to_dict(),
        "first_trials": list(job.first_trials),
        "prior": to_plain(job.run.get(PRIOR)),
        "seed": request.seed,
        "sampler": request.sampler,
        "pruner": request.pruner,
        "max_trials": request.trials,
        "trial_images": plan.trial_images,
        "trial_epochs": plan.trial_epochs,
        "validation": plan.validation,
        **{name: getattr(request, name) for name in LIMITS},
        "data": {
            "name": job.data.name,
            "digest": job.data.digest,
            "class_names": list(job.data.class_names),
        },
        "split": split_digest(job),
        "program": program(),
        "artifacts": artifacts,
    }
    # As the database gives it back: two that are equal must look equal.
    return dict(json.loads(json.dumps(facts)))


def check_program(facts: dict[str, Any]) -> None:
    """Refuse to work on a study of another program.

    Raises:
        DisagreementError: version or source differ; the message names both.
    """
    theirs, ours = facts["program"], program()
    if theirs != ours:
        raise DisagreementError(
            f"the study was made by fmnist {_program_text(theirs)}, here is "
            f"{_program_text(ours)}: install the same version on every machine"
        )


def check_data(facts: dict[str, Any], job: Context) -> None:
    """Refuse to work on other images, or on another split of the same.

    Raises:
        DisagreementError: data or split differ; the message names both.
    """
    theirs, ours = facts["data"], job.data
    if theirs["digest"] != ours.digest:
        raise DisagreementError(
            f"the study is on {theirs['name']} (SHA-256 {theirs['digest'][:_SHOWN]}…), here is "
            f"{ours.name} from {ours.source} (SHA-256 {ours.digest[:_SHOWN]}…): give --data the "
            "files that the study was started with"
        )
    if facts["split"] != (here := split_digest(job)):
        raise DisagreementError(
            f"the study's split is {facts['split'][:_SHOWN]}…, this machine makes "
            f"{here[:_SHOWN]}… of the same data: install the same versions of NumPy and "
            "scikit-learn on every machine"
        )


def split_digest(job: Context) -> str:
    """SHA-256 (hex) of the indices that trials learn from and are scored on."""
    train, labels = job.splits.train, job.data.train_labels
    chosen = subset(train, labels, job.trial_images, seed=job.request.seed)
    digest = hashlib.sha256()
    for index in (train, job.splits.validation, chosen):
        digest.update(np.asarray(index, dtype="<i8").tobytes())
    return digest.hexdigest()


def program() -> dict[str, str]:
    """Version of this program and SHA-256 (hex) of its installed source."""
    return {"version": environment.version(), "source": _source_digest()}


@cache
def _source_digest() -> str:
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for name, path in _modules(package):
            content = path.read_bytes().replace(b"\r\n", b"\n")
            digest.update(f"{package}/{name}:{len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def _modules(package: str) -> list[tuple[str, Path]]:
    """The modules of ``package`` by their path inside it, those of the report left out."""
    spec = find_spec(package)
    assert spec is not None
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    found = [(path.relative_to(f), path) for f in folders for path in f.rglob("*.py")]
    return sorted((p.as_posix(), path) for p, path in found if p.parts[0] != _NO_PART)


def _program_text(of: dict[str, str]) -> str:
    return f"{of['version']} (source {of['source'][:_SHOWN]}…)"
