"""One worker of a shared study of the toy, to be mistreated by tests.

``python shared_worker.py keep FOLDER OPTIONS`` keeps ``… loop …`` running, as a real worker does.
The database's address comes from the environment. Light at the top: the children of a study
import this file again.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from faults_toy import EPOCHS, SPACE, Toy, epochs_in

ADDRESS = "SHARED_WORKER_STORAGE"
STUDY = "toy"
FACTS = {"data": "toy", "version": "1"}
DONE, STOPPED = 0, 10


@dataclass(frozen=True)
class Options:
    """What a worker does; see ``search.distributed.connect`` and ``PostgresStore``."""

    max_trials: int = 20
    heartbeat: int = 1
    grace: int = 4
    pause: float = 0.05
    sampler: str = "tpe"
    artifacts: str | None = None
    jobs: int = 1


def main() -> int:
    """Run as told on the command line."""
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what == "keep":
        return _keep(folder)
    return _loop(folder, Options(**json.loads(sys.argv[3])))


def command(folder: Path, options: Options) -> list[str]:
    """How a worker is started."""
    return [sys.executable, __file__, "keep", str(folder), json.dumps(asdict(options))]


def _keep(folder: Path) -> int:
    from search.processes.restart import run_with_restarts

    log = folder / "trials.jsonl"
    return run_with_restarts(
        [sys.executable, __file__, "loop", *sys.argv[2:]],
        progress=lambda: log.read_bytes().count(b"\n") if log.exists() else 0,
        final=(DONE, STOPPED),
        pause=0.1,
    )


def _loop(folder: Path, options: Options) -> int:
    from shared_engines import sampling

    from search.distributed import (
        DistributedEpochLog,
        DistributedStudy,
        DistributedTrialLog,
        connect,
        run_worker_loop,
    )
    from search.distributed.artifacts import CheckpointStore, open_artifacts
    from search.processes import supervisor
    from search.study.checkpoints import CheckpointFolder
    from search.study.scheduler import Budget, CostModel, TrialScheduler
    from search.study.study import Study, StudyOptions
    from search.tasks import Limits

    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    storage = connect(os.environ[ADDRESS], heartbeat=options.heartbeat, grace=options.grace)
    shared = DistributedStudy.create(storage, STUDY, SPACE, FACTS)
    log = DistributedTrialLog(shared, folder / "trials.jsonl", folder.name)
    checkpoints = None
    if options.artifacts:
        checkpoints = CheckpointStore(open_artifacts(options.artifacts), shared, every=0)
    engine = sampling(
        shared, folder.name, sampler=options.sampler, epochs=EPOCHS,
        max_trials=options.max_trials, pruner="none",
    )  # fmt: skip
    runner = supervisor.Supervisor(
        Toy({}, options.pause), jobs=options.jobs, output=folder / "children.log"
    )
    study = Study(
        engine=engine,
        runner=runner,
        scheduler=TrialScheduler(Budget(None), costs=CostModel(SPACE)),
        log=log,
        epoch_log=DistributedEpochLog(shared, folder / "epochs.jsonl"),
        listener=_Listener(),
        options=StudyOptions(EPOCHS, limits=Limits(progress_timeout=120.0)),
        checkpoints=CheckpointFolder(
            folder / "trials",
            epochs_in,
            checkpoints and checkpoints.put,
            checkpoints and checkpoints.fetch,
        ),
        stop=lambda: bool(told),
    )
    with contextlib.closing(storage), contextlib.closing(engine), contextlib.closing(runner):
        print("the worker begins", flush=True)
        run_worker_loop(study, shared, stop=lambda: bool(told), pause=0.2)
    return STOPPED if told else DONE


class _Listener:
    def trial_started(self, suggestion):
        print(f"trial {suggestion.number} starts", flush=True)

    def epoch_done(self, suggestion, epoch, remaining):
        pass

    def trial_retried(self, suggestion, failure):
        print(f"trial {suggestion.number} again after {failure.kind}", flush=True)

    def trial_done(self, trial, best, time_left):
        print(f"trial {trial.number} {trial.state} {trial.failure}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
