"""Does a study's memory grow? Resident memory of parent and child over 100 tiny trials.

    python tests/benchmarks/memory.py --trials 100 --images 500

Prints the resident memory after every tenth trial, and the slope a trial by least squares from the
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
from search_overhead import Config, data

from fmnist.space import CORE
from fmnist.view import View

SETTLED = 10
"""Trials after which the libraries hold what they hold."""


class Witness(View):
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
        """See ``View.trial_done``."""
        self.parent.append(megabytes())
        if len(self.parent) % 10 == 0:
            child = self.child[-1] if self.child else float("nan")
            print(f"| {len(self.parent)} | {self.parent[-1]:.0f} | {child:.0f} |", flush=True)


def megabytes(pid: int | None = None) -> float:
    """Resident memory of a process in MB."""
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def study(witness: Witness, train: Any, validation: Any, trials: int, folder: Path) -> None:
    """A study of the core space with its default sampler."""
    import numpy as np

    from fmnist import checkpoint
    from fmnist.trial import Training, warm_up
    from search.budget import Budget, CostModel, SearchPlan
    from search.engines import open_engine
    from search.records import EpochLog, TrialLog
    from search.study import Study
    from search.supervisor import Supervisor

    objective = Training(Config(), train, validation, share=np.arange(len(train[1])))
    engine = open_engine("optuna", folder, CORE, sampler="tpe")
    output = folder / "children.log"
    with closing(engine), Supervisor(objective, warm_up=warm_up, output=output) as runner:
        witness.runner = runner
        Study(
            engine=engine,
            runner=runner,
            plan=SearchPlan(Budget(None), costs=CostModel(CORE)),
            log=TrialLog(folder / "trials.jsonl"),
            epoch_log=EpochLog(folder / "epochs.jsonl"),
            listener=witness,
            epochs=1,
            max_trials=trials,
            folder=folder / "trials",
            checkpoint=checkpoint.epochs_in,
        ).run()


def in_process(witness: Witness, train: Any, validation: Any, trials: int) -> None:
    """The same trainings one after the other in this process."""
    import itertools

    from fmnist import training

    grid = itertools.cycle(CORE.grid(3))
    for seed in range(trials):
        config = Config(epochs=1).replace(**next(grid))
        training.fit(config, train, validation, seed=seed, on_epoch=lambda _: 0)
        witness.trial_done(None, None, 0.0)


def slope(values: list[float]) -> str:
    """Growth a trial in MB once settled, and the range."""
    settled = values[SETTLED:]
    if len(settled) < 2:
        return "too few trials"
    fit = statistics.linear_regression(range(len(settled)), settled)
    return f"{fit.slope:+.3f} MB a trial, {min(settled):.0f} to {max(settled):.0f} MB"


def main() -> None:
    """Run the trials and print what they held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--in-process", action="store_true")
    options = parser.parse_args()
    train, validation = data(options.images)
    witness = Witness()
    print("| trials | parent MB | child MB |\n|---|---|---|")
    if options.in_process:
        in_process(witness, train, validation, options.trials)
    else:
        with tempfile.TemporaryDirectory() as folder:
            study(witness, train, validation, options.trials, Path(folder))
    print(f"\nparent: {slope(witness.parent)}")
    if witness.child:
        print(
            f"child:  {slope(witness.child)}; {len(witness.children)} processes one after another"
        )


if __name__ == "__main__":
    main()
