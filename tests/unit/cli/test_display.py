import os
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import json_output
import pytest

from fmnist.cli.display import make_display
from fmnist.cli.display.json_lines import JsonDisplay
from fmnist.cli.display.live import LiveDisplay
from fmnist.cli.display.plain import PlainDisplay, QuietDisplay
from fmnist.cli.display.summary import outcome, result_text, winner_text
from fmnist.pipeline.doctor import Check
from fmnist.report.render import Rendered
from fmnist.runs import artifacts
from fmnist.runs.folder import Run
from fmnist.runs.records.metrics import SearchResult
from fmnist.text import clock, duration, percent, points
from search.analysis.results import Candidate, Confirmation, ConfirmedRun
from search.engines.base import Suggestion
from search.records import Epoch, Failure, Trial

PARAMS = {
    "filters_1": 16,
    "filters_2": 64,
    "filters_3": 128,
    "dropout": 0.25,
    "learning_rate": 0.00123,
    "batch_size": 128,
}
RECORDED = Run(Path(__file__).parents[2] / "data" / "short_run").read(artifacts.METRICS)
METRICS = replace(
    RECORDED,
    test=replace(RECORDED.test, accuracy=0.9301, interval=(0.9249, 0.9349), n=10_000),
    search=SearchResult(0.911, 7, 0.905, 0.9312, 0.9301, 0.006),
)
SEEDS = tuple(ConfirmedRun(seed, value, 3, 9.0) for seed, value in ((1, 0.904), (2, 0.906)))
CONFIRMATION = Confirmation(
    k=2,
    seeds=2,
    candidates=(
        Candidate(7, {}, 0.911, SEEDS, 0.905, None, (0.9, 0.91), 1),
        Candidate(3, {}, 0.91, (), 0.9, None, (0.895, 0.905), 2),
    ),
    winner=7,
    winner_by="confirmation",
    optimism=0.006,
)


def trial(number=0, state="complete", value=0.9, failure=None, **more):
    return Trial(number, state, PARAMS, value, (), 0, "", 1.0, failure, **more)


def suggestion(number, **params):
    return Suggestion(number, {**PARAMS, **params}, epochs=6)


def epoch(number):
    return Epoch(number, 0.8, 0.5, 0.8812, 0.4, 2.0, 1e-3)


def drawn(view, width):
    from rich.console import Console

    console = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(view)
    text = console.export_text()
    console.file.close()
    return text


@pytest.fixture
def live(tmp_path):
    view = LiveDisplay()
    view.start_job(tmp_path / "2026-11-21-7f3a", 600.0, remaining=lambda: 300.0)
    yield view
    view.close()


def test_trials_in_words():
    assert outcome(trial()) == "90.00 %"
    assert outcome(trial(state="pruned", value=0.5)) == "50.00 % pruned"
    assert (
        outcome(trial(state="pruned", value=0.5, stopped_by="clock"))
        == "50.00 % cut off by the clock"
    )
    assert outcome(trial(state="failed", value=None, failure=Failure("nan", ""))) == "failed (nan)"
    assert percent(None) == "–"
    assert [duration(s) for s in (45, 570, 28_800)] == ["45 s", "9 min 30 s", "8 h 0 min"]
    assert clock(3725) == "1:02:05"
    assert [points(p) for p in (0.0123, -0.0123, -1e-9)] == [
        "1.23 points",
        "−1.23 points",
        "0.00 points",
    ]


def test_the_winner_in_words():
    assert winner_text(CONFIRMATION) == (
        "trial 7 wins with 90.50 ± 0.50 % on 2 fresh seeds; optimism of the search 0.60 points; "
        "not distinguishable from trial 3"
    )
    assert "trial 3" not in winner_text(replace(CONFIRMATION, distinguishable=True))
    alone = replace(CONFIRMATION.candidates[0], interval=None, runs=SEEDS[:1])
    one = replace(CONFIRMATION, candidates=(alone,), optimism=None)
    assert winner_text(one) == "trial 7 wins with 90.50 % on 1 fresh seed"


