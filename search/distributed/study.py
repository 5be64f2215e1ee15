"""A study in a database that many workers share: what they agree on, and all its trials."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from reprlib import repr as _short
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages._rdb.models import TrialModel, TrialUserAttributeModel
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.orm import Session

from search.distributed.creation import INTERVALS, READY, SPACE, SPEC, create_study
from search.distributed.storage import Storage
from search.distributed.trial_records import RECORD, WORKER, trial_record
from search.engines.base import TrialLostError
from search.engines.persistence import check_space
from search.engines.trial_store import STATES
from search.records import State, Trial
from search.space import SearchSpace
from search.study.running_trial import is_external_failure
from search.study.study import StudyError


class DistributedStudy:
    """One study in the database; made by ``create``, ``find`` or ``wait_for``.

    Its numbers count from 0 without gaps. A trial is one of: waiting (queued, or handed on by a
    worker that died), running (of one worker, with a heartbeat), finished.

    Attributes:
        storage: where it is stored.
        name: its name there.
        space: what it searches.
        spec: what all workers must agree on, a JSON object; fixed when it was made.
        recovered_at: when ``recovery`` last looked for dead workers, by ``time.monotonic``.
    """

    def __init__(self, storage: Storage, study_id: int, name: str) -> None:
        self.storage, self.name, self.id = storage, name, study_id
        stored = storage.get_study_user_attrs(study_id)
        self.space = SearchSpace.from_json(stored[SPACE])
        self.spec: dict[str, Any] = stored[SPEC]
        storage.set_intervals(**stored[INTERVALS])
        self.optuna_study = optuna.load_study(
            study_name=name, storage=storage, sampler=optuna.samplers.RandomSampler(seed=0)
        )
        self._records: dict[int, Trial] = {}
        self.recovered_at = -float("inf")

    @classmethod
    def create(
        cls, storage: Storage, name: str, space: SearchSpace, spec: Mapping[str, Any]
    ) -> DistributedStudy:
        """Make the study, or find the one that is there; any number of workers may try at once.

        Args:
            spec: a JSON object. Its ``tasks``, a list of objects with ``params``, ``seed``,
                ``epochs`` and ``replicate_of``, are queued as the trials 0, 1, …

        Raises:
            StudyError: there is one of that name with another spec; the message has all
                differences.
            SpaceError: it searches another space, or a task lies outside.
            OutageError: the database is out of reach.
        """
        study = cls(storage, create_study(storage, name, space, spec), name)
        check_space(study.space.to_json(), space)
        study.check({**dict.fromkeys(study.spec), **json.loads(json.dumps(spec))})
        return study

    @classmethod
    def find(cls, storage: Storage, name: str) -> DistributedStudy | None:
        """The study of that name; None while there is none, or one that is just being made."""
        try:
            study_id = storage.get_study_id_from_name(name)
        except KeyError:
            return None
        ready = storage.get_study_user_attrs(study_id).get(READY)
        return cls(storage, study_id, name) if ready else None

    @classmethod
    def wait_for(
        cls,
        storage: Storage,
        name: str,
        *,
        patience: float,
        stop: Callable[[], bool] = lambda: False,
        pause: float = 1.0,
    ) -> DistributedStudy | None:
        """The study of that name as soon as somebody has made it; None once ``stop`` is true.

        Raises:
            StudyError: nobody made it within ``patience`` seconds.
        """
        until = time.monotonic() + patience
        while not stop():
            if (study := cls.find(storage, name)) is not None:
                return study
            if time.monotonic() > until:
                raise StudyError(f"the database has no study {name!r} after {patience:.0f} s")
            time.sleep(pause)
        return None

    def check(self, expected: Mapping[str, Any]) -> None:
        """Raise ``StudyError`` with every difference between ``expected`` and ``spec``.

        Keys that ``expected`` says nothing about may be anything.
        """
        wrong = [
            f"{key}: {_short(self.spec.get(key))} there, {_short(value)} here"
            for key, value in expected.items()
            if self.spec.get(key) != value
        ]
        if wrong:
            raise StudyError(f"study {self.name!r} is another one:\n  " + "\n  ".join(wrong))

    # ---- small things that change -----------------------------------------------------------

    def get(self, key: str, default: Any = None) -> Any:
        """An attribute of the study, a JSON value."""
        return self.storage.get_study_user_attrs(self.id).get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Set an attribute of the study for all workers; the last one counts."""
        # Alone: of two that add the same one at a time, Optuna would drop one without a word.
        with self.storage.exclusive_lock(self.id):
            self.storage.set_study_user_attr(self.id, key, value)

    def now(self) -> float:
        """Unix time by the database's clock, so that machines need not agree on theirs."""
        return self.storage.now()

    # ---- trials -----------------------------------------------------------------------------

    def all_trials(self) -> list[FrozenTrial]:
        """All trials by number as the database has them now; not to be changed."""
        return self.optuna_study.get_trials(deepcopy=False)

    def records(self) -> list[Trial]:
        """Records of all finished trials, by number.

        A trial without a record, since its worker died, becomes a failed one of kind
        ``interrupted`` with the epochs it is known to have had.
        """
        return [self._record(t) for t in self.all_trials() if t.state.is_finished()]

    def _record(self, trial: FrozenTrial) -> Trial:
        """What was read once is kept: a finished trial changes no more."""
        if trial.number not in self._records:
            self._records[trial.number] = trial_record(trial)
        return self._records[trial.number]

    def finished_by_worker(self) -> Iterator[tuple[str, Trial | None]]:
        """Worker and record of each finished trial; None: it was lost with its worker."""
        for trial in self.all_trials():
            if trial.state.is_finished() and (worker := trial.user_attrs.get(WORKER)):
                yield worker, self._record(trial) if trial.user_attrs.get(RECORD) else None

    def unfinished(self) -> tuple[int, int]:
        """How many trials run and how many wait, of all workers."""
        states = [t.state for t in self.all_trials()]
        return states.count(TrialState.RUNNING), states.count(TrialState.WAITING)

    def slots_used(self) -> int:
        """How many places of the study are taken: trials ended, under way or waiting.

        Trials that failed for no fault of theirs, see ``FailureKind.external``, take none.
        """
        # Of one look: a trial may end between two.
        return sum(
            not t.state.is_finished() or not is_external_failure(self._record(t))
            for t in self.all_trials()
        )

    def trial_id(self, number: int) -> int:
        """The database's own number of a trial; ``KeyError`` where there is none."""
        return self.storage.get_trial_id_from_study_id_trial_number(self.id, number)

    def trial(self, number: int) -> FrozenTrial:
        """One trial as the database has it now."""
        return self.storage.get_trial(self.trial_id(number))

    def recorded(self, number: int) -> bool:
        """Whether a trial was ended with a record of its worker."""
        return self.trial(number).user_attrs.get(RECORD) is not None

    def attribute(self, number: int, key: str, value: Any) -> None:
        """Set an attribute of a trial that is not over, a JSON value.

        Raises:
            TrialLostError: it is over.
        """
        try:
            self.storage.set_trial_user_attr(self.trial_id(number), key, value)
        except UpdateFinishedTrialError:
            raise TrialLostError(number) from None

    def add(self, template: FrozenTrial) -> FrozenTrial:
        """Store a trial as it is, under the next number, in one transaction."""
        return self.storage.get_trial(self.storage.create_new_trial(self.id, template))

    def finish_trial(
        self, number: int, state: State, value: float | None, record: Trial | None = None
    ) -> None:
        """End a trial that waits or runs: state, value and record in one transaction.

        Raises:
            TrialLostError: it was ended otherwise.
        """
        trial_id = self.trial_id(number)
        row = None if record is None else record.to_json()

        def write() -> None:
            with Session(self.storage.engine) as session, session.begin():
                trial = TrialModel.find_or_raise_by_id(trial_id, session, for_update=True)
                if trial.state.is_finished():
                    self._check_ours(trial_id, number, STATES[state], row)
                    return
                self.storage._set_trial_attr_without_commit(
                    session, TrialUserAttributeModel, trial_id, RECORD, row
                )
                if value is not None:
                    self.storage._set_trial_value_without_commit(session, trial, 0, float(value))
                trial.state, trial.datetime_complete = STATES[state], datetime.now()

        self.storage.with_retries(write)

    def _check_ours(
        self, trial_id: int, number: int, state: TrialState, row: dict[str, Any] | None
    ) -> None:
        """A finished trial is no surprise where the answer to our own ending was lost."""
        trial = self.storage.get_trial(trial_id)
        if trial.state != state or trial.user_attrs.get(RECORD, ()) != row:
            raise TrialLostError(number)
