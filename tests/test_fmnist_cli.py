import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from fmnist.cli import cli
from fmnist.view import JsonView, LiveView, PlainView
from fmnist.words import clock, duration, outcome, percent
from search.records import Failure, Trial

COMMANDS = ["run", "train", "predict", "report", "doctor"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_every_option_and_ends_with_an_example(command):
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: fmnist {command}" in " ".join(result.output.split())


def test_every_command_is_listed():
    output = CliRunner().invoke(cli, ["--help"]).output
    assert all(re.search(rf"^  {name} ", output, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "--time", "soon"], 2, "expected a duration such as 90s, 10m, 8h"),
        (["run", "--time", "10s"], 2, "at least 1m is needed"),
        (["run", "--name", "a/b", "--trials", "1"], 4, "use up to 100 letters"),
        (["run", "--trials", "0"], 2, "0 is not in the range x>=1"),
        (["run", "--sampler", "best"], 2, "'best' is not one of"),
        (["run", "--space", "no.toml"], 2, "no.toml"),
        (["predict", "--run", ".", "a.png"], 4, "not a run folder"),
        (["report", "."], 4, "not a run folder"),
    ],
)
def test_bad_input_is_an_error_without_a_traceback(tmp_path, arguments, code, message):
    command = [sys.executable, "-m", "fmnist.cli", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def trial(number=0, state="complete", value=0.9, failure=None):
    return Trial(number, state, {"dropout": 0.25, "filters_1": 16}, value, (), 0, "", 1.0, failure)


def test_trials_in_words():
    assert outcome(trial()) == "90.00 %"
    assert outcome(trial(state="pruned", value=0.5)) == "50.00 % pruned"
    assert outcome(trial(state="failed", value=None, failure=Failure("nan", ""))) == "failed (nan)"
    assert percent(None) == "–"
    assert [duration(s) for s in (45, 570, 28_800)] == ["45 s", "9 min 30 s", "8 h 0 min"]
    assert clock(3725) == "1:02:05"


def test_plain_lines(capsys, tmp_path):
    view = PlainView()
    view.begin(tmp_path, 600.0)
    view.trial_done(trial(), trial(), 90.0)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"run {tmp_path}, 10 min 0 s"
    assert "trial 0 90.00 %: dropout 0.25, filters_1 16, best 90.00 % (trial 0)" in lines[1]
    assert lines[1].endswith("1 min 30 s to search")


def test_json_lines_are_json(capsys, tmp_path):
    view = JsonView()
    view.begin(tmp_path, None)
    view.trial_done(trial(), None, 1.0)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["event"] for e in events] == ["begin", "trial"]
    assert events[1]["params"] == {"dropout": 0.25, "filters_1": 16}


def test_the_live_table_keeps_the_best_and_the_newest(tmp_path):
    from rich.console import Console

    view = LiveView()
    view.begin(tmp_path, 600.0, trials=50)
    best = trial(3, value=0.95)
    for number in range(40):
        view.trial_done(best if number == 3 else trial(number, value=number / 100), best, 1.0)
    view.close()
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(view._draw())
    text = console.export_text()
    console.file.close()
    assert "95.00 %" in text
    assert re.search(r"^ *39 ", text, re.MULTILINE)
    assert not re.search(r"^ *20 ", text, re.MULTILINE)
    assert "left" in text
    assert "40 of 50 trials" in text


def test_time_of_earlier_sessions_counts_and_no_stage_counts_twice(tmp_path):
    from fmnist.config import Config
    from fmnist.job import Job, Request
    from fmnist.runs import Run
    from fmnist.view import View

    run = Run(tmp_path / "r")
    run.path.mkdir()
    request = Request(time_seconds=600.0)
    run.write_toml("run.toml", {"request": request.to_dict()})
    stages = [{"name": "prepare", "started": "", "seconds": 5.0}, {"name": "search", "seconds": 95}]
    run.write_json("stages.json", {"stages": stages})
    job = Job(run=run, request=request, view=View(), base=Config())
    job._resume()
    job.stage_log.append({"name": "search", "started": "", "seconds": 50.0})  # this session's
    assert 100 <= job.budget.elapsed() < 110


def test_the_result_says_why_there_is_no_pdf(tmp_path):
    from fmnist.report.render import Rendered
    from fmnist.words import result_text

    test = {"accuracy": 0.9301, "interval": [0.9249, 0.9349], "n": 10_000}
    text = result_text(tmp_path, test, Rendered(tmp_path / "report.html", None, "no Pango: …"))
    assert "93.01 %  (95 % interval 92.49 to 93.49 %, n = 10000)" in text
    assert "PDF report     no Pango: …" in text
