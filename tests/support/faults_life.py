"""A real study of a toy objective, to be killed: the program behind the fault suite.

``python faults_life.py`` reads one JSON object a line: {"start": {...}} forks a life of a study and
answers its process id, {"wait": pid} answers how it ended. Forked from a process that has imported
everything, a life begins at once, so that a test can afford many.

Light at the top: the children of a study import this file again.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from faults_toy import EPOCHS, SPACE, Toy, epochs_in

MARK = "FMNIST_FAULTS_TOY"
"""Environment variable that every child process of a life carries."""
BEGINS = "the study begins"
FINISHED, STOPPED, DISK_FULL, REFUSED, CRASHED = 0, 10, 11, 4, 12


@dataclass(frozen=True)
class Life:
    """What one life of a study does.

    Attributes:
        faults: trial number to the fault of its objective; "5!" strikes at every attempt.
        die: [method, "before" or "after", n]: kill the parent at that moment of its n-th call.
        clock: what the wall clock does: "steady", "jumps", or "sleeps" (the monotonic one too).
    """

    folder: str
    trials: int = 20
    jobs: int = 1
    pause: float = 0.01
    seed: int = 0
    engine: str = "optuna"
    sampler: str = "random"
    faults: dict[str, str] = field(default_factory=dict)
    memory: int | None = None
    silence: float | None = 60.0
    seconds: float | None = None
    total: float | None = None
    checkpoints: bool = True
    die: tuple[str, str, int] | None = None
    clock: str = "steady"


# ---- a life ----------------------------------------------------------------------------------


def live(life: Life) -> int:
    """Run the study in ``life.folder`` to its end, or as far as it gets; the exit code."""
    from fmnist.runs.folder import Run, RunError
    from search.processes.interrupt import Interrupt

    interrupt = Interrupt()
    try:
        with Run(Path(life.folder)).locked(), interrupt:
            _study(life, interrupt)
    except RunError as error:
        print(error, flush=True)
        return REFUSED
    except OSError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        return DISK_FULL if "space left" in str(error) else CRASHED
    return STOPPED if interrupt.requested else FINISHED


def _study(life: Life, interrupt) -> None:
    from search.engines import open_engine
    from search.processes import supervisor
    from search.records import EpochLog, TrialLog
    from search.study.checkpoints import CheckpointFolder
    from search.study.running_trial import trial_seed
    from search.study.scheduler import Budget, CostModel, TrialScheduler
    from search.study.study import Study, StudyOptions
    from search.tasks import Limits

    supervisor._SLEPT = 1.0  # a toy's trials are short, and so is its sleep
    folder = Path(life.folder)
    wall, steady = _clocks(life)
    log = TrialLog(folder / "trials.jsonl")
    epoch_log = EpochLog(folder / "epochs.jsonl")
    engine = open_engine(
        life.engine, folder, SPACE, sampler=life.sampler, seed=life.seed, finished=log.trials,
        epochs=EPOCHS, max_trials=life.trials,
    )  # fmt: skip
    runner = supervisor.Supervisor(
        Toy(life.faults, life.pause), jobs=life.jobs, output=folder / "children.log", clock=steady
    )
    study = Study(
        engine=engine,
        runner=runner,
        scheduler=TrialScheduler(Budget(life.total, clock=wall), costs=CostModel(SPACE)),
        log=log,
        epoch_log=epoch_log,
        listener=_Listener(),
        options=StudyOptions(
            EPOCHS,
            max_trials=life.trials,
            limits=Limits(life.seconds, progress_timeout=life.silence, memory=life.memory),
        ),
        checkpoints=CheckpointFolder(folder / "trials" if life.checkpoints else None, epochs_in),
        seed_of=partial(trial_seed, life.seed),
        stop=lambda: interrupt.requested,
        clock=steady,
    )
    if life.die:
        _arm(life, {"log": log, "epoch_log": epoch_log, "engine": engine, "runner": runner})
    with contextlib.closing(engine), contextlib.closing(runner):
        print(BEGINS, flush=True)
        study.run()


class _Listener:
    def trial_started(self, suggestion):
        pass

    def epoch_done(self, suggestion, epoch, remaining):
        pass

    def trial_retried(self, suggestion, failure):
        print(f"trial {suggestion.number} again after {failure.kind}", flush=True)

    def trial_done(self, trial, best, time_left):
        print(f"trial {trial.number} {trial.state} {trial.failure}", flush=True)


def _arm(life: Life, objects: dict[str, object]) -> None:
    """Have this process kill itself at a given moment of a given call."""
    method, moment, calls = life.die
    target, name = method.split(".")
    original, left = getattr(objects[target], name), [calls]

    def deadly(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(objects[target], name, deadly)


def _clocks(life: Life):
    """Wall clock and steady clock of a life."""
    if life.clock == "steady":
        return time.time, time.monotonic
    rng = random.Random(life.seed)
    offset = [0.0]

    def jump() -> float:
        # Also backwards: a clock that was wrong, a time server, the end of summer time.
        if rng.random() < 0.02:
            offset[0] += rng.choice((-3600.0, 3600.0, -0.5, 0.5, 86_400.0, -86_400.0))
        return offset[0]

    if life.clock == "jumps":
        return (lambda: time.time() + jump()), time.monotonic

    def sleep() -> float:
        # A machine that was suspended: all clocks are hours further on.
        if rng.random() < 0.002:
            offset[0] += 8 * 3600.0
        return offset[0]

    return time.time, lambda: time.monotonic() + sleep()


# ---- the server ------------------------------------------------------------------------------


def serve() -> None:
    """Fork lives as asked on standard input."""
    _warm_up()
    for line in sys.stdin:
        command = json.loads(line)
        if "start" in command:
            answer = _fork(Life(**command["start"]))
        else:
            _, status = os.waitpid(command["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        print(answer, flush=True)


def _warm_up() -> None:
    """Do once what is slow the first time, so that no life has to."""
    import fmnist.runs.folder  # noqa: F401
    import search.processes.supervisor  # noqa: F401
    from search.engines import open_engine
    from search.study.scheduler import CostModel

    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine("optuna", Path(folder), SPACE)
        costs = CostModel(SPACE)
        for _ in range(6):
            suggestion = engine.ask()
            costs.learn(suggestion.params, 1, 1.0)
            engine.report(suggestion.number, 1, 0.5)
            engine.tell(suggestion.number, "complete", 0.5)
        costs.upper_estimate(suggestion.params, 1)
        engine.close()


def _fork(life: Life) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = CRASHED
    try:
        os.setsid()  # Ctrl-C reaches its whole group, as from a terminal
        # A killed test must not leave it behind.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        os.environ[MARK] = life.folder
        output = os.open(Path(life.folder) / "life.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = live(life)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
