"""The whole job on real training is killed -9 in every stage, and still ends with its report."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest
from faults import TALLY, Witness, grown, leftovers
from faults_life import MARK

from fmnist.runs.folder import Run
from fmnist.runs.status import read_status

pytest_plugins = ("faults_plugin",)
SIZES = {
    "--trials": 5,
    "--trial-epochs": 3,
    "--epochs": 4,
    "--trial-images": 1000,
    "--validation": 300,
    "--jobs": 2,
}


@pytest.mark.full
def test_a_job_is_killed_in_every_stage(lives, sample, tmp_path):
    run, rng = tmp_path / "night", random.Random(0)
    command = [sys.executable, "-m", "fmnist", "run", "--data", sample, "--quiet"]
    command += ["--results", tmp_path, "--name", run.name]
    command += [str(part) for option in SIZES.items() for part in option]
    command += ["--refit", "--ensemble", "3"]
    witness = Witness(run)
    moments = [
        lambda: (run / "run.toml").exists,
        lambda: grown(run / "epochs.jsonl", 1),
        lambda: grown(run / "epochs.jsonl", 4),
        lambda: grown(run / "confirm_epochs.jsonl", 1),
        lambda: grown(run / "confirm_epochs.jsonl", 3),
        lambda: grown(run / "retrain_epochs.jsonl", 1),
        lambda: grown(run / "retrain_epochs.jsonl", 1),
        lambda: grown(run / "refit_epochs.jsonl", 1),
        lambda: grown(run / "ensemble_epochs.jsonl", 1),
        lambda: (run / "ensemble.json").exists,
        lambda: grown(run / "experiments_epochs.jsonl", 1),
    ]
    for moment in moments:
        kill_at(command, run, moment(), rng.uniform(0, 0.5))
        if (run / "trials.jsonl").exists():
            witness.look()
        assert read_status(Run(run)).state == "stopped"
    done = subprocess.run(command, env=marked(run), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    assert len(witness.agree()) == 5
    assert read_status(Run(run)).state == "finished"
    assert (run / "report.pdf").read_bytes().startswith(b"%PDF")
    assert not (run / "trials").exists()
    ledger = json.loads((run / "ledger.json").read_text())
    assert {e["stage"] for e in ledger["entries"] if e["split"] == "test"} <= {
        "evaluate",
        "gallery",
    }


def kill_at(command, run, moment, pause):
    """Begin the job, and kill it a little after the moment."""
    process = subprocess.Popen(
        command, env=marked(run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 300
    while not moment() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(pause)
    assert process.poll() is None, "it ended before its moment"
    process.send_signal(signal.SIGKILL)
    process.wait()
    TALLY["kill -9 of a job with real training"] += 1
    assert leftovers(run) == []


def marked(run):
    return {**os.environ, MARK: str(run)}


def test_processes_are_told_apart(tmp_path):
    """The search for orphans finds what is there to be found."""
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(sleeper, env=marked(tmp_path)) as process:
        assert [p.pid for p in leftovers(tmp_path, patience=0.3)] == [process.pid]
    assert not psutil.pid_exists(process.pid)
    TALLY["orphans"] -= 1
