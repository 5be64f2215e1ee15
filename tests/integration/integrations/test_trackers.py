import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from requirements import find_package
from run_folders import write_run_toml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from fmnist.cli.display.plain import QuietDisplay
from fmnist.cli.jobs import JobOptions
from fmnist.config.config import Config
from fmnist.errors import UserError
from fmnist.integrations import mlflow
from fmnist.integrations.live_page import LivePage
from fmnist.integrations.tensorboard import FOLDER, EventFiles
from fmnist.integrations.tracker import Tracker, Trackers
from fmnist.integrations.tracking import open_trackers
from fmnist.pipeline.request import Request
from fmnist.runs.artifacts import SPACE
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run
from search.records import Failure, Trial, TrialLog
from search.space import Categorical, SearchSpace

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
CURVES = ("accuracy", "loss", "val_accuracy", "val_loss", "learning_rate")


@pytest.fixture
def run(tmp_path):
    return Run(shutil.copytree(RECORDED, tmp_path / "recorded"))


def read(folder):
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def scalars(events, tag):
    return (
        [(s.step, s.value) for s in events.Scalars(tag)] if tag in events.Tags()["scalars"] else []
    )


def hparams(events, kind):
    """The record of that kind that the hparams plugin finds: session_start_info or the like."""
    content = events.summary_metadata[f"_hparams_/{kind}"].plugin_data.content
    return getattr(HParamsPluginData.FromString(content), kind)


def near(pairs):
    """Scalars are 32-bit floats there."""
    return [(step, pytest.approx(value, rel=1e-6)) for step, value in pairs]


def test_the_events_of_every_trial_are_those_of_the_records(run):
    EventFiles().finished(run)
    trials = TrialLog(run / "trials.jsonl").trials
    assert len(trials) == 16
    for trial in trials:
        events = read(run / FOLDER / f"trial_{trial.number:04d}")
        for name in CURVES:
            expected = [(e.epoch, getattr(e, name)) for e in trial.epochs]
            assert scalars(events, name) == near(expected)
        assert scalars(events, "value") == near([(len(trial.epochs), trial.value)])
        begun = hparams(events, "session_start_info")
        found = {k: v.number_value for k, v in begun.hparams.items()}
        assert found == trial.params
        ended = hparams(events, "session_end_info")
        assert ended.end_time_secs - begun.start_time_secs == pytest.approx(trial.seconds)
        moments = [s.wall_time for s in events.Scalars("loss")]
        assert moments == sorted(moments)
        assert begun.start_time_secs < moments[0] < moments[-1] <= ended.end_time_secs + 1


def test_the_final_training_and_the_space(run):
    EventFiles().finished(run)
    events = read(run / FOLDER / "final")
    epochs = json.loads((run / "history.json").read_text())["epochs"]
    for name in CURVES:
        assert scalars(events, name) == near([(e["epoch"], e[name]) for e in epochs])
    test = json.loads((run / "metrics.json").read_text())["test"]["accuracy"]
    assert scalars(events, "test_accuracy") == near([(len(epochs), test)])
    config = load_config(run.path).to_dict()
    params = hparams(events, "session_start_info").hparams
    assert {k: v.number_value for k, v in params.items()} == {k: config[k] for k in params}
    space = json.loads((run / "space.json").read_text())["parameters"]
    (file,) = (run / FOLDER).glob("events.out.tfevents.*")
    shown = hparams(read(file), "experiment").hparam_infos
    assert [info.name for info in shown] == [p["name"] for p in space]


def test_trials_come_one_after_another_and_each_is_written_once(run):
    lines = (run / "trials.jsonl").read_text().splitlines(keepends=True)
    for name in ("history.json", "metrics.json"):
        (run / name).unlink()
    tracker = EventFiles()
    (run / "trials.jsonl").write_text("".join(lines[:2]) + lines[2][:40])  # one is being written
    tracker.progress(run)
    assert {p.name for p in (run / FOLDER).iterdir() if p.is_dir()} == {"trial_0000", "trial_0001"}
    before = {p: p.stat().st_mtime_ns for p in (run / FOLDER).rglob("*") if p.is_file()}
    (run / "trials.jsonl").write_text("".join(lines[:3]))
    tracker.progress(run)
    after = {p: p.stat().st_mtime_ns for p in (run / FOLDER).rglob("*") if p.is_file()}
    assert {p.parent.name for p in set(after) - set(before)} == {"trial_0002"}
    assert all(after[p] == before[p] for p in before)
    EventFiles().progress(run)  # a resumed run has a new tracker
    assert set(after) == {p for p in (run / FOLDER).rglob("*") if p.is_file()}


