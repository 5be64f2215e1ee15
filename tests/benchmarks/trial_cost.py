"""What a trial costs apart from training: imports, compiling, the study, a checkpoint, a child.

    python tests/benchmarks/trial_cost.py --network middle --rounds 5

The first trial of a shape builds and compiles its network; later ones of that shape find it
compiled. Both are timed up to the end of their first step, in a fresh process each round.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from networks import NETWORKS, Passes
from record import Benchmark, Measured, Row, say

from fmnist.config.spaces import CORE
from fmnist.training.objective import warm_up

REPORTS = 10


def measure(options: argparse.Namespace) -> Measured:
    """Seconds by what they are spent on, one value a round."""
    seconds: dict[str, list[float]] = {}
    for number in range(options.rounds):
        found = {
            "Python and the imports of a trial": seconds_of(imports),
            "a child process, bare": child(None),
            "a child process, until it is warm": child(warm_up),
            **apart(options),
            f"ask, {REPORTS} reports, tell: SQLite": ours(options.trials),
            f"ask, {REPORTS} reports, tell: Optuna alone, in memory": bare(options.trials),
        }
        for what, value in found.items():
            seconds.setdefault(what, []).append(value)
        say(f"round {number + 1}: " + ", ".join(f"{w} {s:.3f} s" for w, s in found.items()))
    return {"seconds": seconds}


def seconds_of(work: Callable[[], Any]) -> float:
    """Wall time."""
    since = time.perf_counter()
    work()
    return time.perf_counter() - since


def imports() -> None:
    """A fresh process that imports what a trial needs."""
    code = "from fmnist.training.objective import warm_up; warm_up()"
    subprocess.run([sys.executable, "-c", code], check=True)


def child(warming: Callable[[], object] | None) -> float:
    """Seconds until a child of the supervisor is ready."""
    from search.processes.supervisor import Supervisor

    with Supervisor(initializer=warming) as runner:

        def start() -> None:
            runner.warm()
            runner.wait_until_warm()

        return seconds_of(start)


def apart(options: argparse.Namespace) -> dict[str, float]:
    """``trials`` in a process of its own."""
    command = [sys.executable, __file__, "--one", "--network", options.network]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def trials(network: str) -> dict[str, float]:
    """A first and a second trial of one shape, a step and a checkpoint, in this process."""
    from fmnist.training import checkpoint
    from fmnist.training.lr_schedule import LearningRateSchedule
    from search.records import Epoch

    warm_up()
    config = NETWORKS[network]
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (config.batch_size, 28, 28, 1)).astype(np.uint8)
    batch = pixels, rng.integers(0, 10, len(pixels))
    first = seconds_of(lambda: Passes(config, batch)())
    other = config.replace(learning_rate=1e-3, dropout=0.4)
    second = seconds_of(lambda: Passes(other, batch, 1)())
    training = Passes(other, batch, 2)
    step = seconds_of(training)
    epochs, pace = [Epoch(1, 0.0, 1.0, 0.0, 1.0, 1.0)], LearningRateSchedule(config, 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        saved = seconds_of(
            lambda: checkpoint.save(path, training.loop, rng, pace, epochs, keep=False)
        )
    return {
        "the first trial of a shape: build, compile": first - step,
        "another trial of that shape": second - step,
        "a checkpoint": saved,
    }


def ours(count: int) -> float:
    """Seconds a trial of our engine on its SQLite file, nothing trained."""
    from search.engines import open_engine

    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_engine("optuna", Path(folder), CORE)) as engine,
    ):

        def trial() -> None:
            suggestion = engine.ask()
            assert suggestion is not None
            value = float(suggestion.params["dropout"])
            for step in range(1, REPORTS + 1):
                engine.report(suggestion.number, step, value)
            engine.tell(suggestion.number, "complete", value)

        return mean(seconds_of(trial) for _ in range(count))


def bare(count: int) -> float:
    """Seconds a trial of Optuna's own study, sampler and pruner, nothing on disk."""
    import optuna

    from search.engines.trial_store import distributions_of

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner())
    distributions = distributions_of(CORE)

    def trial() -> None:
        get_training_loop = study.ask(distributions)
        value = get_training_loop.params["dropout"]
        for step in range(1, REPORTS + 1):
            get_training_loop.report(value, step)
            get_training_loop.should_prune()
        study.tell(get_training_loop, value)

    return mean(seconds_of(trial) for _ in range(count))


def rows(measured: Measured) -> list[Row]:
    """A row a cost."""
    return [
        [what, shown(median(values)), f"{shown(min(values))} – {shown(max(values))}"]
        for what, values in measured["seconds"].items()
    ]


def shown(seconds: float) -> str:
    """Seconds, or milliseconds where they are few."""
    return f"{seconds:.2f} s" if seconds >= 0.2 else f"{1000 * seconds:.1f} ms"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Network, trials of the study, rounds."""
    parser.add_argument("--network", choices=NETWORKS, default="middle")
    parser.add_argument("--trials", type=int, default=50, help="of the study without training")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)


BENCHMARK = Benchmark(
    name="trial_cost",
    doc=__doc__,
    title="Cost of a trial apart from training",
    columns=("what", "median", "range"),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="rounds",
    split="{network} network, random images; a study of {trials} trials",
    minutes=2,
    quick={"network": "small", "trials": 3, "rounds": 1},
)

if __name__ == "__main__":
    asked = BENCHMARK.options(sys.argv[1:])
    if asked.one:
        print(json.dumps(trials(asked.network)))
    else:
        BENCHMARK.main()
