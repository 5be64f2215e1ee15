"""What the files of a run say, as frozen records: fractions, seconds, ISO times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from fmnist.data.ledger import Entry
from fmnist.runs.artifacts import Artifact
from fmnist.runs.codec import FactsError
from fmnist.runs.records.ablation import Experiments
from fmnist.runs.records.comparison import Comparison
from fmnist.runs.records.data_quality import Gallery, Pictures
from fmnist.runs.records.final_model import Refit
from fmnist.runs.records.interpretation import Evidence, Explanation
from fmnist.runs.records.metrics import History, Metrics, Predictions, SingleView
from fmnist.runs.records.new_data import NewData
from fmnist.runs.records.plan import Plan, Preflight, Stages
from fmnist.runs.records.reproduction import Reproduction
from fmnist.runs.records.run import BestConfig, Environment, RunRecord
from fmnist.runs.records.search import InFlight
from fmnist.runs.records.workers import Sharing
from search.analysis.results import Confirmation, Importance
from search.engines.prior import Prior
from search.records import Trial, best_of
from search.space import SearchSpace


@dataclass(frozen=True, eq=False)
class Facts:
    """Everything the report says, read once from the files of a run.

    ``None`` means: not recorded in this run, or, in an interim report, not there yet.

    Attributes:
        trials: finished trials of the search.
        confirming: runs on fresh seeds, their numbers are their own.
        retraining: the final training as a trial: its retries and its peak memory.
        comparison: other runs on the same test images.
        reproduction: how this run agrees with the one that it repeats.
        new_data: the user's own pictures, classified after everything else.
        prior: what earlier runs told the search.
        sharing: who trained the trials, where machines shared the study.
        in_flight: trials under way, in an interim report.
        latencies: seconds for an image by ``network_key``, where they were measured.
        interim: the run is still going, or was stopped before its end.
    """

    folder: Path
    files: tuple[str, ...]
    run: RunRecord
    space: SearchSpace | None
    trials: tuple[Trial, ...]
    best: BestConfig | None
    history: History | None
    metrics: Metrics | None
    predictions: Predictions | None
    ledger: tuple[Entry, ...] | None
    importance: Importance | None = None
    explanation: Explanation | None = None
    evidence: Evidence | None = None
    environment: Environment | None = None
    stages: Stages | None = None
    confirmation: Confirmation | None = None
    confirming: tuple[Trial, ...] = ()
    retraining: Trial | None = None
    plan: Plan | None = None
    preflight: Preflight | None = None
    comparison: Comparison | None = None
    reproduction: Reproduction | None = None
    new_data: NewData | None = None
    refit: Refit | None = None
    experiments: Experiments | None = None
    gallery: Gallery | None = None
    pictures: Pictures | None = None
    sharing: Sharing | None = None
    prior: Prior | None = None
    in_flight: tuple[InFlight, ...] = ()
    latencies: Mapping[str, float] = field(default_factory=dict)
    interim: bool = False

    @property
    def by_search(self) -> bool:
        """Whether the configuration was searched, not given."""
        return self.run.request.kind == "search" and not self.search_given_back

    @property
    def search_given_back(self) -> bool:
        """Whether there was to be one trial only: for want of time, or as was asked for."""
        return self.plan is not None and not self.plan.sizes.searched

    @property
    def imported(self) -> bool:
        """Whether the trials were read in from another program, and nothing else was done."""
        return self.run.imported is not None

    @property
    def refit_used(self) -> bool:
        """Whether the final network learnt the validation images too."""
        return self.refit is not None and self.refit.used

    @property
    def complete_trials(self) -> int:
        """How many trials of the search ran to their end."""
        return sum(t.state == "complete" for t in self.trials)

    @property
    def single_view(self) -> SingleView | None:
        """Scores of the images alone, without further views."""
        return self.metrics.single_view if self.metrics else None

    @property
    def searched(self) -> frozenset[str]:
        """Names of the searched fields; empty where one given configuration was trained."""
        return frozenset(p.name for p in self.space or ())

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices."""
        return self.run.data.class_names

    @property
    def winner(self) -> Trial | None:
        """The trial whose configuration was chosen; in an interim report the best so far.

        Chosen by its runs on fresh seeds where there are such, else by its search value.
        """
        if self.confirmation is not None:
            return next((t for t in self.trials if t.number == self.confirmation.winner), None)
        return best_of(self.trials)


T = TypeVar("T")


def present(value: T | None, file: Artifact[Any] | str) -> T:
    """The value, or ``FactsError`` naming the file that should have held it."""
    if value is None:
        raise FactsError(f"{file}: missing; the stage that writes it has not finished")
    return value
