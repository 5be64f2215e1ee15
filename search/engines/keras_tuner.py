"""keras-tuner as an engine: its oracles suggest, one file outlives the process.

Importing this imports Keras: the caller has chosen its backend before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from search.atomic import write_bytes
from search.checksums import verify_checksum
from search.engines.base import Accepts, Suggestion, accept_all
from search.engines.choices import DEFAULT_PRUNER, check_pruner, check_sampler
from search.engines.keras_tuner_oracles import Oracle
from search.engines.persistence import (
    CorruptStoreError,
    check_agrees,
    check_record,
    check_space,
    derived_seed,
    quarantine,
)
from search.engines.pruning import Pruning
from search.records import State, Trial
from search.space import SearchSpace, SpaceError, Value

_SCHEMA = 1
_MOST_REFUSED = 60  # in a row: Bayesian search takes its time over each


@dataclass
class _Row:
    """One trial. ``name`` is what the oracle calls it; None where it does not know it."""

    number: int
    params: dict[str, Value]
    epochs: int | None = None
    name: str | None = None
    state: State | Literal["running"] = "running"
    value: float | None = None
    reports: dict[int, float] = field(default_factory=dict)

    @property
    def suggestion(self) -> Suggestion:
        return Suggestion(self.number, dict(self.params), self.epochs)

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "reports": list(self.reports.items())}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> _Row:
        return cls(**{**data, "reports": {int(step): v for step, v in data["reports"]}})


class KerasTunerEngine:
    """A study in the file ``path``, continued where it exists.

    The file is replaced whole at each change, so it is never torn. When it cannot be written,
    ``OSError`` goes up, the engine is as the file has it, and the same call may be made again.

    With Hyperband, ``Suggestion.epochs`` says how long a trial trains. The next round of a
    bracket suggests the best parameters again with more epochs, and trains them anew from the
    start: trials share no weights. Hyperband does its own halving, so ``pruner`` does nothing
    there; the others are pruned by ``Pruning``. keras-tuner suggests no point twice, but
    its Bayesian search may, once the model is sure.

    For arguments and errors see ``open_engine``. Where a file is rebuilt, Hyperband opens new
    brackets.
    """

    def __init__(
        self,
        path: Path,
        space: SearchSpace,
        *,
        sampler: str = "bayesian",
        seed: int = 0,
        pruner: str = DEFAULT_PRUNER,
        finished: Sequence[Trial] = (),
        epochs: int = 1,
        max_trials: int | None = None,
        min_next_number: int = 0,
        accepts: Accepts = accept_all,
    ) -> None:
        check_sampler("keras-tuner", sampler)
        check_pruner(pruner)
        self.space = space
        self._path = path
        self._sampler = sampler
        self._seed = seed
        self._pruner = pruner if sampler != "hyperband" else "none"
        self._epochs = epochs
        self._max_trials = max_trials
        self._accepts = accepts
        self._queue: list[dict[str, Value]] = []
        self._rows: list[_Row] = []
        self._empty = self._saved = self._json(None)
        try:
            self._open(finished, min_next_number)
        except CorruptStoreError as error:
            quarantine(path, error)
            self._open(finished, min_next_number)

    def ask(self) -> Suggestion | None:
        """See ``Engine.ask``. ``None`` while trials run: nothing to start before one ends."""
        if self._queue:
            params = self._queue.pop(0)
            row = _Row(len(self._rows), params, name=self._oracle.adopt(params))
        else:
            suggested = self._accepted()
            if suggested is None:
                return None
            name, params, epochs = suggested
            row = _Row(len(self._rows), params, epochs, name)
        self._rows.append(row)
        self._save()
        return row.suggestion

    def _accepted(self) -> tuple[str, dict[str, Value], int | None] | None:
        """What the oracle suggests and may be tried; the rest it hears of as the worst so far."""
        values = [row.value for row in self._rows if row.value is not None]
        for _ in range(_MOST_REFUSED):
            suggested = self._oracle.ask()
            if suggested is None or self._accepts(suggested[1]):
                return suggested
            # As failed, Bayesian search would not learn of it and come back to it.
            self._oracle.tell(suggested[0], min(values, default=None))
        return None

    def report(self, number: int, step: int, value: float) -> bool:
        """See ``Engine.report``; the verdict is today's also for a step of yesterday."""
        row = self._running_row(number)
        known = step in row.reports
        row.reports.setdefault(step, float(value))
        go_on = self._pruning.report(number, step, row.reports[step])
        if not known:
            self._save()
        return go_on

    def tell(self, number: int, state: State, value: float | None) -> None:
        """See ``Engine.tell``; a complete trial without a finite value raises ``ValueError``."""
        if state == "complete" and (value is None or not math.isfinite(value)):
            raise ValueError(f"trial {number}: a complete trial needs a finite value, got {value}")
        self._end(self._running_row(number), state, value)
        self._save()

    def enqueue(self, params: dict[str, Value], *, again: bool = False) -> None:
        """See ``Engine.enqueue``; values outside the space raise ``SpaceError``."""
        if not self.space.contains(params):
            raise SpaceError(f"cannot enqueue {params}: not inside the search space")
        if not self._accepts(params):
            return
        if again or params not in [*self._queue, *(row.params for row in self._rows)]:
            self._queue.append(dict(params))
            self._save()

    def running(self) -> tuple[Suggestion, ...]:
        """See ``Engine.running``."""
        return tuple(row.suggestion for row in self._rows if row.state == "running")

    def close(self) -> None:
        """Nothing: the file is only open while it is written."""

    # ---- trials -----------------------------------------------------------------------------

    def _running_row(self, number: int) -> _Row:
        if number >= len(self._rows) or self._rows[number].state != "running":
            raise KeyError(f"trial {number} does not run")
        return self._rows[number]

    def _end(self, row: _Row, state: State, value: float | None) -> None:
        if state == "failed":
            value = None
        elif value is None and row.reports:
            value = row.reports[max(row.reports)]
        row.state, row.value = state, value
        if row.name is not None:
            self._oracle.tell(row.name, value)
        self._pruning.replay(row.number, row.reports, state)

    def _restore(self, record: Trial) -> None:
        """Have a trial end as recorded."""
        check_record(record, self.space)
        if record.number >= len(self._rows):
            self._fill_up(record.number)
            name = self._oracle.adopt(record.params)
            self._rows.append(_Row(record.number, dict(record.params), name=name))
        row = self._rows[record.number]
        done = row.state != "running"
        check_agrees(record, row.state if done else record.state, row.params)
        if not done:
            for epoch in record.epochs:
                row.reports.setdefault(epoch.epoch, epoch.val_accuracy)
            self._end(row, record.state, record.value)

    def _fill_up(self, number: int) -> None:
        for missing in range(len(self._rows), number):
            self._rows.append(_Row(missing, {}, state="failed"))

    # ---- the file ---------------------------------------------------------------------------

    def _open(self, finished: Sequence[Trial], min_next_number: int) -> None:
        self._load(self._read())
        for record in sorted(finished, key=lambda t: t.number):
            self._restore(record)
        self._fill_up(min_next_number)
        self._save()

    def _read(self) -> str:
        try:
            verify_checksum(self._path)
            return self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return self._empty
        except ValueError as error:
            raise CorruptStoreError(str(error)) from None

    def _json(self, oracle: dict[str, Any] | None) -> str:
        return json.dumps(
            {
                "schema": _SCHEMA,
                "space": self.space.to_json(),
                "sampler": self._sampler,
                "queue": self._queue,
                "trials": [row.to_json() for row in self._rows],
                "oracle": oracle,
            }
        )

    def _load(self, text: str) -> None:
        try:
            data = json.loads(text)
            if data["schema"] != _SCHEMA:
                raise CorruptStoreError(f"schema {data['schema']} is unknown")
            check_space(data["space"], self.space)
            self._queue = data["queue"]
            self._rows = [_Row.from_json(row) for row in data["trials"]]
            self._pruning = Pruning(self._pruner, self._epochs)
            self._load_oracle(data["oracle"] if data["sampler"] == self._sampler else None)
            for row in sorted(self._rows, key=lambda row: row.state == "running"):
                ended = None if row.state == "running" else row.state
                self._pruning.replay(row.number, row.reports, ended)
        except (SpaceError, CorruptStoreError):
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptStoreError(f"{type(error).__name__}: {error}") from error

    def _load_oracle(self, state: dict[str, Any] | None) -> None:
        seed = derived_seed(self._seed, len(self._rows))
        self._oracle = Oracle(self._sampler, self.space, seed, self._epochs, self._max_trials)
        if state is not None:
            self._oracle.restore(state)
            return
        # Another sampler than before: it hears what the trials came to.
        for row in self._rows:
            row.name = self._oracle.adopt(row.params) if row.params else None
            if row.name is not None and row.state != "running":
                self._oracle.tell(row.name, row.value)

    def _save(self) -> None:
        text = self._json(self._oracle.state())
        try:
            write_bytes(self._path, text.encode())
        except OSError:
            self._load(self._saved)
            raise
        self._saved = text
