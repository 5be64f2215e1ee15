"""keras-tuner projects, made by keras-tuner's own tuners, become runs."""

import json
import shutil
from pathlib import Path

import keras_tuner
import pytest
from foreign_studies import fmnist

from fmnist import load_config
from fmnist.importers.detect import open_study
from fmnist.importers.external import ForeignError
from fmnist.importers.keras_tuner import read_project
from search.records import read_trials

# keras-tuner asks for the name of its thread in an old way, at every trial.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner.*")


class Toy(keras_tuner.Tuner):
    """A real tuner and a real project folder, without a network."""

    fails = ()

    def run_trial(self, trial, **_):
        hp = trial.hyperparameters
        rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
        units = hp.Int("units", 32, 128, step=32)
        flip = hp.Boolean("flip")
        hp.Choice("batch_size", [32, 64])
        hp.Fixed("dropout", 0.2)
        if len(self.oracle.trials) - 1 in self.fails:
            raise ValueError("no <b>memory</b>")
        accuracy = 0.8 + rate + units / 10_000 + 0.01 * flip
        # Epochs are told as Keras's History tells them: the best one is kept.
        return {"val_accuracy": accuracy, "val_loss": 1 - accuracy, "accuracy": accuracy + 0.01}


def project(folder, objective="val_accuracy", direction="max", fails=(), trials=6):
    tuner = Toy(
        keras_tuner.oracles.RandomSearchOracle(
            keras_tuner.Objective(objective, direction),
            max_trials=trials,
            seed=0,
            max_consecutive_failed_trials=5,
        ),
        directory=folder,
        project_name="mine",
    )
    tuner.fails = fails
    tuner.search(verbose=0)
    return folder / "mine"


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    return project(tmp_path_factory.mktemp("tuner"), fails=(2,))


UNITS = ("--map", "units=dense_units")


def test_every_trial_is_there(mine, tmp_path):
    outcome = fmnist("import", mine.parent, *UNITS, "--name", "kt", results=tmp_path)
    assert outcome.exit_code == 0, outcome.output
    trials = read_trials(tmp_path / "kt" / "trials.jsonl")
    stored = [json.loads((mine / f"trial_{n}" / "trial.json").read_text()) for n in range(6)]
    assert [t.state for t in trials] == ["complete"] * 2 + ["failed"] + ["complete"] * 3
    for ours, theirs in zip(trials, stored, strict=True):
        values = theirs["hyperparameters"]["values"]
        assert ours.params["dense_units"] == values["units"]
        assert ours.params["flip"] is bool(values["flip"])
        assert ours.value == theirs["score"]
        assert (ours.seconds, ours.seed, ours.epochs) == (None, None, ())
    assert trials[2].failure.message == "ValueError: no <b>memory</b>"
    best = max((t for t in trials if t.value), key=lambda t: t.value)
    config = load_config(tmp_path / "kt")
    assert (config.dense_units, config.dropout) == (best.params["dense_units"], 0.2)


def test_the_space_is_that_of_the_oracle(mine):
    axes = read_project(mine).axes
    assert (axes["learning_rate"][0].low, axes["learning_rate"][0].log) == (1e-4, True)
    assert (axes["units"][0].low, axes["units"][0].high, axes["units"][0].step) == (32, 128, 32)
    assert axes["batch_size"][0].choices == (32, 64)
    assert axes["dropout"][0].choices == (0.2,)


@pytest.mark.parametrize("more", [(), ("--metric", "accuracy")])
def test_the_accuracy_on_training_images_is_no_validation_accuracy(tmp_path, more):
    folder = project(tmp_path, "accuracy", "max", trials=2)
    for file in folder.glob("trial_*/trial.json"):
        state = json.loads(file.read_text())
        for name in ("val_accuracy", "val_loss"):
            del state["metrics"]["metrics"][name]
        file.write_text(json.dumps(state))
    outcome = fmnist("import", folder, *more, results=tmp_path)
    assert "'accuracy' is the accuracy on the training images" in str(outcome.exception)


def test_the_accuracy_is_taken_though_a_loss_was_optimised(tmp_path):
    folder = project(tmp_path, "val_loss", "min", trials=2)
    outcome = fmnist("import", folder, *UNITS, "--name", "kt", results=tmp_path)
    assert outcome.exit_code == 0, outcome.output
    assert "“val_accuracy” of each trial" in outcome.output
    stored = json.loads((folder / "trial_0" / "trial.json").read_text())
    accuracy = stored["metrics"]["metrics"]["val_accuracy"]["observations"][0]["value"][0]
    assert read_trials(tmp_path / "kt" / "trials.jsonl")[0].value == accuracy


def test_torn_files_are_left_out_and_named(mine, tmp_path):
    torn = tmp_path / "torn"
    shutil.copytree(mine, torn)
    for name in ("oracle.json", "trial_0/trial.json"):
        file = torn / name
        file.write_bytes(file.read_bytes()[:-30])
    (torn / "trial_1" / "trial.json").write_text("[]")
    found = read_project(torn)
    assert len(found.trials) == 4
    (note,) = found.notes
    assert "oracle.json is torn" in note
    assert "trial_0/trial.json is torn" in note
    assert "trial_1/trial.json holds no object" in note
    assert found.axes["units"][0].step == 32  # every trial has the space too


def test_a_huge_file_is_not_read(mine, tmp_path, monkeypatch):
    huge = Path(shutil.copytree(mine, tmp_path / "huge")) / "trial_0" / "trial.json"
    huge.write_bytes(huge.read_bytes().ljust(100_000))
    monkeypatch.setattr("fmnist.importers.keras_tuner.LARGEST", 99_999)
    found = read_project(tmp_path / "huge")
    assert len(found.trials) == 5
    assert "trial_0/trial.json is torn (larger than" in found.notes[0]


def test_a_project_in_the_middle_of_a_trial(mine, tmp_path):
    shutil.copytree(mine, tmp_path / "now")
    file = tmp_path / "now" / "trial_5" / "trial.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "status": "RUNNING"}))
    last = read_project(tmp_path / "now").trials[-1]
    assert (last.state, last.failure.kind, last.value) == ("failed", "interrupted", None)


def test_the_folder_must_hold_one_project(mine, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(mine, tmp_path / name)
    with pytest.raises(ForeignError, match="holds 2 projects; give one of them"):
        open_study(str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ForeignError, match="no keras-tuner project"):
        open_study(str(tmp_path / "empty"))


HOSTILE = {
    "score": [1e999, "high", None, [1]],
    "hyperparameters": [None, [], {"values": 3}, {"space": [7, {"config": 1}], "values": {}}],
    "metrics": [7, {"metrics": {"val_accuracy": {"observations": [{"value": "x"}]}}}],
    "trial_id": [{"a": 1}],
    "status": [["COMPLETED"]],
    "best_step": ["first"],
    "message": [{"no": "text"}],
}


@pytest.mark.parametrize(("key", "value"), [(k, v) for k, vs in HOSTILE.items() for v in vs])
def test_entries_of_another_kind_do_no_harm(mine, tmp_path, key, value):
    shutil.copytree(mine, tmp_path / "mine")
    file = tmp_path / "mine" / "trial_0" / "trial.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    found = read_project(tmp_path / "mine")
    assert len(found.trials) == 6
    assert all(t.params for t in found.trials[1:])
