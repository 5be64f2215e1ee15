"""The whole job as ordered stages; each reads and leaves files in ``results/<run>/``.

A stage whose file is there is done, so the same call goes on where an earlier one stopped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist.config import Config
from fmnist.data import DataSet, Ledger, Splits, load, split
from fmnist.plan import Reserve
from fmnist.runs import Run, RunError, utc_now
from fmnist.stages.evaluate import evaluate
from fmnist.stages.explain import explain
from fmnist.stages.prepare import prepare
from fmnist.stages.report import finish, report
from fmnist.stages.retrain import retrain
from fmnist.stages.search import search
from fmnist.view import View
from search.budget import Budget
from search.space import SearchSpace

if TYPE_CHECKING:
    from fmnist.report.render import Rendered

log = logging.getLogger("fmnist")


@dataclass(frozen=True)
class Request:
    """What was asked: two equal requests are the same job. Goes into ``run.toml``."""

    kind: str = "search"
    seed: int = 0
    sampler: str = "tpe"
    engine: str = "optuna"
    space: str = "core"
    prune: bool = True
    time_seconds: float | None = None
    trials: int | None = None
    trial_images: int = 0
    trial_epochs: int = 0
    final_epochs: int = 0
    validation: int = 6000
    data: str | None = None
    warm_start: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Without the entries that were not given, as TOML holds it."""
        return {k: v for k, v in asdict(self).items() if v is not None}


@dataclass
class Job:
    """One run from the request to the report.

    Attributes:
        base: configuration whose fields hold where the space does not search them.
        first_trials: parameter sets that the study tries before its own.
        command: the command line, for the report.
        started: clock reading at which the command began; the budget counts from there.
    """

    run: Run
    request: Request
    view: View
    base: Config
    space: SearchSpace | None = None
    first_trials: tuple[dict[str, Any], ...] = ()
    document: dict[str, str] = field(default_factory=dict)
    class_names: tuple[str, ...] | None = None
    command: str = ""
    started: float = field(default_factory=time.monotonic)
    stage_log: list[dict[str, Any]] = field(default_factory=list)
    earlier_seconds: float = 0.0
    on_progress: Callable[[], None] = field(default=lambda: None)
    rendered: Rendered | None = None

    def execute(self) -> int:
        """Run every stage that is not done; returns the exit code.

        Raises:
            RunError: the run is finished, in use, or was asked something else.
        """
        with self.run.locked():
            self._resume()
            with self.run.logging(log):
                for name, marker, stage in _STAGES:
                    if marker is None or not self.run.has(marker):
                        self._timed(name, stage)
                return finish(self)

    @cached_property
    def data(self) -> DataSet:
        """The verified data set with its sealed test set."""
        path = Path(self.request.data) if self.request.data else None
        return load(path, class_names=self.class_names)

    @cached_property
    def splits(self) -> Splits:
        """Training and validation indices; the same for one seed and data set."""
        labels = self.data.train_labels
        return split(labels, validation=self.request.validation, seed=self.request.seed)

    @cached_property
    def ledger(self) -> Ledger:
        """Who read which split, when and why."""
        return Ledger(self.run / "ledger.json")

    @cached_property
    def budget(self) -> Budget:
        """The time of this job, earlier sessions counted."""
        budget = Budget(self.request.time_seconds)
        budget.used = self.earlier_seconds + budget.clock() - self.started
        return budget

    @property
    def reserve(self) -> Reserve | None:
        """What is kept back for the stages after the search; ``None`` without a time limit."""
        total = self.request.time_seconds
        return Reserve(total) if total is not None else None

    def save_progress(self, name: str, began: str, since: float) -> None:
        """Note the time spent in the stage ``name`` so far, so that a resume counts it."""
        entry = {"name": name, "started": began, "seconds": round(time.monotonic() - since, 3)}
        record = {
            "schema": 1,
            "stages": [*self.stage_log, entry],
            "budget_seconds": self.request.time_seconds,
        }
        self.run.write_json("stages.json", record)

    def _resume(self) -> None:
        if not self.run.has("run.toml"):
            return
        if self.run.has("report.html"):
            raise RunError(
                f"{self.run.path} is finished and its test set was read; render it again with "
                f"'fmnist report {self.run.path}', or search on from it with "
                f"'fmnist run --warm-start {self.run / 'best_config.toml'}'"
            )
        stored = self.run.read_toml("run.toml")["request"]
        different = _differences(stored, self.request.to_dict())
        if different:
            raise RunError(
                f"{self.run.path} was started with other options: {', '.join(different)}; "
                "repeat the first command to go on, or give another --name"
            )
        if self.run.has("stages.json"):
            self.stage_log = self.run.read_json("stages.json")["stages"]
            self.earlier_seconds = sum(entry["seconds"] for entry in self.stage_log)
        self.view.message(f"continuing {self.run.path}")

    def _timed(self, name: str, stage: Callable[[Job], None]) -> None:
        began, since = utc_now(), time.monotonic()
        self.view.stage(name)
        log.info("stage %s begins", name)
        self.on_progress = lambda: self.save_progress(name, began, since)
        try:
            stage(self)
        finally:
            self.save_progress(name, began, since)
            self.stage_log = self.run.read_json("stages.json")["stages"]
        log.info("stage %s took %.1f s", name, time.monotonic() - since)


def _differences(stored: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    names = dict.fromkeys([*stored, *asked])
    return [
        f"{n} {stored.get(n)} then, {asked.get(n)} now"
        for n in names
        if stored.get(n) != asked.get(n)
    ]


# Stage, the file that shows it is done, what does it. The report is always made anew.
_STAGES: tuple[tuple[str, str | None, Callable[[Job], None]], ...] = (
    ("prepare", "environment.json", prepare),
    ("search", "best_config.toml", search),
    ("retrain", "history.json", retrain),
    ("evaluate", "metrics.json", evaluate),
    ("explain", "evidence.json", explain),
    ("report", None, report),
)
