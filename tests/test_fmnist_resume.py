"""Real training, stopped and killed at any moment: the same command goes on, nothing is lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest
from small_job import SAMPLE, SPACE

from search.records import EpochLog, TrialLog

STATES = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}


def command(*more, trials=5):
    return [
        *(sys.executable, "-m", "fmnist.cli", "run", "--data", str(SAMPLE)),
        *("--space", "space.toml", "--trials", str(trials), "--trial-images", "600"),
        *("--trial-epochs", "4", "--epochs", "4", "--validation", "300", *more),
    ]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "space.toml").write_text(SPACE)
    return tmp_path


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


def test_killed_at_random_moments_the_same_command_ends_with_a_report(folder):
    moments = random.Random(1)
    kills = {"parent": 0, "child": 0}
    before = b""
    # Through the search, the confirmation (6 runs of 4 epochs) and the retraining.
    for epochs, victim in (
        (3, "parent"),
        (8, "child"),
        (14, "parent"),
        (26, "child"),
        (38, "parent"),
    ):
        with start(folder) as process:
            wait_for_epochs(process, folder, epochs)
            time.sleep(moments.random() * 0.5)
            (run,) = (folder / "results").iterdir()
            children = descendants(process.pid)
            target = process.pid if victim == "parent" else trial_process(process.pid)
            if target is not None:
                os.kill(target, signal.SIGKILL)
                kills[victim] += 1
            if victim == "child":
                wait_for_epochs(process, folder, epochs + 2)
                process.kill()
            process.wait()
            assert all_gone(children)
            log = run / "trials.jsonl"
            content = log.read_bytes() if log.exists() else b""
            assert content.startswith(before)
            before = content[: content.rfind(b"\n") + 1]
    with start(folder) as process:
        error = process.stderr.read().decode()
    assert process.returncode == 0, error
    assert list((folder / "results").iterdir()) == [run]
    check_nothing_was_lost(run, before)
    assert (run / "report.pdf").read_bytes().startswith(b"%PDF")
    assert kills == {"parent": 3, "child": 2}
    good = [t for t in TrialLog(run / "trials.jsonl").trials if t.state != "failed"]
    assert len(good) == 5
    resumed = [t for name in ("trials", "confirm", "retrain") for t in all_of(run, name)]
    assert any(t.resumed for t in resumed)
    history = json.loads((run / "history.json").read_text())
    assert [e["epoch"] for e in history["epochs"]] == [1, 2, 3, 4]


def all_of(run, name):
    return TrialLog(run / f"{name}.jsonl").trials


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_an_interim_report_and_the_same_command_goes_on(folder, number):
    with start(folder) as process:
        wait_for_epochs(process, folder, 6)
        children = descendants(process.pid)
        process.send_signal(number)
        error = process.stderr.read().decode()
    assert process.returncode == 130, error
    assert "stopping, with an interim report; once more stops at once" in error
    assert "the same command goes on" in error
    assert all_gone(children)
    (run,) = (folder / "results").iterdir()
    assert (run / "interim.pdf").read_bytes().startswith(b"%PDF")
    assert "interim" in (run / "interim.html").read_text().lower()
    if number == signal.SIGTERM:
        return  # going on is the same for both
    before = (run / "trials.jsonl").read_bytes()
    with start(folder) as process:
        error = process.stderr.read().decode()
    assert process.returncode == 0, error
    check_nothing_was_lost(run, before)
    assert (run / "report.pdf").is_file()
    assert not (run / "interim.pdf").exists()


def test_the_second_signal_stops_at_once_and_leaves_no_process(folder):
    with start(folder) as process:
        wait_for_epochs(process, folder, 2)
        children = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.wait()
    assert process.returncode == 130
    assert all_gone(children)


def test_a_run_in_use_is_refused_and_can_be_looked_at(folder):
    with start(folder, "--name", "one") as process:
        wait_for_epochs(process, folder, 5)
        run = folder / "results" / "one"
        second = subprocess.run(
            command("--name", "one"), cwd=folder, capture_output=True, text=True
        )
        assert second.returncode == 4
        assert f"in use by process {process.pid}" in second.stderr
        fmnist = [sys.executable, "-m", "fmnist.cli"]
        status = subprocess.run(
            [*fmnist, "status", str(run), "--json"], capture_output=True, text=True, check=True
        )
        assert json.loads(status.stdout)["state"] == "running"
        subprocess.run([*fmnist, "report", str(run)], check=True, capture_output=True)
        assert (run / "interim.html").is_file()
        assert process.poll() is None
        process.kill()


def test_a_changed_space_is_refused_with_the_difference(folder):
    with start(folder, "--name", "one") as process:
        wait_for_epochs(process, folder, 2)
        process.kill()
    (folder / "space.toml").write_text(SPACE.replace("1e-2", "2e-2"))
    again = subprocess.run(command("--name", "one"), cwd=folder, capture_output=True, text=True)
    assert again.returncode == 4
    assert "learning_rate" in again.stderr
    assert "0.02" in again.stderr
