import dataclasses
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from run_folders import write_run_toml

from fmnist.cli.display.status import status_text
from fmnist.cli.main import cli
from fmnist.runs.artifacts import CONFIRMATION, PLAN, STAGES
from fmnist.runs.folder import Run, RunError
from fmnist.runs.records.plan import Decision, Plan, RunProfile, Stage, Stages
from fmnist.runs.records.run import RequestRecord
from fmnist.runs.status import _age, read_status
from search.analysis.results import Confirmation
from search.records import Epoch, EpochLog, Failure, Trial, TrialLog, read_rows, read_trials

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
NOW = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)


def epoch(number, accuracy=0.8):
    return Epoch(number, accuracy, 0.5, accuracy, 0.4, 2.0, 1e-3)


def trial(number, state="complete", value=0.9, failure=None, **more):
    return Trial(number, state, {"dropout": 0.25}, value, (), 0, "", 1.0, failure, **more)


@pytest.fixture
def run(tmp_path):
    """A run in the middle of its search."""
    run = Run(tmp_path / "night")
    run.path.mkdir()
    request = RequestRecord(seed=0, sampler="tpe", time_seconds=3600.0)
    write_run_toml(run, command="fmnist run --time 1h", created=NOW.isoformat(), request=request)
    run.write(STAGES, Stages((Stage("prepare", "", 10.0), Stage("search", "", 290.0))))
    log = TrialLog(run / "trials.jsonl")
    log.append(trial(0, value=0.9))
    log.append(trial(1, "pruned", 0.95))
    log.append(trial(2, "failed", None, Failure("nan", "the loss became nan")))
    log.append(trial(3, value=0.91))
    epochs = EpochLog(run / "epochs.jsonl")
    for number in range(5):
        epochs.append(number, epoch(1))
    epochs.append(4, epoch(2, 0.85))
    return run


def decisions(run, *texts, deadline=None):
    entries = tuple(Decision("", 61.0, "search", text) for text in texts)
    profile = RunProfile(6000, 3, 12)
    run.write(PLAN, Plan(deadline=deadline, sizes=profile, jobs=1, threads=None, planned=(),
                         decisions=entries))  # fmt: skip


def confirmation(run, reason=""):
    run.write(CONFIRMATION, Confirmation(k=2, seeds=2, reason=reason, candidates=(), winner=3,
                                         winner_by="search"))  # fmt: skip


def snapshot(folder):
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*") if p.is_file()}


def test_a_run_that_died(run):
    decisions(run, "ended early")
    status = read_status(run, NOW)
    assert (status.state, status.pid, status.stage) == ("stopped", None, "search")
    assert status.trials == {"complete": 2, "pruned": 1, "failed": 1}
    assert status.failures == {"nan": 1}
    assert (status.best.trial, status.best.value) == (3, 0.91)
    assert [dataclasses.astuple(f) for f in status.in_flight] == [("trial", 4, 2, 0.85)]
    assert (status.elapsed, status.time_left) == (300.0, 3300.0)
    text = status_text(status)
    assert "night: stopped, stage search" in text
    assert "5 min 0 s so far, 0:55:00 left" in text
    assert "4 (2 complete, 1 pruned, 1 failed)" in text
    assert "1 × nan" in text
    assert "trial 3, 91.00 %" in text
    assert "trial 4, epoch 2: 85.00 %, to be taken up again" in text
    assert "0:01:01 search: ended early" in text
    assert "fmnist run --time 1h  # goes on where it stopped" in text
    assert "test accuracy" not in text


