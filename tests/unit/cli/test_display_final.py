"""What the views say of refit and ensemble."""

import re
from dataclasses import replace
from pathlib import Path

import json_output
import pytest

from fmnist.cli.display.json_lines import JsonDisplay
from fmnist.cli.display.live import LiveDisplay
from fmnist.cli.display.plain import PlainDisplay, QuietDisplay
from fmnist.report.render import Rendered
from fmnist.runs import artifacts
from fmnist.runs.codec import to_plain
from fmnist.runs.folder import Run
from fmnist.runs.records.final_model import Ensemble, Member, PairedTest
from search.records import Epoch

EPOCH = Epoch(2, 0.75, 0.61, 0.99, 0.02, 3.0, 1e-3)
RECORDED = Run(Path(__file__).parents[2] / "data" / "short_run").read(artifacts.METRICS)
METRICS = replace(
    RECORDED,
    test=replace(RECORDED.test, accuracy=0.9301, interval=(0.9249, 0.9349)),
    search=None,
    ensemble=Ensemble(
        n=10_000,
        correct=9342,
        accuracy=0.9342,
        interval=(0.9292, 0.9389),
        loss=0.2,
        asked=3,
        members=tuple(Member(member=n, seed=n) for n in (1, 2, 3)),
        left_out=(),
        against_single=PairedTest(10_000, 90, 49, 0.012, 0.0041, (0.001, 0.007)),
    ),
)


def said(view, capsys, stage, name=""):
    view.stage_started(stage)
    view.retrain_epoch(EPOCH, 8, name)
    return capsys.readouterr().out


@pytest.mark.parametrize(("stage", "name"), [("refit", ""), ("ensemble", "member 3")])
def test_scores_on_images_that_are_learnt_are_not_shown(capsys, stage, name):
    text = said(PlainDisplay(), capsys, stage, name)
    assert f"{name}, epoch 2/8" in text if name else "  epoch 2/8" in text
    assert "training accuracy 75.00 %, loss 0.6100" in text
    assert "99" not in text
    row = json_output.lines("run", said(JsonDisplay(), capsys, stage, name))[-1]
    assert (row["stage"], row["name"], row["epochs"]) == (stage, name, 8)
    assert not [key for key in row if key.startswith("val_")]


def test_the_retraining_shows_its_validation(capsys):
    assert "validation accuracy 99.00 %, loss 0.0200" in said(PlainDisplay(), capsys, "retrain")
    row = json_output.lines("run", said(JsonDisplay(), capsys, "retrain"))[-1]
    assert row["val_accuracy"] == 0.99


def test_the_live_view_tells_members_apart():
    view = LiveDisplay()
    view.stage_started("ensemble")
    view.retrain_epoch(EPOCH, 8, "member 3")
    assert view._detail == "member 3, epoch 2 of 8, training 75.00 %, 3.0 s, about 18 s to train"


@pytest.mark.parametrize(
    ("epochs", "limit", "end"),
    [(8, None, ", about 18 s to train"), (2, None, "3.0 s"), (8, 60.0, r", done by \d\d:\d\d")],
)
def test_a_training_says_how_long_it_should_take(tmp_path, capsys, epochs, limit, end):
    view = PlainDisplay()
    view.start_job(tmp_path, limit)
    view.stage_started("retrain")
    view.retrain_epoch(EPOCH, epochs)
    view.close()
    assert re.search(f"{end}$", capsys.readouterr().out)


def test_the_ensemble_is_told_behind_the_one_network(capsys, tmp_path):
    rendered = Rendered(tmp_path / "report.html", None, "no Pango")
    QuietDisplay().result(tmp_path, METRICS, rendered)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("test accuracy  93.01 %")
    assert lines[1].startswith("ensemble       93.42 %  (95 % interval 92.92 to 93.89 %)")
    assert lines[1].endswith("the average of 3 networks")
    assert lines[2].strip() == "0.41 points against the one network, McNemar p = 0.012"
    JsonDisplay().result(tmp_path, METRICS, rendered)
    (row,) = json_output.lines("run", capsys.readouterr().out)
    assert row["ensemble"] == to_plain(METRICS.ensemble)
