"""The loop of a shared study: the same as that of a study on one machine, on a shared engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist.pipeline.stages.search import ProgressListener
from fmnist.runs.codec import convert
from fmnist.training import checkpoint
from search.study.checkpoints import CheckpointFolder
from search.study.scheduler import TrialScheduler
from search.study.study import Study, StudyOptions

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context
    from search.distributed import DistributedStudy, DistributedTrialLog, PostgresStore
    from search.distributed.artifacts import CheckpointStore
    from search.engines.optuna import QueueEngine
    from search.records import Trial


class _Listener(ProgressListener):
    """Shows what happens here, and clears away what nobody will go on from."""

    def __init__(self, job: Context, kept: CheckpointStore | None) -> None:
        super().__init__(job)
        self._kept = kept

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``search.study.study.Listener``."""
        super().trial_done(trial, best, time_left)
        if self._kept is not None and trial.failure is None:
            self._kept.drop(trial.number)


@dataclass
class WorkerLoop:
    """What one machine does in one phase.

    Attributes:
        home: folder for its own log, its journal and the checkpoints of its trials.
        plan: when to stop.
        slots: trials at once; 0: none, it only watches.
        artifacts: where checkpoints go as well; None: they stay here.
    """

    job: Context
    shared: DistributedStudy
    worker: str
    home: Path
    plan: TrialScheduler
    slots: int
    artifacts: str | None = None

    def __post_init__(self) -> None:
        from search.distributed import DistributedTrialLog

        self.home.mkdir(parents=True, exist_ok=True)
        self.log: DistributedTrialLog = DistributedTrialLog(
            self.shared, self.home / "trials.jsonl", self.worker
        )
        self.store, self.engine = self._open_engine()
        self._learn()

    def run(self, stop: Callable[[], bool]) -> None:
        """Train until the study has nothing more to do, the time is over, or ``stop()``.

        Raises:
            StudyError: several trials in a row failed.
            OSError: the disk is full, or the database stayed away.
        """
        from search.distributed import run_worker_loop

        run_worker_loop(self._study(stop), self.shared, stop=stop)

    def close(self) -> None:
        """Give no more signs of life; what was not ended is this machine's for a while yet."""
        self.engine.close()

    def give_back(self) -> None:
        """Leave what this machine has not ended to the others, at once, with its checkpoints."""
        kept = self._checkpoints(every=0.0)
        if kept is not None:
            for suggestion in self.engine.running():
                kept.put(suggestion.number, self._folder / f"{suggestion.number:04d}")
        self.store.release()

    def _study(self, stop: Callable[[], bool]) -> Study:
        from search.distributed import DistributedEpochLog

        shared = self._checkpoints()
        return Study(
            engine=self.engine,
            runner=self.job.workers.supervisor(self.slots),
            scheduler=self.plan,
            log=self.log,
            epoch_log=DistributedEpochLog(self.shared, self.home / "epochs.jsonl"),
            listener=_Listener(self.job, shared),
            options=StudyOptions(self._facts["trial_epochs"], limits=self.job.trial_limits),
            checkpoints=CheckpointFolder(
                self._folder,
                checkpoint.epochs_in,
                upload=shared.put if shared else None,
                download=shared.fetch if shared else None,
            ),
            stop=stop,
        )

    def _open_engine(self) -> tuple[PostgresStore, QueueEngine]:
        from search.distributed import PostgresStore
        from search.engines.optuna import OptunaEngine, QueueEngine
        from search.engines.prior import Prior

        facts = self._facts
        if "tasks" in facts:
            store = PostgresStore(self.shared, self.worker)
            return store, QueueEngine(store)
        store = PostgresStore(
            self.shared,
            self.worker,
            seed=facts["seed"],
            pruner=facts["pruner"],
            epochs=facts["trial_epochs"],
            max_trials=facts["max_trials"],
        )
        accepts = self.job.accepts_beside(self.log)
        prior = facts.get("prior")
        return store, OptunaEngine(
            store,
            sampler=facts["sampler"],
            seed=facts["seed"],
            accepts=accepts,
            prior=prior and convert(Prior, prior, "prior"),
        )

    @property
    def _facts(self) -> dict[str, Any]:
        return self.shared.spec

    @property
    def _folder(self) -> Path:
        return self.home / "trials"

    def _checkpoints(self, every: float = 60.0) -> CheckpointStore | None:
        if self.artifacts is None:
            return None
        from search.distributed.artifacts import CheckpointStore, open_artifacts

        return CheckpointStore(open_artifacts(self.artifacts), self.shared, every)

    def _learn(self) -> None:
        """What trials cost here, from those of an earlier session; other machines differ."""
        for trial in self.log.own:
            self.plan.costs.learn_from(trial)
