"""Real training, killed at any moment: the same command goes on, nothing is lost."""

import json
import os
import random
import signal
import time

import pytest
from small_job import (
    SPACE,
    all_gone,
    check_nothing_was_lost,
    descendants,
    start,
    trial_process,
    wait_for_epochs,
)

from search.records import TrialLog


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "space.toml").write_text(SPACE)
    return tmp_path


@pytest.mark.slow
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
            if victim == "child":  # the parent dies at once: amid a trial that has a checkpoint
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