def test_a_start_that_was_kept_in_words():
    kept, higher = CONFIRMATION.candidates[0], replace(CONFIRMATION.candidates[1], mean=0.906)
    told = winner_text(replace(CONFIRMATION, candidates=(kept, higher), start=7))
    assert told.startswith("trial 7 is kept with 90.50")
    assert told.endswith("; within one error of trial 3")


def test_a_winner_that_was_not_confirmed():
    skipped = replace(
        CONFIRMATION,
        winner_by="search",
        reason="there was no time for it",
        candidates=(Candidate(7, {}, 0.911, rank=1),),
    )
    expected = "trial 7 wins by its search value, not confirmed: there was no time for it"
    assert winner_text(skipped) == expected
    assert "no run on a fresh seed gave a value" in winner_text(replace(skipped, reason=""))


def test_the_last_words(tmp_path):
    rendered = Rendered(tmp_path / "report.html", None, "no Pango: …")
    text = result_text(tmp_path, METRICS, rendered)
    assert "93.01 %  (95 % interval 92.49 to 93.49 %, n = 10000)" in text
    assert "search 91.10 → confirmed 90.50 → final 93.12 → test 93.01 %" in text
    assert "optimism gap   0.60 points" in text
    assert "PDF report     no Pango: …" in text
    assert all(len(line) <= 80 for line in text.splitlines()[:3])


@pytest.mark.parametrize("search", [None, SearchResult(0.9, 3)])
def test_the_last_words_of_a_run_that_confirmed_nothing(tmp_path, search):
    rendered = Rendered(tmp_path / "report.html", None, "")
    text = result_text(tmp_path, replace(METRICS, search=search), rendered)
    assert "→" not in text
    assert "optimism" not in text


def tell_everything(view, run):
    """A whole job, as its stages tell it."""
    view.start_job(run, 600.0)
    view.stage_started("preflight")
    view.check(Check("PDF", None, "cannot render", "apt install pango"))
    view.stage_started("search")
    view.message("data: Fashion-MNIST")
    view.trial_started(suggestion(0))
    view.epoch_done(suggestion(0), epoch(1))
    view.trial_retried(suggestion(0), Failure("memory", "held 3000 MB"))
    view.trial_done(trial(), trial(), 90.0)
    view.trial_done(trial(1, "failed", None, Failure("nan", "")), trial(), float("inf"))
    view.stage_started("confirm")
    view.confirm_started(2, 2, "trial 0 leads")
    view.trial_done(trial(10, replicate_of=7), None, 1.0)
    view.confirmed(CONFIRMATION)
    view.stage_started("retrain")
    view.retrain_epoch(epoch(1), 8)
    view.result(run, METRICS, Rendered(run / "report.html", None, "no Pango"))
    view.close()


