"""How a shared study comes into being: once, by one of all who try, whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

from optuna.exceptions import DuplicatedStudyError
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from search.distributed.storage import Storage
from search.distributed.trial_records import TASK
from search.engines.trial_store import distributions_of
from search.space import SearchSpace, SpaceError
from search.study.study import StudyError

SPACE: Final = "space"
"""Study attribute: what is searched."""
SPEC: Final = "facts"
"""Study attribute: what all workers must agree on."""
INTERVALS: Final = "signs_of_life"
"""Study attribute: heartbeat and grace period, the same for all, or one would bury the living."""
READY: Final = "ready"
"""Study attribute: that all of it is there."""


def create_study(storage: Storage, name: str, space: SearchSpace, spec: Mapping[str, Any]) -> int:
    """The study of that name, made where there is none; see ``DistributedStudy.create``.

    Raises:
        SpaceError: a task lies outside of the space.
        StudyError: a study of another program has the name.
    """
    for task in spec.get("tasks", ()):
        if not space.contains(task["params"]):
            raise SpaceError(f"task {task['params']} is not inside the search space")
    with storage.exclusive_lock():
        study_id = _find_or_create(storage, name)
        known = storage.get_study_user_attrs(study_id)
        if SPACE not in known and (known or storage.get_all_trials(study_id, deepcopy=False)):
            raise StudyError(f"study {name!r} of the database was made by another program")
        if not known.get(READY):
            _write_spec(storage, study_id, space, spec)
    return study_id


def _find_or_create(storage: Storage, name: str) -> int:
    try:
        return storage.get_study_id_from_name(name)
    except KeyError:
        with contextlib.suppress(DuplicatedStudyError):  # made, but the answer was lost
            storage.create_new_study([StudyDirection.MAXIMIZE], name)
        return storage.get_study_id_from_name(name)


def _write_spec(
    storage: Storage, study_id: int, space: SearchSpace, spec: Mapping[str, Any]
) -> None:
    """Write what a study starts with; goes on where another process died in the middle."""
    storage.set_study_user_attr(study_id, SPACE, space.to_json())
    storage.set_study_user_attr(study_id, SPEC, dict(spec))
    intervals = {"heartbeat": storage.heartbeat, "grace": storage.grace}
    storage.set_study_user_attr(study_id, INTERVALS, intervals)
    distributions = distributions_of(space)
    there = len(storage.get_all_trials(study_id, deepcopy=False))
    for task in spec.get("tasks", ())[there:]:
        storage.create_new_trial(
            study_id,
            create_trial(
                state=TrialState.WAITING,
                params=dict(task["params"]),
                distributions=distributions,
                user_attrs={TASK: {k: v for k, v in task.items() if k != "params"}},
            ),
        )
    storage.set_study_user_attr(study_id, READY, True)
