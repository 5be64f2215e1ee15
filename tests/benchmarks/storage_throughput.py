"""Toy trials a second that 1, 2, 4 and 8 workers get through one PostgreSQL, and its limit.

    python tests/benchmarks/storage_throughput.py --workers 1 2 4 8 --trials 30 --epochs 10

A toy trial trains nothing: what is left is what a shared study costs. Workers are processes of
their own that ask (TPE), report epochs and end trials, as fast as they can, against a server that
is started for this on the same machine, with its usual settings (each commit waits for the disk).

From that, on paper, how many workers one server serves where a trial takes ``--minutes``:

- by its processor: the server's own CPU seconds a trial, against one core kept busy
- by the lock: one worker asks at a time, so the seconds of an ask, against the length of a trial;
  an ask gets slower with the trials there are, so it is timed with ``--stored`` ended ones, too

    workers by the processor = 60 × minutes / CPU seconds a trial
    workers by the lock      = 60 × minutes / seconds an ask

The smaller one is the limit. A network between them adds its round trip to every statement, which
makes an ask longer and leaves the processor as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from record import Benchmark, Measured, Row, say

sys.path.append(str(Path(__file__).parents[1] / "support"))
_ADDRESS = "STORAGE_THROUGHPUT"


def work(trials: int, epochs: int) -> dict[str, Any]:
    """One worker: so many trials as fast as it can, once its parent says go."""
    import tempfile

    from shared_engines import sampling

    from search.distributed import DistributedEpochLog, DistributedTrialLog

    storage, study = opened()
    counts = counted(storage)
    name = f"worker-{os.getpid()}"
    with closing(storage), tempfile.TemporaryDirectory() as folder:
        log = DistributedTrialLog(study, Path(folder) / "trials.jsonl", name)
        journal = DistributedEpochLog(study, Path(folder) / "epochs.jsonl")
        engine = sampling(study, name, epochs=epochs)
        with closing(engine):
            print("ready", flush=True)
            sys.stdin.readline()
            began, cpu = time.time(), time.process_time()
            spent = {"ask": 0.0, "epoch": 0.0, "end": 0.0}
            statements = dict.fromkeys(spent, 0)
            for _ in range(trials):
                one_trial(engine, log, journal, epochs, spent, statements, counts)
            ended = time.time()
    return {
        "began": began,
        "ended": ended,
        "cpu": (time.process_time() - cpu) / trials,
        "seconds": {k: v / trials for k, v in spent.items()},
        "statements": {k: v / trials for k, v in statements.items()},
    }


def one_trial(
    engine: Any,
    log: Any,
    journal: Any,
    epochs: int,
    spent: dict[str, float],
    statements: dict[str, int],
    counts: list[int],
) -> None:
    """Ask, report every epoch, end; what each took is added up."""
    from search.records import Epoch, Trial

    def timed(what: str, call: Any) -> Any:
        since, before = time.monotonic(), counts[0]
        result = call()
        spent[what] += time.monotonic() - since
        statements[what] += counts[0] - before
        return result

    suggestion = timed("ask", engine.ask)
    number, done = suggestion.number, []
    for step in range(1, epochs + 1):
        value = 1 - suggestion.params["rate"] - 1 / (step + 1)
        done.append(Epoch(step, value, 1 - value, value, 1 - value, 1.0))
        timed("epoch", lambda: journal.append(number, done[-1]))
        timed("epoch", lambda: engine.report(number, done[-1].epoch, done[-1].val_accuracy))
    trial = Trial(
        number, "complete", suggestion.params, done[-1].val_accuracy, tuple(done),
        suggestion.seed, "", float(epochs),
    )  # fmt: skip
    timed("end", lambda: log.append(trial))
    timed("end", lambda: engine.tell(number, "complete", trial.value))


def opened() -> tuple[Any, Any]:
    """The storage of the environment's address, and the study in it."""
    from faults_toy import SPACE

    from search.distributed import DistributedStudy, connect

    storage = connect(os.environ[_ADDRESS])
    return storage, DistributedStudy.create(storage, "throughput", SPACE, {})


def counted(storage: Any) -> list[int]:
    """A count of the statements that this process sends; its heart's are among them."""
    import sqlalchemy

    counts = [0]

    def count(*_: Any) -> None:
        counts[0] += 1

    sqlalchemy.event.listen(storage.engine, "before_cursor_execute", count)
    return counts


