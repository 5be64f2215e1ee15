"""A worker of a shared study: trains trials until its coordinator says that all is done."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist.config.config import Config
from fmnist.distributed.compatibility import check_data, check_program
from fmnist.distributed.phases import (
    Phase,
    PhaseMonitor,
    RemoteBudget,
    confirmation_of,
    register_worker,
)
from fmnist.distributed.worker_loop import WorkerLoop
from fmnist.errors import DiskFullError, StorageError, UserError
from fmnist.integrations.postgresql import Storage, connected
from fmnist.pipeline.context import Context
from fmnist.pipeline.progress import ProgressDisplay
from fmnist.pipeline.request import Request
from fmnist.runs.folder import Run
from search.processes.child import DISK_FULL
from search.processes.interrupt import EXIT_CODE, Interrupt
from search.study.scheduler import TrialScheduler
from search.study.study import StudyError

if TYPE_CHECKING:
    from search.distributed import DistributedStudy

_PATIENCE = 24 * 3600.0  # seconds to wait for a study that is still to be made
_SILENCE = 3600.0  # seconds without a word of the coordinator, and without work
_OUTAGE = 600.0  # seconds to wait for a database that may be starting, too
_PAUSE = 1.0
_NOTICE = "stopping, its trials go to others; once more stops at once"
_log = logging.getLogger("fmnist")


class MachineError(UserError):
    """One trial after another fails here; the others can do without this machine."""

    exit_code = 10


@dataclass
class Worker:
    """What one worker is: asked for on the command line, kept in its folder.

    Attributes:
        name: nobody else has it while it works.
        folder: its logs and the checkpoints of its trials.
        data: as in ``Request.data``.
        jobs: trials at once, or ``auto``.
    """

    storage: Storage
    study: str
    name: str
    folder: Path
    display: ProgressDisplay
    data: str | None = None
    jobs: Any = "auto"
    interrupt: Interrupt = field(default_factory=Interrupt)

    def execute(self) -> int:
        """Work until the study is done; the exit code.

        Raises:
            StorageError: the database cannot be reached or used, or nobody makes the study.
            DisagreementError: other data or another program than the study's.
            MachineError: one trial after another failed here.
            DiskFullError: no room in the folder.
        """
        self.interrupt.notice = lambda _: self.display.stopping(_NOTICE)
        asked: dict[str, Any] = {
            "stop": lambda: self.interrupt.requested,
            "tell": self.display.message,
        }
        with _logged(self.folder), self.interrupt:
            try:
                with connected(self.storage, first=_OUTAGE, **asked) as storage:
                    home = self._found(storage)
                    return EXIT_CODE if home is None else self._work_for(storage, home)
            except KeyboardInterrupt:
                return EXIT_CODE

    def _work_for(self, storage: Any, home: DistributedStudy) -> int:
        check_program(home.spec)
        job = self._job(home)
        try:
            return self._phases(storage, home, job)
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            raise DiskFullError(f"{self.folder}: the disk is full; free some space") from error
        finally:
            job.workers.close()

    def _found(self, storage: Any) -> DistributedStudy | None:
        from search.distributed import DistributedStudy

        self._say(f"worker {self.name} in {self.folder}, study {self.study}")
        try:
            return DistributedStudy.wait_for(
                storage, self.study, patience=_PATIENCE, stop=lambda: self.interrupt.requested
            )
        except StudyError as error:
            raise StorageError(f"{error}; start it with 'fmnist run --storage …'") from None

    def _job(self, home: DistributedStudy) -> Context:
        """The job of the study as far as a worker needs it."""
        facts = home.spec
        names = ("seed", "sampler", "pruner", "trial_timeout", "trial_memory")
        caps = ("max_parameters", "max_size", "max_latency")
        sizes = ("trial_images", "trial_epochs", "validation")
        asked = {name: facts[name] for name in (*names, *caps, *sizes)}
        job = Context(
            run=Run(self.folder),
            request=Request(**asked, jobs=self.jobs, data=self.data),
            display=self.display,
            base=Config(**facts["base"]),
            space=home.space,
            class_names=tuple(facts["data"]["class_names"]),
            interrupt=self.interrupt,
        )
        job.workers.warm(job.planner.jobs)
        check_data(facts, job)
        supervisor = job.workers.supervisor(job.planner.jobs)
        supervisor.wait_until_warm()
        register_worker(home, self.name, job.planner.jobs, str(supervisor.device))
        self._say(f"{job.data.name} from {job.data.source}; {job.planner.describe_parallelism()}")
        return job

    def _phases(self, storage: Any, home: DistributedStudy, job: Context) -> int:
        watch = PhaseMonitor(home)
        while not self.interrupt.requested:
            phase = watch.phase
            if phase.name == "done":
                self._say(f"the study is done{': ' + phase.reason if phase.reason else ''}")
                return 0
            study = self._study(storage, home, phase)
            if study is not None and watch.left() > 0:
                self._work(job, study, phase, watch)
            elif watch.silent() > _SILENCE:
                raise StorageError(
                    f"nothing was heard of the coordinator of {self.study} for "
                    f"{_SILENCE / 60:.0f} minutes, and there is nothing to do"
                )
            time.sleep(_PAUSE)
        return EXIT_CODE

    def _study(self, storage: Any, home: DistributedStudy, phase: Phase) -> DistributedStudy | None:
        from search.distributed import DistributedStudy

        if phase.name == "search":
            return home
        return DistributedStudy.find(storage, confirmation_of(home.name))

    def _work(
        self, job: Context, study: DistributedStudy, phase: Phase, watch: PhaseMonitor
    ) -> None:
        self.display.current_stage = phase.name
        loop = WorkerLoop(
            job=job,
            shared=study,
            worker=self.name,
            home=self.folder / phase.name,
            plan=TrialScheduler(RemoteBudget(watch)),
            slots=job.planner.jobs,
            artifacts=study.spec.get("artifacts"),
        )

        def stop() -> bool:
            return self.interrupt.requested or watch.phase.name != phase.name

        try:
            loop.run(stop)
            loop.give_back()
        except StudyError as error:
            raise MachineError(f"{error}; see {self.folder / 'children.log'}") from None
        finally:
            loop.close()

    def _say(self, text: str) -> None:
        _log.info("%s", text)
        self.display.message(text)


@contextmanager
def _logged(folder: Path) -> Iterator[None]:
    """Have what is said, and every outage of the database, written to ``worker.log``."""
    handler = logging.FileHandler(folder / "worker.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    loggers = (_log, logging.getLogger("search"))
    with ExitStack() as stack:
        stack.callback(handler.close)
        for logger in loggers:
            logger.setLevel(logging.INFO)
            logger.propagate = False
            logger.addHandler(handler)
            stack.callback(logger.removeHandler, handler)
        yield
