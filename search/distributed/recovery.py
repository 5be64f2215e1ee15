"""Trials whose workers died or were stopped: failed, and queued for the other workers."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterable
from typing import Final

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

from search.distributed.storage import without_experimental_warnings
from search.distributed.study import DistributedStudy
from search.distributed.trial_records import (
    CHECKPOINT,
    HISTORY,
    RECORD,
    SEED,
    STOPPED,
    TASK,
    retry_history,
    trial_record,
)
from search.engines.base import TrialLostError
from search.engines.trial_store import PRIOR
from search.records import Failure

MAX_RETRIES: Final = 3
_ORIGIN: Final = "failed_trial"  # system attribute of Optuna's


def requeue_stale_trials(study: DistributedStudy) -> list[int]:
    """Fail the trials whose workers gave no sign of life, and queue them again; their numbers.

    Looks at most once a heartbeat. Does nothing unless this process itself has been in touch
    with the database for the grace period: after an outage for all, the first to come back
    would think all others dead.
    """
    storage = study.storage
    if time.monotonic() - study.recovered_at < storage.heartbeat:
        return []
    study.now()
    if storage.contact.connected_for() < storage.grace:
        return []
    study.recovered_at = time.monotonic()
    with storage.exclusive_lock(study.id):
        storage.add_missing_heartbeats(study.id)
        before = {t.number for t in study.all_trials() if t.state == TrialState.RUNNING}
        with without_experimental_warnings():
            optuna.storages.fail_stale_trials(study.optuna_study)
        _requeue_orphans(study)
    return [t.number for t in study.all_trials() if t.number in before and _is_orphan(t)]


def release_trials(study: DistributedStudy, numbers: Iterable[int]) -> None:
    """Fail running trials of a worker that is being stopped, and queue them again at once."""
    with study.storage.exclusive_lock(study.id):
        for number in numbers:
            with contextlib.suppress(TrialLostError, UpdateFinishedTrialError):
                study.attribute(number, STOPPED, True)
                study.storage.set_trial_state_values(study.trial_id(number), TrialState.FAIL)
        _requeue_orphans(study)


def cancel_waiting(study: DistributedStudy, reason: str) -> None:
    """Fail what still waits, as ``deadline``."""
    _fail(study, TrialState.WAITING, Failure("deadline", f"not started: {reason}"))


def fail_running(study: DistributedStudy, reason: str) -> None:
    """Fail what still runs, with whatever worker, as ``interrupted``."""
    _fail(study, TrialState.RUNNING, Failure("interrupted", reason))


def _fail(study: DistributedStudy, state: TrialState, failure: Failure) -> None:
    for trial in study.all_trials():
        if trial.state == state:
            with contextlib.suppress(TrialLostError):  # another worker was quicker
                study.finish_trial(trial.number, "failed", None, trial_record(trial, failure))


def drain(
    study: DistributedStudy,
    reason: str,
    *,
    stop: Callable[[], bool] = lambda: False,
    pause: float = 1.0,
) -> bool:
    """Wait until nothing runs any more, failing what is stale or waits.

    To be called once nobody starts anything new; false where ``stop`` came first.
    """
    while not stop():
        requeue_stale_trials(study)
        cancel_waiting(study, reason)
        if study.unfinished() == (0, 0):
            return True
        time.sleep(pause)
    return False


def _requeue_orphans(study: DistributedStudy) -> None:
    """Queue what was failed, also by a worker that died before it could queue it again."""
    trials = study.all_trials()
    requeued = {number for t in trials for number in retry_history(t)}
    for trial in trials:
        if _is_orphan(trial) and trial.number not in requeued:
            _requeue(study, trial)


def _requeue(study: DistributedStudy, trial: FrozenTrial) -> None:
    """Queue the parameters of a dead trial once more, unless they have died too often.

    By Optuna's own rule and attributes, so that its dashboard and its functions know the history
    too. The retry inherits seed, task and checkpoint; not the worker, the epochs or what the
    pruner thought.
    """
    retry = copy.deepcopy(trial)
    kept = (SEED, TASK, CHECKPOINT, PRIOR)
    retry.user_attrs = {k: v for k, v in retry.user_attrs.items() if k in kept}
    retry.system_attrs = {k: v for k, v in retry.system_attrs.items() if k in (HISTORY, _ORIGIN)}
    with without_experimental_warnings():
        RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES)(study.optuna_study, retry)


def _is_orphan(trial: FrozenTrial) -> bool:
    """Whether a trial was failed because its worker fell silent: nobody recorded its end."""
    return trial.state == TrialState.FAIL and RECORD not in trial.user_attrs