def together(server: Any, workers: int, trials: int, epochs: int) -> dict[str, Any]:
    """So many workers at once on a new database."""
    environment = {**os.environ, _ADDRESS: server.database(tables=True)}
    command = [sys.executable, __file__, "--work", "--trials", str(trials), "--epochs", str(epochs)]
    processes = [
        subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(workers)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", "a worker did not start"
    before = server_seconds(server)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found = [json.loads(process.communicate()[0]) for process in processes]
    seconds = max(f["ended"] for f in found) - min(f["began"] for f in found)
    return {
        "trials_a_second": workers * trials / seconds,
        "server_cpu": (server_seconds(server) - before) / (workers * trials),
        "worker_cpu": sum(f["cpu"] for f in found) / workers,
        "ask": sum(f["seconds"]["ask"] for f in found) / workers,
        "statements": found[0]["statements"],
    }


def server_seconds(server: Any) -> float:
    """CPU seconds of the server so far, of the connections that have ended, too."""
    total = 0.0
    postmaster = psutil.Process(server.pid())
    for process in (postmaster, *postmaster.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        if process.pid == postmaster.pid:
            total += times.children_user + times.children_system
    return total


def ask_with(server: Any, stored: int) -> float:
    """Seconds of an ask where so many trials have ended, the mean of five."""
    import optuna
    from faults_toy import SPACE
    from shared_engines import sampling

    from search.engines.trial_store import distributions_of

    os.environ[_ADDRESS] = server.database(tables=True)
    storage, study = opened()
    source = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for number in range(stored):
        trial = source.ask(distributions_of(SPACE))
        trial.set_user_attr("record", None)
        source.tell(trial, number / stored)
    for trial in source.get_trials(deepcopy=False):
        storage.create_new_trial(study.id, trial)
    with closing(storage), closing(sampling(study, "one")) as engine:
        engine.ask()  # reads them all, once
        since = time.monotonic()
        for _ in range(5):
            engine.ask()
        return (time.monotonic() - since) / 5


def measure(options: argparse.Namespace) -> Measured:
    """Each number of workers in turn, then an ask in a large study."""
    from postgres import Server

    server = Server(durable=True)
    try:
        measured: dict[str, Any] = {}
        for workers in options.workers:
            found = together(server, workers, options.trials, options.epochs)
            measured[str(workers)] = found
            say(f"{workers} workers: {found['trials_a_second']:.1f} trials a second")
        ask = ask_with(server, options.stored)
    finally:
        server.stop()
    return {"workers": measured, "ask_stored": ask, "trial_seconds": 60 * options.minutes}


def rows(measured: Measured) -> list[Row]:
    """Speeds, costs, and the two limits."""
    table = [
        [
            workers,
            f"{found['trials_a_second']:.1f}",
            f"{1000 * found['server_cpu']:.0f} ms",
            f"{1000 * found['worker_cpu']:.0f} ms",
            f"{1000 * found['ask']:.0f} ms",
            f"{sum(found['statements'].values()):.0f}",
            f"{measured['trial_seconds'] / found['server_cpu']:,.0f}",
        ]
        for workers, found in measured["workers"].items()
    ]
    limit = f"{measured['trial_seconds'] / measured['ask_stored']:,.0f}"
    ask = f"{1000 * measured['ask_stored']:.0f} ms"
    return [*table, ["by the lock, many trials stored", "–", "–", "–", ask, "–", limit]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Workers, trials, and what a real trial takes."""
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--trials", type=int, default=30, help="of each worker")
    parser.add_argument("--epochs", type=int, default=10, help="of each trial")
    parser.add_argument("--minutes", type=float, default=3.0, help="that a real trial takes")
    parser.add_argument("--stored", type=int, default=1000, help="ended trials for the last row")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)


BENCHMARK = Benchmark(
    name="storage_throughput",
    doc=__doc__,
    title="A shared study on PostgreSQL",
    columns=(
        "workers",
        "toy trials a second",
        "server CPU a trial",
        "worker CPU a trial",
        "an ask",
        "statements a trial",
        "workers at the limit",
    ),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="workers",
    split="{trials} toy trials of {epochs} epochs a worker, server and workers on one machine; "
    "limits for trials of {minutes:g} minutes, the last row with {stored} trials stored",
    minutes=3,
    quick={"workers": [1, 2], "trials": 2, "epochs": 2, "stored": 10},
)

if __name__ == "__main__":
    asked = BENCHMARK.options(sys.argv[1:])
    if asked.work:
        print(json.dumps(work(asked.trials, asked.epochs)))
    else:
        BENCHMARK.main()
