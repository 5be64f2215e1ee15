"""A job on the small sample: quick to train, with something to choose; and ways to look at it."""

import subprocess
import sys
import time
from pathlib import Path

import psutil

from search.records import EpochLog, TrialLog

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
CONFIG = Path(__file__).parents[1] / "data" / "small_config.toml"
SPACE = """
[filters_1]
type = "int"
low = 4
high = 8
step = 4

[learning_rate]
type = "float"
low = 1e-3
high = 1e-2
log = true
"""
STATES = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}


def command(*more, trials=5):
    return [
        *(sys.executable, "-m", "fmnist", "run", "--data", str(SAMPLE)),
        *("--space", "space.toml", "--trials", str(trials), "--trial-images", "600"),
        *("--warm-start", str(CONFIG)),
        *("--trial-epochs", "4", "--epochs", "4", "--validation", "300", "--jobs", "1"),
        *("--experiments", "none", *more),
    ]


def database(run):
    """State name and intermediate values of every trial in the study."""
    import optuna

    storage = optuna.storages.RDBStorage(f"sqlite:///{run}/study.db")
    study = optuna.load_study(study_name="study", storage=storage)
    found = {t.number: (t.state.name, t.intermediate_values) for t in study.trials}
    storage.remove_session()
    storage.engine.dispose()
    return found


def check_nothing_was_lost(run, before=b""):
    """Study, log and journal agree; ``before`` is what the log held at some earlier moment."""
    assert (run / "trials.jsonl").read_bytes().startswith(before)
    trials = {t.number: t for t in TrialLog(run / "trials.jsonl").trials}
    stored = database(run)
    assert set(trials) <= set(stored)
    for number, (state, values) in stored.items():
        if state == "WAITING":
            continue
        trial = trials[number]
        assert state == STATES[trial.state]
        assert values == {e.epoch: e.val_accuracy for e in trial.epochs}
        assert EpochLog(run / "epochs.jsonl").of(number) == trial.epochs


def descendants(pid):
    try:
        return [p.pid for p in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def trial_process(pid):
    """The busiest descendant: the one that trains."""
    found = [psutil.Process(p) for p in descendants(pid)]
    return max(found, key=lambda p: p.memory_info().rss).pid if found else None


def all_gone(pids):
    for _ in range(200):
        left = [p for p in pids if psutil.pid_exists(p)]
        if not [p for p in left if psutil.Process(p).status() != psutil.STATUS_ZOMBIE]:
            return True
        time.sleep(0.05)
    return False


def epochs_done(folder):
    files = (folder / "results").glob("*/*epochs.jsonl")
    return sum(f.read_bytes().count(b"\n") for f in files)


def start(folder, *more, **options):
    null = subprocess.DEVNULL
    return subprocess.Popen(
        command(*more, **options), cwd=folder, stdout=null, stderr=subprocess.PIPE
    )


def wait_for_epochs(process, folder, number):
    while process.poll() is None and epochs_done(folder) < number:
        time.sleep(0.02)
    assert process.poll() is None, process.stderr.read().decode()