def test_plain_lines(capsys, tmp_path):
    tell_everything(PlainDisplay(), tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"run {tmp_path}, 10 min 0 s"
    text = "\n".join(lines)
    assert "0:00:00 trying the smallest and the largest network" in text
    assert "  warn  PDF: cannot render -> apt install pango" in text
    assert "  trial 0 is tried again: memory, held 3000 MB" in text
    assert "  trial 0 90.00 %: filters_1 16, filters_2 64" in text
    assert re.search(r"best 90\.00 % \(trial 0\), done by \d\d:\d\d, 1 min 30 s to search", text)
    assert "  trial 1 failed (nan): " in text
    assert "  the best 2 trials on 2 fresh seeds each: trial 0 leads" in text
    assert "  seed 0 of trial 7: 90.00 %" in text
    assert "  trial 7 wins with 90.50 ± 0.50 %" in text
    assert "  epoch 1/8: validation accuracy 88.12 %" in text
    assert "optimism gap   0.60 points" in text


def test_json_lines_are_json(capsys, tmp_path):
    tell_everything(JsonDisplay(), tmp_path)
    events = json_output.lines("run", capsys.readouterr().out)
    assert [e["event"] for e in events] == [
        "begin",
        "stage",
        "check",
        "stage",
        "message",
        "trial_started",
        "trial_epoch",
        "trial_retried",
        "trial",
        "trial",
        "stage",
        "confirm",
        "trial",
        "confirmed",
        "stage",
        "epoch",
        "result",
    ]
    by_name = {e["event"]: e for e in events}
    assert by_name["trial_retried"]["failure"]["kind"] == "memory"
    assert by_name["trial"]["params"] == PARAMS
    assert by_name["trial_epoch"]["number"] == 0
    assert by_name["confirmed"]["winner"] == 7
    assert by_name["result"]["search"]["optimism_gap"] == 0.006


def test_quiet_prints_the_result_only(capsys, tmp_path):
    tell_everything(QuietDisplay(), tmp_path)
    assert capsys.readouterr().out.startswith("test accuracy")


def test_the_live_view_takes_everything_too(capsys, tmp_path):
    tell_everything(LiveDisplay(), tmp_path)
    out = capsys.readouterr().out
    assert "trial 7 wins with 90.50 ± 0.50 %" in out
    assert "PDF: cannot render" in out
    assert out.rstrip().endswith("best_config.toml")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_live_table_keeps_the_best_and_the_newest(live, width):
    live.trials = 50
    best = trial(3, value=0.95)
    for number in range(40):
        live.trial_done(best if number == 3 else trial(number, value=number / 100), best, 1.0)
    text = drawn(live, width)
    assert "95.00 %" in text
    assert re.search(r"^ *39 ", text, re.MULTILINE)
    assert not re.search(r"^ *20 ", text, re.MULTILINE)
    assert "0:05:00 left" in text
    assert "40 of 50 trials" in text
    assert all(len(line) <= width for line in text.splitlines())
    assert all(line.count("%") <= 1 for line in text.splitlines())  # nothing was wrapped


def test_headings_break_before_columns_go(live):
    live.trial_done(trial(), None, 1.0)
    assert "learning_rate" in drawn(live, 120)
    narrow = drawn(live, 80)
    assert "learning_rate" not in narrow
    assert "learning" in narrow
    assert "…" not in narrow
    assert "…" in drawn(live, 50)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_line_for_each_trial_under_way(live, width):
    live.stage_started("search")
    for number in range(4):
        live.trial_started(suggestion(number))
    live.epoch_done(suggestion(1), epoch(3))
    live.trial_retried(suggestion(2), Failure("hang", ""))
    live.trial_done(trial(3), None, 1.0)
    lines = drawn(live, width).splitlines()[2:5]  # below the head and the stage: none is wrapped
    assert [line.split()[1] for line in lines] == ["0", "1", "2"]
    assert "starting" in lines[0]
    assert "epoch 3/6" in lines[1]
    assert "88.12 %" in lines[1]
    assert "again after hang" in lines[2]
    assert all(len(line) <= width for line in lines)


def test_a_stage_begins_with_a_clean_screen(live):
    live.trial_started(suggestion(0))
    live.stage_started("retrain")
    live.retrain_epoch(epoch(2), 8)
    text = drawn(live, 120)
    assert "starting" not in text
    assert "retraining the best configuration: epoch 2 of 8, validation 88.12 %" in text


def test_the_notice_of_a_signal_stays_on_the_screen(live, capfd):
    live.stopping("stopping after this epoch")
    live.stage_started("report")
    assert "stopping after this epoch" in drawn(live, 80)
    QuietDisplay().stopping("stopping after this epoch")
    assert capfd.readouterr().err == "\nfmnist: stopping after this epoch\n"


def test_time_left(tmp_path):
    view = QuietDisplay()
    view.start_job(tmp_path, None)
    assert view.time_left() is None
    view.start_job(tmp_path, 600.0)
    assert 590 < view.time_left() <= 600
    view.start_job(tmp_path, 600.0, remaining=lambda: -3.0)
    assert view.time_left() == 0.0


def test_the_view_for_the_terminal(monkeypatch):
    from fmnist.cli import display as module

    assert type(make_display(quiet=True, as_json=False)) is QuietDisplay
    assert type(make_display(quiet=True, as_json=True)) is JsonDisplay
    for terminal, kind in ((True, LiveDisplay), (False, PlainDisplay)):
        stream = SimpleNamespace(isatty=lambda terminal=terminal: terminal)
        monkeypatch.setattr(module, "sys", SimpleNamespace(stdout=stream))
        assert type(make_display(quiet=False, as_json=False)) is kind
