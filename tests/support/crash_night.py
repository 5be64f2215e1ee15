"""A night of a toy from the lock to the report, with all the project's files: the program that
``crash_points`` kills.

It reads one JSON object a line and answers with one: each is a life in a forked process, in which
the preloaded ``disk_shim.c`` fails one call. Only networks and rendered pages are left out.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
import traceback
import zipfile
from contextlib import closing
from functools import cache, partial
from pathlib import Path

import numpy as np
from fake_runner import Inline
from faults_toy import toy_epoch
from optuna.storages._rdb import storage
from run_folders import RECORDED
from studies import study_of

from fmnist.data.ledger import Ledger
from fmnist.data.sealed import SealedTest
from fmnist.errors import UserError
from fmnist.runs import artifacts
from fmnist.runs.folder import Run
from fmnist.runs.repair import repair_journals
from fmnist.training import checkpoint
from search.analysis.importance import importances
from search.atomic import atomic_write
from search.checksums import keep_checksums
from search.engines import open_engine
from search.engines.base import Suggestion
from search.engines.fixed_list import FixedListEngine
from search.json_lines import JsonLines, to_line
from search.records import EpochLog, TrialLog
from search.space import Categorical, Int, SearchSpace
from search.study.running_trial import trial_seed
from search.study.scheduler import Budget, CostModel, TrialScheduler

SPACE = SearchSpace((Int("size", 16, 64, step=16), Categorical("batch", (64, 128))))
TRIALS, EPOCHS = 2, 2
RUN = "run"
FINISHED, DISK, CRASHED = 0, 11, 12
recorded = cache(Run(RECORDED).read)


def readings(run: Path) -> Path:
    """Where the night in ``run`` counts how often it has read the test set: no fault comes here."""
    return run.parent.with_name(f"{run.parent.name}.readings")


def night(folder: Path) -> None:
    """Go on with the night in ``folder``, or begin it: what is done is not done again."""
    run = Run(folder)
    with run.locked():
        keep_checksums(folder)
        repair_journals(run)
        stages = (
            (artifacts.RUN, lambda run: run.write(artifacts.RUN, recorded(artifacts.RUN))),
            (artifacts.SPACE, lambda run: run.write(artifacts.SPACE, SPACE)),
            (artifacts.IMPORTANCE, _search),
            (artifacts.HISTORY, _retrain),
            (artifacts.METRICS, _evaluate),
            (artifacts.REPORT, lambda run: run.write_text(artifacts.REPORT, "<p>a report</p>")),
        )
        for marker, work in stages:
            if not run.has(marker):
                work(run)


def _search(run: Run) -> None:
    log, epoch_log = TrialLog(run / artifacts.TRIALS), EpochLog(run / artifacts.EPOCHS)
    engine = open_engine(
        "optuna", run.path, SPACE, sampler="grid", finished=log.trials, epochs=EPOCHS,
        min_next_number=epoch_log.min_next_number(),
    )  # fmt: skip
    with closing(engine):
        _study(run, engine, log, epoch_log, max_trials=TRIALS)
    run.write(artifacts.IMPORTANCE, importances(log.trials, SPACE))


def _retrain(run: Run) -> None:
    log = TrialLog(run / artifacts.RETRAIN_TRIALS)
    epoch_log = EpochLog(run / artifacts.RETRAIN_EPOCHS)
    chosen = [Suggestion(0, TrialLog(run / artifacts.TRIALS).best().params)]
    engine = FixedListEngine(chosen, log.trials, epoch_log.unrecorded(log.trials))
    _study(run, engine, log, epoch_log, full_data=True)
    run.write(artifacts.HISTORY, recorded(artifacts.HISTORY))


def _study(run: Run, engine, log, epoch_log, **options) -> None:
    study_of(
        engine=engine, runner=Inline(_train), log=log, epoch_log=epoch_log, listener=_Silent(),
        scheduler=TrialScheduler(Budget(None), costs=CostModel(SPACE)), epochs=EPOCHS,
        seed_of=partial(trial_seed, 0), folder=run / log.path.stem,
        checkpoint=checkpoint.epochs_in, **options,
    ).run()  # fmt: skip


def _train(task):
    """A training without a network, whose checkpoints are the real ones."""
    for number in range(len(checkpoint.epochs_in(task.folder)) + 1, task.epochs + 1):
        epochs = [toy_epoch(task.params, task.seed, n) for n in range(1, number + 1)]
        checkpoint.save(
            task.folder, _Loop(), np.random.default_rng(0), _Pace(), epochs, keep=task.full_data
        )
        yield epochs[-1]


class _Loop:
    variables = (np.zeros(300),)

    def weights(self):
        return [np.zeros(300)]


class _Pace:
    progress = 0.0


class _Silent:
    def __getattr__(self, name):
        return lambda *_: None


def _evaluate(run: Run) -> None:
    images, labels = np.zeros((10, 28, 28, 1), np.uint8), np.arange(10)
    sealed = SealedTest(images, labels, Ledger(run / artifacts.LEDGER))
    _, labels = sealed.open("evaluate", "the reported test figures")
    with readings(run.path).open("ab", buffering=0) as count:
        count.write(b".")
    run.write_arrays(artifacts.PREDICTIONS, test_labels=labels)
    atomic_write(run / artifacts.MODEL, _save_model)
    run.write(artifacts.METRICS, recorded(artifacts.METRICS))


def _save_model(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights", bytes(2000))


# ---- the server ------------------------------------------------------------------------------


def serve() -> None:
    """Fork lives as asked on standard input."""
    _warm_up()
    shim = ctypes.CDLL(os.environ["LD_PRELOAD"])
    for line in sys.stdin:
        print(json.dumps(_fork(shim, **json.loads(line))), flush=True)


def _warm_up() -> None:
    """Import and read all that does not depend on the night: each life takes half as long."""
    made = storage._VersionManager._create_alembic_script
    scripts: list[object] = []

    def once(versions):
        if not scripts:
            scripts.append(made(versions))
        return scripts[0]

    storage._VersionManager._create_alembic_script = once
    with tempfile.TemporaryDirectory() as folder:
        (run := Path(folder, "base", "run")).parent.mkdir()
        night(run)


def _fork(shim, folder: str, record: str = "", point: int = 0, error: int = 0) -> dict:
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        os.close(reading)
        with os.fdopen(writing, "w") as said:
            code = _live(shim, Path(folder), record, point, error, said)
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as said:
        text = said.read()
    return {"code": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), "said": text}


def _live(shim, folder: Path, record: str, point: int, error: int, said) -> int:
    to = -1
    if record:
        to = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        _note_appended_lines(shim)
    shim.shim_arm(os.fsencode(folder), to, point, error)
    try:
        night(folder / RUN)
    except (OSError, UserError):
        said.write(traceback.format_exc())
        return DISK
    except BaseException:
        said.write(traceback.format_exc())
        return CRASHED
    said.write(str(shim.shim_calls()))
    return FINISHED


def _note_appended_lines(shim) -> None:
    """Have the record say when a line was said to be on the disk."""
    append = JsonLines.append

    def appended(self, row):
        append(self, row)
        if self.path.parent.name != RUN:
            return  # beside checkpoints, which go with their training
        line = to_line(row)
        shim.shim_mark(os.fsencode(self.path), line, ctypes.c_size_t(len(line)))

    JsonLines.append = appended


if __name__ == "__main__":
    serve()
