"""What a pipe or a log shows: what runs, the best so far, the end; never silence for long."""

import re
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from unit.cli.test_display import CONFIRMATION, METRICS, epoch, suggestion, trial

from fmnist.cli import jobs
from fmnist.cli.display import make_display
from fmnist.cli.display.plain import PlainDisplay
from fmnist.cli.display.summary import linked, result_text
from fmnist.report.render import Rendered
from fmnist.runs import artifacts
from fmnist.runs.folder import Run
from search.analysis.results import Difference


@pytest.fixture
def display(tmp_path):
    view = PlainDisplay()
    view.start_job(tmp_path / "r", 600.0, remaining=lambda: 300.0)
    yield view
    view.close()


def test_every_epoch_is_a_line_with_the_best_and_the_end(display, capsys):
    display.stage_started("search")
    display.trial_done(trial(1, value=0.881), trial(1, value=0.881), 120.0)
    display.trial_started(suggestion(3))
    display.epoch_done(suggestion(3), epoch(2))
    line = capsys.readouterr().out.splitlines()[-1]
    expected = r"  trial 3 epoch 2/6 88\.12 %, best 88\.10 % \(trial 1\), done by \d\d:\d\d"
    assert re.fullmatch(expected, line)
    display.stage_started("retrain")
    display.retrain_epoch(epoch(4), 20)
    line = capsys.readouterr().out.splitlines()[-1]
    assert "epoch 4/20: validation accuracy 88.12 %" in line
    assert "best 88.10 % (trial 1), done by" in line


def test_without_a_deadline_the_trials_are_counted(tmp_path, capsys):
    display = PlainDisplay()
    display.start_job(tmp_path / "r", None, 9)
    display.stage_started("search")
    display.trial_done(trial(0), trial(0), float("inf"))
    assert "1 of 9 trials over" in capsys.readouterr().out
    display.close()


def test_a_long_silence_is_broken_with_what_runs(tmp_path, capsys):
    display = PlainDisplay(silence=0.05)
    display.start_job(tmp_path / "r", 600.0, remaining=lambda: 300.0)
    display.stage_started("search")
    display.trial_started(suggestion(3))
    said, until = "", time.monotonic() + 20
    while "trial 3 starting" not in said and time.monotonic() < until:
        time.sleep(0.02)
        said += capsys.readouterr().out
    assert re.search(r"^0:00:\d\d searching, trial 3 starting, done by \d\d:\d\d$", said, re.M)
    display.close()
    time.sleep(0.1)
    capsys.readouterr()
    time.sleep(0.2)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("term", "redraws"), [("dumb", False), ("xterm-256color", True)])
def test_a_terminal_that_cannot_redraw_gets_lines(monkeypatch, term, redraws):
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setenv("TERM", term)
    assert isinstance(make_display(quiet=False, as_json=False), PlainDisplay) is not redraws


def test_the_end_says_what_the_search_brought(tmp_path):
    rendered = Rendered(tmp_path / "report.html", tmp_path / "report.pdf", None)
    assert "the search" not in result_text(tmp_path, METRICS, rendered)
    gained = replace(CONFIRMATION, start=3, gain=Difference(0.0042, (-0.001, 0.0094)))
    Run(tmp_path).write(artifacts.CONFIRMATION, gained)
    text = result_text(tmp_path, METRICS, rendered)
    assert "the search     0.42 points gained over the configuration it began with" in text
    assert "(95 % interval −0.10 to 0.94 points, validation)" in text


@pytest.mark.parametrize(("term", "links"), [("dumb", 0), ("xterm", 2)])
def test_a_terminal_has_the_paths_as_links(tmp_path, monkeypatch, term, links):
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setenv("TERM", term)
    rendered = Rendered(tmp_path / "report.html", tmp_path / "report.pdf", None)
    shown = linked(result_text(tmp_path, METRICS, rendered), rendered)
    assert shown.count("\x1b]8;;file://") == links
    assert len(shown.splitlines()) == len(result_text(tmp_path, METRICS, rendered).splitlines())


def test_open_shows_the_report_or_says_that_nothing_can(tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or len(opened) == 1)
    jobs.show_in_browser(tmp_path / "report.html")
    assert opened == [(tmp_path / "report.html").as_uri()]
    assert capsys.readouterr().err == ""
    jobs.show_in_browser(tmp_path / "report.html")
    assert "no browser could be started" in capsys.readouterr().err
