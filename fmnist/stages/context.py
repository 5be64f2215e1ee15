"""What every stage works with: the request, the run folder, the data, the time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist.config import Config
from fmnist.data import DataSet, Ledger, Splits, load, split
from fmnist.interrupt import Interrupt
from fmnist.plan import Reserve
from fmnist.runs import Run
from fmnist.view import View
from search.budget import Budget
from search.space import SearchSpace

if TYPE_CHECKING:
    from fmnist.report.render import Rendered


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
class Context:
    """One job as its stages see it; the data are read when a stage first asks for them.

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
    on_progress: Callable[[], object] = field(default=lambda: None)
    rendered: Rendered | None = None
    interrupt: Interrupt = field(default_factory=Interrupt)

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

    def save_progress(self, name: str, began: str, since: float) -> list[dict[str, Any]]:
        """Note the time spent in the stage ``name`` so far, so that a resume counts it.

        Returns the stages as noted, earlier ones first.
        """
        entry = {"name": name, "started": began, "seconds": round(time.monotonic() - since, 3)}
        stages = [*self.stage_log, entry]
        record = {"schema": 1, "stages": stages, "budget_seconds": self.request.time_seconds}
        self.run.write_json("stages.json", record)
        return stages
