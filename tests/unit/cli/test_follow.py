"""``fmnist watch``: a display is told what the files of a run say, each thing once."""

import shutil
from pathlib import Path

import pytest

from fmnist.cli.display.follow import RunFollower
from fmnist.pipeline.progress import ProgressDisplay
from fmnist.runs import artifacts
from fmnist.runs.folder import Run
from fmnist.runs.records.plan import Stage, Stages
from search.records import Epoch, EpochLog

RECORDED = Path(__file__).parents[2] / "data" / "short_run"


class Heard(ProgressDisplay):
    """Keeps what it is told."""

    def __init__(self):
        super().__init__()
        self.said = []

    def stage_started(self, name):
        super().stage_started(name)
        self.said.append(("stage", name))

    def message(self, text):
        self.said.append(("message", text))

    def epoch_done(self, suggestion, epoch):
        self.said.append(("epoch", suggestion.number, epoch.epoch))

    def trial_done(self, trial, best, time_left):
        self.said.append(("trial", trial.number, best and best.number))

    def retrain_epoch(self, epoch, epochs, name=""):
        self.said.append(("retrain", epoch.epoch))

    def result(self, run, metrics, rendered):
        self.said.append(("result", metrics.test.accuracy, rendered.pdf))


def stages(*names):
    return Stages(tuple(Stage(name, "2026-11-21T20:00:00+00:00", 1.0) for name in names))


@pytest.fixture
def run(tmp_path):
    folder = Run(shutil.copytree(RECORDED, tmp_path / "night"))
    folder.write(artifacts.STAGES, stages("prepare", "search"))
    return folder


def test_what_is_written_meanwhile_is_told_once(run, monkeypatch):
    lines = (run / "trials.jsonl").read_text().splitlines(keepends=True)
    (run / "trials.jsonl").write_text(lines[0])
    metrics = (run / artifacts.METRICS).read_bytes()
    (run / artifacts.METRICS).unlink()
    epoch = Epoch(1, 0.5, 1.0, 0.5, 1.0, 2.0)

    def second():
        EpochLog(run / artifacts.EPOCHS).append(1, epoch)

    def third():
        (run / "trials.jsonl").write_text("".join(lines[:2]))

    def fourth():
        EpochLog(run / artifacts.RETRAIN_EPOCHS).append(0, epoch)
        run.write(artifacts.STAGES, stages("prepare", "search", "retrain"))

    def last():
        (run / artifacts.METRICS).write_bytes(metrics)
        (run / artifacts.REPORT).write_text("the report")

    steps = [second, third, fourth, last]
    monkeypatch.setattr("fmnist.runs.status._owner", lambda _: 123 if steps else None)
    display = Heard()
    status = RunFollower(run, display, sleep=lambda _: steps.pop(0)()).follow()
    assert status.state == "finished"
    first, other = (t.number for t in run.trials())
    heard = [entry for entry in display.said if entry[0] != "trial"]
    assert heard[:2] == [("stage", "prepare"), ("stage", "search")]
    assert ("epoch", 1, 1) in heard
    assert heard.index(("stage", "retrain")) < heard.index(("retrain", 1))
    assert [entry[1] for entry in display.said if entry[0] == "trial"] == [first, other]
    assert display.said[-1][0] == "result"
    assert len(set(display.said)) == len(display.said)


def test_a_run_that_stopped_says_what_comes_next(run, capsys):
    (run / artifacts.METRICS).unlink()
    display = Heard()
    assert RunFollower(run, display, sleep=pytest.fail).follow().state == "stopped"
    assert display.said[-1][0] == "message"
    assert "stopped; " in display.said[-1][1]
