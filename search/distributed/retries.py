"""What becomes of a trial whose worker died: it waits to be taken up by another one.

Optuna's own rule and attributes (``RetryHeartbeatStaleTrialCallback``), so that its dashboard and
its functions know the ancestor too.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Iterator
from typing import Final

import optuna
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.study import Study
from optuna.trial import FrozenTrial

MAX_RETRIES: Final = 3
HISTORY: Final = "retry_history"
_ORIGIN: Final = "failed_trial"
SEED: Final = "seed"
TASK: Final = "task"
CHECKPOINT: Final = "checkpoint"


def requeue(study: Study, trial: FrozenTrial) -> None:
    """Queue the parameters of a dead trial once more, unless they have died too often.

    Of its attributes the next one inherits the seed, the task and the checkpoint; not its
    worker, its epochs or what the pruner thought of it.
    """
    heir = copy.deepcopy(trial)
    heir.user_attrs = {k: v for k, v in heir.user_attrs.items() if k in (SEED, TASK, CHECKPOINT)}
    heir.system_attrs = {k: v for k, v in heir.system_attrs.items() if k in (HISTORY, _ORIGIN)}
    with quiet():
        RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES)(study, heir)


def retry_history(trial: FrozenTrial) -> list[int]:
    """Numbers of the dead trials that this one repeats, the first one first; often none."""
    return [int(number) for number in trial.system_attrs.get(HISTORY, [])]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's remarks that heartbeats are experimental: known, and tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
