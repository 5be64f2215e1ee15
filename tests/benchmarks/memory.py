"""Does a study's memory grow? Resident memory of parent and child over 50 tiny trials.

    python tests/benchmarks/memory.py --trials 50 --images 500

Tells the resident memory after every tenth trial, and the slope a trial by least squares from the
tenth trial on, with how often the child was replaced. ``--in-process`` trains in one process
instead, as a bare loop does: what the child would hold if it were the parent.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from record import Benchmark, Measured, Row, say
from search_overhead import data

from fmnist.config.config import Config
from fmnist.config.spaces import CORE
from fmnist.pipeline.progress import ProgressDisplay

SETTLED = 10
"""Trials after which the libraries hold what they hold."""


class Witness(ProgressDisplay):
    """Notes the memory of this process and of the child after every trial."""

    def __init__(self) -> None:
        super().__init__()
        self.parent: list[float] = []
        self.child: list[float] = []
        self.children: set[int] = set()
        self.runner: Any = None

    def epoch_done(self, suggestion: Any, epoch: Any, remaining: int = 0) -> None:
        """While the trial runs: after it, the child may be gone."""
        (pid,) = self.runner.processes()
        self.children.add(pid)
        if remaining == 0:
            self.child.append(megabytes(pid))

    def trial_done(self, trial: Any, best: Any, time_left: float) -> None:
        """See ``ProgressDisplay.trial_done``."""
        self.parent.append(megabytes())
        if len(self.parent) % 10 == 0:
            child = self.child[-1] if self.child else float("nan")
            say(f"{len(self.parent)} trials: parent {self.parent[-1]:.0f}, child {child:.0f} MB")


def megabytes(pid: int | None = None) -> float:
    """Resident memory of a process in MB."""
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def study(witness: Witness, train: Any, validation: Any, trials: int, folder: Path) -> None:
    """A study of the core space with its default sampler."""
    import numpy as np

    from fmnist.training import checkpoint
    from fmnist.training.objective import TrainingObjective, warm_up
    from search.engines import open_engine
    from search.processes.supervisor import Supervisor
    from search.records import EpochLog, TrialLog
    from search.study.checkpoints import CheckpointFolder
    from search.study.scheduler import Budget, CostModel, TrialScheduler
    from search.study.study import Study, StudyOptions

    objective = TrainingObjective(Config(), train, validation, share=np.arange(len(train[1])))
    engine = open_engine("optuna", folder, CORE, sampler="tpe")
    output = folder / "children.log"
    with closing(engine), Supervisor(objective, initializer=warm_up, output=output) as runner:
        witness.runner = runner
        Study(
            engine=engine,
            runner=runner,
            scheduler=TrialScheduler(Budget(None), costs=CostModel(CORE)),
            log=TrialLog(folder / "trials.jsonl"),
            epoch_log=EpochLog(folder / "epochs.jsonl"),
            listener=witness,
            options=StudyOptions(1, max_trials=trials),
            checkpoints=CheckpointFolder(folder / "trials", checkpoint.epochs_in),
        ).run()


def in_process(witness: Witness, train: Any, validation: Any, trials: int) -> None:
    """The same trainings one after the other in this process."""
    import itertools

    from fmnist.training import fit

    grid = itertools.cycle(CORE.grid(3))
    for seed in range(trials):
        config = Config(epochs=1).replace(**next(grid))
        fit.fit(config, train, validation, seed=seed, on_epoch=lambda _: 0)
        witness.trial_done(None, None, 0.0)


def measure(options: argparse.Namespace) -> Measured:
    """Megabytes of parent and child after every trial."""
    train, validation = data(options.images, options.data)
    witness = Witness()
    if options.in_process:
        in_process(witness, train, validation, options.trials)
    else:
        with tempfile.TemporaryDirectory() as folder:
            study(witness, train, validation, options.trials, Path(folder))
    device = witness.runner.device if witness.runner else "unknown"
    found = {"parent": witness.parent, "child": witness.child}
    return {"device": device, "megabytes": found, "children": len(witness.children)}


def rows(measured: Measured) -> list[Row]:
    """A row a process."""
    notes = {"parent": "1", "child": f"{measured['children']}, one after another"}
    return [
        [
            who,
            notes[who],
            f"{values[-1]:.0f}",
            f"{min(values):.0f}–{max(values):.0f}",
            slope(values),
        ]
        for who, values in measured["megabytes"].items()
        if values
    ]


def slope(values: list[float]) -> str:
    """Growth a trial in MB once settled, by least squares."""
    settled = values[SETTLED:]
    if len(settled) < 2:
        return "too few trials"
    return f"{statistics.linear_regression(range(len(settled)), settled).slope:+.3f}"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Trials, images, where they run."""
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--in-process", action="store_true", help="train in one process instead")


BENCHMARK = Benchmark(
    name="memory",
    doc=__doc__,
    title="Resident memory over a study",
    columns=("process", "how many", "MB at the end", "range", "MB a trial, from the tenth on"),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="trials",
    split="{images} training images, one epoch a trial",
    minutes=3,
    quick={"trials": 2, "images": 120},
)

if __name__ == "__main__":
    BENCHMARK.main()
