"""A run folder becomes facts, or an error that names the file."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fmnist.report.facts import FactsError, load_facts

RECORDED = Path(__file__).parent / "data" / "recorded_run"
NEEDED = [
    "run.toml",
    "space.json",
    "trials.jsonl",
    "best_config.toml",
    "history.json",
    "metrics.json",
    "predictions.npz",
    "ledger.json",
]
OPTIONAL = ["importance.json", "explain.npz", "evidence.json", "environment.json", "stages.json"]


@pytest.fixture
def run(tmp_path):
    return Path(shutil.copytree(RECORDED, tmp_path / "recorded"))


def change(run, name, edit):
    path = run / name
    data = json.loads(path.read_text(encoding="utf-8"))
    edit(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def test_recorded_run_is_read_as_its_files_say():
    facts = load_facts(RECORDED)
    metrics = json.loads((RECORDED / "metrics.json").read_text(encoding="utf-8"))
    assert facts.metrics.test.accuracy == metrics["test"]["accuracy"]
    assert facts.metrics.test.counts().tolist() == metrics["test"]["confusion"]
    lines = (RECORDED / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(facts.trials) == len(lines)
    assert facts.predictions.predicted.shape == (facts.metrics.test.n,)
    assert facts.history.chosen.epoch == facts.history.chosen_epoch


def test_predictions_hold_the_image_of_an_index():
    predictions = load_facts(RECORDED).predictions
    index = int(predictions.image_index[3])
    np.testing.assert_array_equal(predictions.image(index), predictions.images[3])
    absent = next(i for i in range(10_000) if i not in set(predictions.image_index.tolist()))
    assert predictions.image(absent) is None


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_file_is_named(run, name):
    (run / name).unlink()
    with pytest.raises(FactsError, match=f"{name}: missing"):
        load_facts(run)


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_missing_optional_file_is_none(run, name):
    (run / name).unlink()
    facts = load_facts(run)
    field = {"explain.npz": "explanation"}.get(name, name.partition(".")[0])
    assert getattr(facts, field) is None


@pytest.mark.parametrize("name", [n for n in NEEDED + OPTIONAL if n.endswith(("json", "toml"))])
def test_a_broken_file_is_named(run, name):
    (run / name).write_text("{ not this", encoding="utf-8")
    with pytest.raises(FactsError, match=name):
        load_facts(run)


@pytest.mark.parametrize("name", ["predictions.npz", "explain.npz"])
def test_a_broken_archive_is_named(run, name):
    (run / name).write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(FactsError, match=name):
        load_facts(run)


def test_a_wrong_type_is_named_with_its_place(run):
    change(run, "metrics.json", lambda d: d["test"].update(accuracy="0.9"))
    with pytest.raises(FactsError, match=r"metrics.json: test: accuracy: expected a number"):
        load_facts(run)


def test_a_missing_entry_is_named(run):
    change(run, "history.json", lambda d: d["epochs"][1].pop("val_loss"))
    with pytest.raises(FactsError, match=r"history.json: epochs\[1\]: .*'val_loss' is missing"):
        load_facts(run)


def test_nan_is_refused(run):
    change(run, "history.json", lambda d: d["epochs"][0].update(loss=float("nan")))
    with pytest.raises(FactsError, match="finite"):
        load_facts(run)


def test_another_schema_is_refused(run):
    change(run, "metrics.json", lambda d: d.update(schema=2))
    with pytest.raises(FactsError, match=r"metrics.json: expected schema 1, found 2"):
        load_facts(run)


def test_files_of_two_runs_are_refused(run):
    change(run, "metrics.json", lambda d: d["test"].update(n=3))
    with pytest.raises(FactsError, match="the 3 test images"):
        load_facts(run)


def test_a_bad_trial_is_named_by_its_line(run):
    path = run / "trials.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = '{"schema": 1, "number": 1}'
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(FactsError, match=r"trials.jsonl: line 2"):
        load_facts(run)


def test_a_torn_last_trial_is_left_out(run):
    path = run / "trials.jsonl"
    whole = len(load_facts(run).trials)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"schema": 1, "num')
    assert len(load_facts(run).trials) == whole


def test_an_interim_run_may_lack_what_comes_later(run):
    for name in ("best_config.toml", "history.json", "metrics.json", "predictions.npz"):
        (run / name).unlink()
    facts = load_facts(run, interim=True)
    assert facts.metrics is None
    assert facts.trials


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(FactsError, match="expected the folder of a run"):
        load_facts(tmp_path / "none")
