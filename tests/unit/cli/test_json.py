"""What programs read: every command with ``--json``, and the schema of what it prints."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import json_output
import pytest
from click.testing import CliRunner
from run_folders import begun, finished

from fmnist.cli.commands import ablate
from fmnist.cli.display.follow import RunFollower
from fmnist.cli.json_records import print_record
from fmnist.cli.json_schema import EVENTS, RECORDS, event_types
from fmnist.cli.main import cli
from fmnist.errors import UserError
from fmnist.integrations import model_export, optuna_dashboard
from fmnist.integrations.model_export import Agreement
from fmnist.models import inference
from fmnist.pipeline.stages import ablation
from fmnist.report import comparison_report, render
from fmnist.report.render import Rendered
from fmnist.runs.artifacts import COMPARISON
from fmnist.runs.folder import Run
from fmnist.runs.records.reproduction import Reproduction
from fmnist.runs.records.score import Score

TEXT_ONLY = {"completion", "schema"}
"""Commands that print a script and JSON as it is."""


def test_every_command_has_json_and_a_schema():
    having = {
        name
        for name, command in cli.commands.items()
        if any("--json" in parameter.opts for parameter in command.params)
    }
    assert having == set(cli.commands) - TEXT_ONLY == {*EVENTS, *RECORDS}


@pytest.mark.parametrize("name", [*EVENTS, *RECORDS])
def test_each_schema_is_printed(name):
    schema = json.loads(CliRunner().invoke(cli, ["schema", name]).output)
    assert name in schema["title"]
    found = schema["$defs"]
    assert not [k for k, entry in found.items() if not entry.get("properties")]
    if name in RECORDS:
        assert schema["properties"]["schema"] == {"const": 1}
        assert found[schema["$ref"].rpartition("/")[2]]["description"]
    else:
        assert schema["discriminator"]["mapping"].keys() == event_types().keys()


def test_a_command_without_json_is_named():
    done = CliRunner().invoke(cli, ["schema", "completion"])
    assert isinstance(done.exception, UserError)
    assert "completion: prints no JSON; these do: run, " in str(done.exception)


def printed(*arguments, code=0):
    """What a command prints, all of it held to its schema."""
    done = CliRunner().invoke(cli, [*map(str, arguments), "--json"], standalone_mode=False)
    assert done.return_value == code, done.exception or done.output
    return json_output.lines(arguments[0], done.stdout)


@pytest.fixture
def run(tmp_path):
    return finished(tmp_path / "results").path


@pytest.fixture
def rendered(monkeypatch):
    """Rendering, which is tested elsewhere, in no time."""

    done = Rendered(Path("report.html"), None, "no Pango")
    monkeypatch.setattr(render, "render_report", lambda *_, **__: done)
    monkeypatch.setattr(comparison_report, "render_comparison", lambda *_: done)


def test_runs_and_status(run):
    begun(run.parent, "other")
    assert [r["state"] for r in printed("runs", "--results", run.parent)] == ["finished", "stopped"]
    (status,) = printed("status", run)
    assert (status["state"], status["schema"]) == ("finished", 1)


def test_watch(run):
    rows = printed("watch", run)
    assert (rows[0]["event"], rows[-1]["event"]) == ("begin", "result")


def test_a_watch_that_is_interrupted_says_so_beside_its_events(run, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(RunFollower, "follow", interrupted)
    done = CliRunner().invoke(cli, ["watch", str(run), "--json"], standalone_mode=False)
    assert (done.return_value, done.stdout) == (0, "")
    assert done.stderr == "the view ends; the run goes on\n"


def test_check_says_what_is_damaged(run):
    (whole,) = printed("check", run)
    assert whole == {"schema": 1, "run": str(run), "repaired": [], "problems": []}
    (run / "metrics.json").write_text("{")
    (damaged,) = printed("check", run, code=4)
    assert "metrics.json" in damaged["problems"][0]


def test_clean_says_what_would_go_and_what_went(run):
    (run / "trials").mkdir()
    (run / "trials" / "0.ckpt").write_bytes(b"12345")
    (planned,) = printed("clean", run, "--dry-run")
    assert planned["freed"] is None
    assert [r["paths"] for r in planned["removals"]] == [[str(run / "trials")]]
    assert printed("clean", run, "--yes")[0]["freed"] == planned["removals"][0]["bytes"] == 5
    assert printed("clean", run, "--yes") == [{"schema": 1, "removals": [], "freed": None}]


def test_report_and_compare(run, rendered, tmp_path, capsys):
    (report,) = printed("report", run, code=5)
    assert (report["html"], report["pdf"]) == ("report.html", None)
    other = shutil.copytree(run, tmp_path / "other")
    (comparison,) = printed("compare", run, other, code=5)
    assert [s["name"] for s in comparison["systems"]] == ["recorded", "recorded (2)"]
    print_record(Run(run).read(COMPARISON), "comparison")  # as train ends the networks of a recipe
    (event,) = json_output.lines("train", capsys.readouterr().out)
    assert event == {"event": "comparison", **comparison}


def test_experiment(run, rendered, monkeypatch):
    monkeypatch.setattr(ablate, "_check_data", lambda _: None)
    monkeypatch.setattr(ablation, "Session", lambda *_: SimpleNamespace(work=lambda: None))
    events = [row["event"] for row in printed("experiment", run, code=5)]
    assert events == ["begin", "stage", "report"]


def test_reproduce(capsys):
    score = Score(10, 9, 0.9, (0.8, 0.95), 0.3)
    found = Reproduction("r", "PDF", score, score, 0.0, (-0.1, 0.1), "newcombe", True, "They hold.")
    print_record(found, "reproduced")
    (row,) = json_output.lines("reproduce", capsys.readouterr().out)
    assert (row["holds"], row["recorded"]["accuracy"]) == (True, 0.9)


def test_export(run, monkeypatch):
    (run / "model.keras").write_bytes(b"a network")
    monkeypatch.setattr(model_export, "_written", lambda *_: Agreement(64, 1e-7, 1.0))
    (record,) = printed("export", "--run", run)
    assert json.loads((run / "export" / "keras" / "export.json").read_text()) == record


def test_predict(run, monkeypatch, tmp_path):
    import numpy as np
    from PIL import Image

    (run / "model.keras").write_bytes(b"a network")
    monkeypatch.setattr(inference, "load_model", lambda _: None)
    monkeypatch.setattr(inference, "predict", lambda *_, **__: np.eye(10, dtype=np.float32)[:1])
    with np.load(run / "predictions.npz") as arrays:
        Image.fromarray(255 - arrays["images"][0]).save(tmp_path / "a.png")
    (row,) = printed("predict", "--run", run, tmp_path / "a.png")
    assert row["probabilities"]["T-shirt/top"] == 1.0


def test_recipes_config_and_doctor(tmp_path):
    assert "three-conv" in [row["name"] for row in printed("recipes")]
    (config,) = printed("config", "status")
    assert [o["option"] for o in config["options"]] == ["--json"]
    (doctor,) = printed("doctor", "--data", tmp_path / "none", code=1)
    assert [c["ok"] for c in doctor["checks"] if c["name"] == "data"] == [False]
    refused = CliRunner().invoke(cli, ["doctor", "--fix", "--json"])
    assert "leave one out" in str(refused.exception)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # imported by Apprise
def test_notify():
    assert printed("notify", "json://127.0.0.1:9/secret") == [
        {"schema": 1, "service": "json://…", "delivered": None}
    ]
    (row,) = printed("notify", "--test", "json://127.0.0.1:9/secret", code=1)
    assert row["delivered"] is False


def test_dashboard(run, monkeypatch):
    monkeypatch.setattr(optuna_dashboard, "serve", lambda *_, tell, **__: tell("http://a:1/") or 0)
    assert printed("dashboard", run)[0]["url"] == "http://a:1/"