def test_failed_trials_and_odd_parameters(tmp_path):
    run = Run(tmp_path / "run")
    write_run_toml(run, created="2026-11-21T20:00:00+00:00")
    run.write(SPACE, SearchSpace((Categorical("pool", ("max", 2, True)),)))
    started, failure = "2026-11-21T20:01:00+00:00", Failure("nan", "the loss became nan")
    failed = Trial(0, "failed", {"pool": "max"}, None, (), 0, started, 2.0, failure)
    TrialLog(run / "trials.jsonl").append(failed)
    EventFiles().progress(run)
    events = read(run / FOLDER / "trial_0000")
    assert scalars(events, "value") == []
    assert hparams(events, "session_start_info").hparams["pool"].string_value == "max"
    assert hparams(events, "session_end_info").status == 2  # STATUS_FAILURE


def test_writing_events_loads_neither_tensorflow_nor_keras(run):
    code = (
        "import sys; from pathlib import Path; from fmnist.runs.folder import Run\n"
        "from fmnist.integrations.tensorboard import EventFiles\n"
        f"EventFiles().finished(Run(Path({str(run.path)!r})))\n"
        "print(*sorted({'tensorflow', 'keras', 'optuna'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


class Broken(Tracker):
    name = "Book"

    def __init__(self):
        self.calls = 0

    def progress(self, run):
        self.calls += 1
        raise ConnectionError("http://ada:secret@host is gone")

    finished = progress


class Counting(Tracker):
    def __init__(self):
        self.calls = []

    def progress(self, run):
        self.calls.append("progress")

    def finished(self, run):
        self.calls.append("finished")


def test_a_tracker_that_fails_is_told_once_and_stops_nothing(run):
    broken, counting, told = Broken(), Counting(), []
    trackers = Trackers([broken, counting], told.append)
    trackers.progress(run)
    trackers.progress(run)
    trackers.finished(run)
    assert broken.calls == 1
    assert told == ["Book is given up, the run goes on: http://ada:***@host is gone"]
    assert counting.calls == ["progress", "progress", "finished"]


def test_events_into_a_place_that_cannot_be_written_stop_nothing(run):
    (run / FOLDER).write_text("a file of this name is in the way")
    told = []
    trackers = open_trackers(told.append, tensorboard=True)
    trackers.progress(run)
    assert len(told) == 1
    assert told[0].startswith("TensorBoard is given up, the run goes on: ")


def test_a_job_tells_its_trackers(tmp_path, monkeypatch):
    from fmnist.pipeline.job import Job

    counting = Counting()
    monkeypatch.setattr(
        "fmnist.pipeline.job._STAGES",
        (
            SimpleNamespace(
                name="report", marker=None, work=lambda job: None, wanted=lambda job: True
            ),
        ),
    )
    monkeypatch.setattr("fmnist.pipeline.job.disable_flips", lambda job: None)
    monkeypatch.setattr("fmnist.pipeline.job.finish", lambda job: 0)
    run = Run(tmp_path / "run")
    request = Request(kind="train", validation=10)
    trackers = Trackers([counting])
    job = Job(run=run, request=request, display=QuietDisplay(), base=Config(), trackers=trackers)
    assert job.execute() == 0
    assert counting.calls == ["progress", "progress", "finished"]


NOTHING = {
    **dict.fromkeys(("name", "data", "template", "questions")),
    **dict.fromkeys(("title", "author", "course", "dated"), ""),
}


def trackers(folder, **options):
    """Those of a job that these options of the command line make."""
    options = JobOptions(folder, **NOTHING, quiet=True, as_json=False, **options)
    return options.make_job(Run(folder), Request(), Config()).trackers.working


def test_the_command_line_chooses_the_trackers(tmp_path):
    assert [type(t) for t in trackers(tmp_path, tensorboard=True)] == [LivePage, EventFiles]
    assert [type(t) for t in trackers(tmp_path)] == [LivePage]  # a command without such options


def test_without_mlflow_the_remedy_is_named_before_anything_runs(monkeypatch):
    monkeypatch.setattr(mlflow, "installed", lambda: False)
    with pytest.raises(UserError, match="pip install mlflow-skinny"):
        open_trackers(print, mlflow="sqlite:///mlflow.db")


@pytest.fixture
def mlflow_installed(monkeypatch, tmp_path):
    """MLflow's client; processes of their own import it, since it brings much along."""
    find_package("mlflow")
    monkeypatch.chdir(tmp_path)


SEND = """
import json, sys, warnings
from pathlib import Path
from fmnist.runs.folder import Run
from fmnist.integrations.tracking import open_trackers
told = []
open_trackers(told.append, mlflow=sys.argv[2]).finished(Run(Path(sys.argv[1])))
from mlflow.tracking import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[2])
found = []
for run in client.search_runs([client.get_experiment_by_name("fmnist").experiment_id]):
    number = run.info.run_id
    curve = [(m.step, m.value) for m in client.get_metric_history(number, "val_accuracy")]
    files = [f.path for f in client.list_artifacts(number)]
    found.append([dict(run.data.params), dict(run.data.metrics), dict(run.data.tags), curve,
                  files, run.info.status])
print(json.dumps({"told": told, "runs": found}))
"""


def send(run, uri):
    """Log ``run`` in a process of its own, since MLflow brings much along; what is there then."""
    done = subprocess.run([sys.executable, "-c", SEND, str(run.path), uri], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout.decode().splitlines()[-1])


@pytest.mark.slow
def test_a_finished_run_in_a_real_mlflow_store(run, tmp_path, mlflow_installed):
    (run / "report.html").write_text("<p>a report</p>")
    found = send(run, f"sqlite:///{tmp_path}/mlflow.db")
    assert found["told"] == []
    finals = [r for r in found["runs"] if "mlflow.parentRunId" not in r[2]]
    ((params, metrics, tags, curve, files, status),) = finals
    config = load_config(run.path).to_dict()
    assert params == {name: str(value) for name, value in config.items()}
    test = json.loads((run / "metrics.json").read_text())["test"]
    assert metrics["test_accuracy"] == test["accuracy"]
    assert [metrics["test_accuracy_low"], metrics["test_accuracy_high"]] == test["interval"]
    epochs = json.loads((run / "history.json").read_text())["epochs"]
    assert curve == [[e["epoch"], e["val_accuracy"]] for e in epochs]
    assert (tags["mlflow.runName"], tags["data"], status) == (
        "recorded",
        "Fashion-MNIST",
        "FINISHED",
    )
    assert set(files) == {"report.html", "best_config.toml", "metrics.json"}
    trials = {r[2]["mlflow.runName"]: r for r in found["runs"] if "mlflow.parentRunId" in r[2]}
    for trial in TrialLog(run / "trials.jsonl").trials:
        params, metrics, tags, curve, _, _ = trials.pop(f"trial {trial.number}")
        assert params == {name: str(value) for name, value in trial.params.items()}
        assert (metrics["value"], tags["state"]) == (trial.value, trial.state)
        assert curve == [[e.epoch, e.val_accuracy] for e in trial.epochs]
    assert trials == {}


@pytest.mark.slow
def test_a_store_that_cannot_be_opened_is_named_without_its_password(mlflow_installed):
    code = (
        "from fmnist.integrations.tracking import open_trackers\n"
        "open_trackers(print, mlflow='http://ada:secret@127.0.0.1:1')"
    )
    environment = {**os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert "UserError: --mlflow http://ada:***@127.0.0.1:1: the store cannot be op" in done.stderr
    assert "secret" not in done.stderr


SILENT = """
import logging, socket, time
from fmnist.integrations import mlflow, tracking
logging.getLogger("fmnist").addHandler(logging.NullHandler())  # a run has its run.log
mlflow._OPENING_SECONDS = 0.5
with socket.create_server(("127.0.0.1", 0)) as server:  # takes calls, never answers
    uri = f"http://127.0.0.1:{server.getsockname()[1]}"
    told = []
    since = time.monotonic()
    found = tracking.open_trackers(told.append, mlflow=uri, strict=False)
    found.finished(None)
    assert time.monotonic() - since < 20, "the waiting has an end"
    print(*told, sep="\\n")
"""


@pytest.mark.slow
def test_a_store_that_never_answers_costs_a_message_and_no_time(mlflow_installed):
    done = subprocess.run([sys.executable, "-c", SILENT], capture_output=True, text=True)
    first, *_, second = done.stdout.splitlines()
    assert "cannot be opened: no answer for 0 s; it is tried again when the run" in first
    assert second == "MLflow is given up, the run goes on: no answer for 0 s"
    assert done.stderr == ""


def test_only_a_new_run_that_names_its_store_is_refused(tmp_path, monkeypatch):
    asked = []

    def note(tell, *, strict, **_):
        asked.append(strict)
        return Trackers()

    monkeypatch.setattr("fmnist.integrations.tracking.open_trackers", note)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    jobs = [JobOptions(tmp_path, **NOTHING, quiet=True, as_json=False, mlflow="http://h")] * 3
    jobs[0].make_job(Run(tmp_path), Request(), Config())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://h")
    jobs[1].make_job(Run(tmp_path), Request(), Config())
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    (tmp_path / "run.toml").write_text("begun = true")
    jobs[2].make_job(Run(tmp_path), Request(), Config())
    assert asked == [True, False, False]
