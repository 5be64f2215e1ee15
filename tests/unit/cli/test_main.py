import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from fmnist.cli.display.plain import PlainDisplay, QuietDisplay
from fmnist.cli.main import cli

COMMANDS = list(cli.commands)


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
        (["run", "--time", "10s"], 2, "at least 60 s are needed"),
        (["run", "--name", "a/b", "--trials", "1"], 2, "use up to 100 letters"),
        (["run", "--trials", "0"], 2, "0 is not in the range x>=1"),
        (["run", "--jobs", "0"], 2, "'--jobs': 0: expected auto, or a whole number from 1 on"),
        (["run", "--seed", "4294967296"], 2, "not in the range 0<=x<=4294967295"),
        (["run", "--jobs", "many"], 2, "'--jobs': many: expected auto, or a whole number"),
        (["run", "--sampler", "best"], 2, "--engine optuna has tpe, random"),
        (["run", "--space", "no.toml"], 2, "no.toml"),
        (["predict", "--run", ".", "a.png"], 4, "not a run folder"),
        (["report", "."], 4, "not a run folder"),
    ],
)
def test_bad_input_is_an_error_without_a_traceback(tmp_path, arguments, code, message):
    command = [sys.executable, "-m", "fmnist", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def started(run, asked, **cover):
    """A job on a run that was begun with this request and cover."""
    from fmnist.config.config import Config
    from fmnist.pipeline.job import Job, Request
    from fmnist.pipeline.request import ReportOptions

    run.path.mkdir()
    said = {"author": "Ada", "title": "", "date": "21 November 2026"}
    first = Request(class_names="A,B").to_dict()
    run.write_toml("run.toml", {"request": first, "document": said})
    report = ReportOptions(document={"author": "", "title": "", "date": "", **cover})
    request = Request(class_names=asked)
    return Job(run=run, request=request, display=PlainDisplay(), base=Config(), report=report)


@pytest.mark.parametrize("asked", ["Q,Z", None])
def test_class_names_are_part_of_what_was_asked(tmp_path, asked):
    from fmnist.runs.folder import Run, RunError

    with pytest.raises(RunError, match=f"class_names A,B then, {asked} now"):
        started(Run(tmp_path / "r"), asked)._resume()


def test_a_newer_cover_counts_and_is_said(tmp_path, capsys):
    from fmnist.runs.folder import Run

    run = Run(tmp_path / "r")
    started(run, "A,B", author="Bob", title="Boots")._resume()
    said = run.read_toml("run.toml")["document"]
    assert said == {"author": "Bob", "title": "Boots", "date": "21 November 2026"}
    assert "the cover's author is now Bob\n" in capsys.readouterr().out


def test_time_of_earlier_sessions_counts_and_no_stage_counts_twice(tmp_path):
    from fmnist.config.config import Config
    from fmnist.pipeline.job import Job, Request
    from fmnist.runs.artifacts import STAGES
    from fmnist.runs.folder import Run
    from fmnist.runs.records.plan import Stage, Stages

    run = Run(tmp_path / "r")
    run.path.mkdir()
    request = Request(time_seconds=600.0)
    run.write_toml("run.toml", {"request": request.to_dict()})
    run.write(STAGES, Stages((Stage("prepare", "", 5.0), Stage("search", "", 95.0))))
    job = Job(run=run, request=request, display=QuietDisplay(), base=Config())
    job._resume()
    job.clock.stages += (Stage("search", "", 50.0),)  # this session's
    assert 100 <= job.budget.elapsed() < 110
