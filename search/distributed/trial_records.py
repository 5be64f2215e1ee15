"""Records of trials as the database tells of them."""

from __future__ import annotations

from datetime import UTC
from typing import Final

from optuna.trial import FrozenTrial

from search.engines.trial_store import NAMES
from search.records import Epoch, Failure, Trial

RECORD: Final = "record"
"""User attribute: the record of a trial, written with its state; None: told without one."""
WORKER: Final = "worker"
"""User attribute: name of the worker that runs it."""
STOPPED: Final = "stopped"
"""User attribute: whether its worker gave it back on being stopped."""
EPOCHS: Final = "epochs"
"""User attribute: the epochs so far."""
SEED: Final = "seed"
"""User attribute: the seed that it trains with."""
TASK: Final = "task"
"""User attribute: seed, epochs and original of one of a list of tasks."""
CHECKPOINT: Final = "checkpoint"
"""User attribute: name of its checkpoint in the artifact store."""
HISTORY: Final = "retry_history"
"""System attribute of Optuna's: see ``retry_history``."""


def trial_record(trial: FrozenTrial, failure: Failure | None = None) -> Trial:
    """The record of a finished trial: its worker's own, else what can be known of it.

    Args:
        failure: why it failed; left out: its worker fell silent, where it failed.
    """
    record = trial.user_attrs.get(RECORD)
    if record is not None:
        return Trial.from_json(record)
    state = NAMES.get(trial.state, "failed")
    if state == "failed" and failure is None:
        failure = _silent(trial)
    epochs = epochs_of(trial)
    history = retry_history(trial)
    task = trial.user_attrs.get(TASK, {})
    return Trial(
        number=trial.number,
        state=state,
        params=dict(trial.params),
        value=trial.value if state != "failed" else None,
        epochs=epochs,
        seed=trial.user_attrs.get(SEED, task.get("seed")),
        started=_started(trial),
        seconds=round(sum(e.seconds for e in epochs), 3) if epochs else None,
        failure=failure,
        replicate_of=task.get("replicate_of"),
        retry_of=history[-1] if history else None,
        reported=() if epochs else tuple(trial.intermediate_values.items()),
    )


def retry_history(trial: FrozenTrial) -> list[int]:
    """Numbers of the dead trials that this one repeats, the first one first; often none."""
    return [int(number) for number in trial.system_attrs.get(HISTORY, [])]


def epochs_of(trial: FrozenTrial) -> tuple[Epoch, ...]:
    """The epochs that the trial's worker has written down."""
    return tuple(Epoch(**row) for row in trial.user_attrs.get(EPOCHS, ()))


def _silent(trial: FrozenTrial) -> Failure:
    if RECORD in trial.user_attrs:
        return Failure("bug", "it was told to have failed, without a record")
    worker = trial.user_attrs.get(WORKER, "its worker")
    if trial.user_attrs.get(STOPPED):
        return Failure("interrupted", f"{worker} was stopped and gave it back")
    return Failure("interrupted", f"{worker} gave no sign of life any more")


def _started(trial: FrozenTrial) -> str:
    """Optuna writes the local time of the worker, without a zone."""
    start = trial.datetime_start
    return "" if start is None else start.astimezone(UTC).isoformat(timespec="seconds")
