"""A worker of a shared toy study in this process."""

from faults_toy import EPOCHS, SPACE, epochs_in, save, toy_epoch
from optuna.artifacts.exceptions import ArtifactNotFound
from shared_engines import listed, sampling
from studies import study_of

from search.distributed import (
    DistributedEpochLog,
    DistributedStudy,
    DistributedTrialLog,
    run_worker_loop,
)
from search.study.scheduler import Budget, CostModel, TrialScheduler
from search.tasks import Ended, EpochDone


class Here:
    """Runs tasks of the toy in this process, an epoch a look; what is cancelled is remembered."""

    slots = 1

    def __init__(self):
        self.cancelled, self._task, self._epoch, self._left = [], None, 0, 0
        self.before_epoch = lambda task, epoch: None

    def start(self, task, limits):
        behind = epochs_in(task.folder)
        self._task, self._epoch, self._left = task, len(behind), task.epochs - len(behind)

    def wait(self, seconds):
        if self._task is None:
            return []
        task = self._task
        if self._left <= 0:
            self._task = None
            return [Ended(task.number)]
        self._epoch += 1
        self.before_epoch(task, self._epoch)
        done = [*epochs_in(task.folder), toy_epoch(task.params, task.seed, self._epoch)]
        save(task.folder, done)
        return [EpochDone(task.number, done[-1])]

    def answer(self, number, remaining):
        self._left = remaining

    def cancel(self, number, failure):
        self.cancelled.append((number, failure.kind))
        self._task = None

    def close(self):
        pass


class Heard:
    def __init__(self):
        self.done, self.started = [], []

    def trial_started(self, suggestion):
        self.started.append(suggestion.number)

    def epoch_done(self, suggestion, epoch, remaining):
        pass

    def trial_retried(self, suggestion, failure):
        pass

    def trial_done(self, trial, best, time_left):
        self.done.append(trial)


class Worker:
    """A worker's loop in this process."""

    def __init__(self, storage, folder, name, facts=None, **options):
        self.folder = folder / name
        self.folder.mkdir(exist_ok=True)
        self.shared = DistributedStudy.create(storage, str(folder), SPACE, facts or {})
        self.log = DistributedTrialLog(self.shared, self.folder / "trials.jsonl", name)
        if facts:
            self.engine = listed(self.shared, name)
        else:
            self.engine = sampling(
                self.shared,
                name,
                sampler="random",
                epochs=EPOCHS,
                pruner="none",
                max_trials=4,
            )
        self.runner, self.heard = Here(), Heard()
        self.loop = study_of(
            engine=self.engine,
            runner=self.runner,
            scheduler=TrialScheduler(Budget(None), costs=CostModel(SPACE)),
            log=self.log,
            epoch_log=DistributedEpochLog(self.shared, self.folder / "epochs.jsonl"),
            listener=self.heard,
            epochs=EPOCHS,
            folder=self.folder / "trials",
            checkpoint=epochs_in,
            **options,
        )

    def run(self):
        run_worker_loop(self.loop, self.shared, pause=0)
        self.engine.close()


def stale(storage):
    """As if all hearts had stopped long ago, and this process had been in touch all along."""
    with storage.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE trial_heartbeats SET heartbeat = heartbeat - interval '1 hour'"
        )
    storage.contact._since = tuple(t - 3600 for t in storage.contact._since)


def stored_file(store, study, key):
    """What ``put_file`` keeps under ``key``; None where there is nothing."""
    name = study.get(f"artifact:{key}")
    if name is None:
        return None
    try:
        with store.open_reader(name) as body:
            return body.read()
    except ArtifactNotFound:
        return None