def test_a_run_that_another_process_holds(run):
    """The other process is told apart by its lock, and nothing in its folder is touched."""
    code = (
        "import sys; from pathlib import Path; from fmnist.runs.folder import Run\n"
        "with Run(Path(sys.argv[1])).locked():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, run.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with (run / "trials.jsonl").open("ab") as file:
            file.write(b'{"schema": 1, "numb')  # being written
        before = snapshot(run.path)
        status = read_status(run)
        assert snapshot(run.path) == before
        assert (status.state, status.pid) == ("running", holder.pid)
        assert sum(status.trials.values()) == 4
        assert status.last_epoch is not None
        assert "to be taken up" not in status_text(status)
        assert f"kill {holder.pid}  # ends it cleanly" in status_text(status)
        holder.kill()
    assert read_status(run).state == "stopped"


def test_a_running_stage_counts_up_to_now(run):
    os.utime(run / "stages.json", (NOW.timestamp() - 40, NOW.timestamp() - 40))
    os.utime(run / "epochs.jsonl", (NOW.timestamp() - 25, NOW.timestamp() - 25))
    with run.locked():
        status = read_status(run, NOW)
        earlier = read_status(run, NOW - timedelta(hours=1))  # the clock was set back
    assert (status.elapsed, status.time_left, status.last_epoch) == (340.0, 3260.0, 25.0)
    assert "last epoch     25 s ago" in status_text(status)
    assert (earlier.elapsed, earlier.last_epoch) == (300.0, 0.0)


def test_a_deadline_by_the_clock(run):
    decisions(run, deadline=(NOW + timedelta(hours=8)).isoformat())
    status = read_status(run, NOW)
    assert status.time_left == 8 * 3600
    assert "8:00:00 left, to end by " in status_text(status)
    late = read_status(run, NOW + timedelta(hours=9))
    assert late.time_left == 0.0
    assert "the time is over" in status_text(late)


def test_only_the_last_decisions_are_shown(run):
    decisions(run, *(f"decision {i}" for i in range(20)))
    status = read_status(run, NOW)
    assert len(status.decisions) == 20
    shown = [line for line in status_text(status).splitlines() if "search: decision" in line]
    assert [line.split()[-1] for line in shown] == ["15", "16", "17", "18", "19"]


def test_confirmation_and_retraining(run):
    runs = TrialLog(run / "confirm.jsonl")
    runs.append(trial(0, replicate_of=3))
    runs.append(trial(1, "failed", None, Failure("hang", ""), replicate_of=0))
    epochs = EpochLog(run / "confirm_epochs.jsonl")
    for number in (0, 1, 10):
        epochs.append(number, epoch(1))
    status = read_status(run, NOW)
    assert (status.confirmation.done, status.confirmation.failed) == (2, 1)
    assert [(f.kind, f.number) for f in status.in_flight][-1] == ("confirmation run", 10)
    assert "confirmation   2 runs done (1 failed)" in status_text(status)
    confirmation(run)
    EpochLog(run / "retrain_epochs.jsonl").append(0, epoch(1))
    text = status_text(read_status(run, NOW))
    assert "2 runs done (1 failed), trial 3 wins" in text
    assert "retraining     1 epoch done" in text


def test_a_confirmation_that_was_skipped(run):
    confirmation(run, "there was no time for it")
    text = status_text(read_status(run, NOW))
    assert "confirmation   none, trial 3 wins: there was no time for it" in text


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_of_an_earlier_version(tmp_path, finished):
    shutil.copytree(RECORDED, tmp_path / "old")
    if finished:
        (tmp_path / "old" / "report.html").touch()
    before = sorted(p.name for p in (tmp_path / "old").iterdir())
    status = read_status(Run(tmp_path / "old"))
    assert sorted(p.name for p in (tmp_path / "old").iterdir()) == before
    assert status.state == ("finished" if finished else "stopped")
    assert status.trials == {"complete": 16}
    assert status.retraining == 8
    assert status.test_accuracy == 0.9245
    assert status.in_flight == ()
    text = status_text(status)
    assert "test accuracy  92.45 %" in text
    assert ("report.html" if finished else "# goes on where it stopped") in text


def test_a_run_that_has_hardly_begun(tmp_path):
    write_run_toml(Run(tmp_path), command="")
    status = read_status(Run(tmp_path))
    assert (status.trials, status.best, status.stage, status.next) == ({}, None, "", ())
    assert status_text(status).startswith(f"run            {tmp_path.name}: stopped\n")


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(RunError, match="not a run folder") as error:
        read_status(Run(tmp_path))
    assert str(tmp_path) in str(error.value)
    error = show(tmp_path).exception
    assert isinstance(error, RunError)
    assert f"{tmp_path}: not a run folder" in str(error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["trials.jsonl", "epochs.jsonl"])
@pytest.mark.parametrize("line", [b"{broken}\n", b"7\n", b"[1]\n"])
def test_a_broken_line_is_named(run, name, line):
    content = (run / name).read_bytes()
    (run / name).write_bytes(line + content)
    with pytest.raises(RunError, match=f"{name}: line 1 (is no|holds no)"):
        read_status(run)


@pytest.mark.parametrize("name", ["run.toml", "stages.json", "plan.json", "metrics.json"])
def test_a_broken_file_is_named(run, name):
    (run / name).write_text("{[")
    with pytest.raises(RunError, match=name):
        read_status(run)


def test_the_file_of_another_version_is_named(run):
    (run / "trials.jsonl").write_text('{"schema": 99}\n')
    with pytest.raises(RunError, match=r"trials.jsonl: line 1 is no trial.*schema 1, found 99"):
        read_status(run)


@pytest.mark.parametrize("torn", range(0, 60, 7))
def test_a_line_torn_anywhere_is_left_out_and_left_alone(tmp_path, torn):
    log = TrialLog(tmp_path / "trials.jsonl")
    log.append(trial(0))
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + whole[:torn])
    assert [t.number for t in read_trials(log.path)] == [0]
    assert log.path.read_bytes() == whole + whole[:torn]


def test_what_is_not_there(tmp_path):
    assert read_rows(tmp_path / "nothing") == []
    assert _age(tmp_path / "nothing", NOW) is None


def show(folder, *options):
    """What ``fmnist status`` prints, and how it ends."""
    return CliRunner().invoke(cli, ["status", str(folder), *options])


def test_json(run):
    data = json.loads(show(run.path, "--json").stdout)
    assert data["schema"] == 1
    assert data["in_flight"] == [{"kind": "trial", "number": 4, "epochs": 2, "value": 0.85}]
    assert show(run.path).stdout.startswith("run ")


def test_it_is_light():
    code = (
        "import sys, fmnist.runs.status;"
        "print(*{'tensorflow', 'keras', 'optuna', 'sqlite3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
