"""Refit and ensemble on real training: killed in each, gone on with, and what they leave."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from small_job import CONFIG, SAMPLE, all_gone, descendants

from fmnist.analysis.intervals import mcnemar
from fmnist.data.views import Views
from fmnist.pipeline.stages.evaluate import _points
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run
from fmnist.runs.status import read_status
from search.records import TrialLog

pytestmark = pytest.mark.slow

VIEWS = Views(flip=True, shift=1)
EPOCHS = 3


def command(*more):
    return [
        *(sys.executable, "-m", "fmnist", "train", "--config", str(CONFIG), "--quiet"),
        *("--data", str(SAMPLE), "--validation", "300", "--name", "one", *more),
    ]


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def kill_at(folder, journal, epochs):
    """Begin or go on, and end the job by force once its journal holds so many epochs."""
    run = folder / "results" / "one"
    null = subprocess.DEVNULL
    with subprocess.Popen(
        command("--refit", "--ensemble", "3"), cwd=folder, stdout=null, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None and lines(run / journal) < epochs:
            time.sleep(0.02)
        assert process.poll() is None, process.stderr.read().decode()
        children = descendants(process.pid)
        process.kill()
        process.wait()
    assert all_gone(children)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that was killed in its refit, between its members and in the last of them."""
    folder = tmp_path_factory.mktemp("final")
    status = []
    for journal, epochs in (("refit_epochs", 1), ("ensemble_epochs", 1), ("ensemble_epochs", 4)):
        kill_at(folder, f"{journal}.jsonl", epochs)
        status.append(read_status(Run(folder / "results" / "one")))
    done = subprocess.run(
        command("--refit", "--ensemble", "3"), cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "results" / "one", done.stdout, status


def load(run, name):
    return json.loads((run / name).read_text())


def networks(run):
    from fmnist.models.inference import load_model

    return {p.stem: load_model(p) for p in [*run.glob("*.keras"), *run.glob("ensemble/*.keras")]}


def test_killed_in_each_stage_it_ends_with_all_networks(finished):
    run, _, status = finished
    assert sorted(networks(run)) == ["member_2", "member_3", "model", "validated"]
    assert not (run / "trials").exists()
    assert not (run / "epochs").exists()
    assert (run / "report.pdf").read_bytes().startswith(b"%PDF")
    assert [s.stage for s in status] == ["refit", "ensemble", "ensemble"]
    assert [s.refit is not None and s.refit >= 1 for s in status] == [True] * 3
    assert [s.ensemble for s in status] == [None, 0, 1]


def test_what_was_killed_was_taken_up_again(finished):
    run, _, _ = finished
    refit = TrialLog(run / "refit.jsonl").trials
    members = TrialLog(run / "ensemble.jsonl").trials
    assert [len(t.resumed) >= 1 for t in refit] == [True]
    assert sorted(t.number for t in members) == [2, 3]
    assert sum(len(t.resumed) for t in members) >= 2
    for trial in (*refit, *members):
        assert [e.epoch for e in trial.epochs] == list(range(1, len(trial.epochs) + 1))


def test_the_refit_learns_all_images_for_the_epochs_that_validation_chose(finished):
    run, _, _ = finished
    history, refit = load(run, "history.json"), load(run, "refit.json")
    assert (history["training_images"], refit["images"]) == (1700, 2000)
    assert refit["used"]
    assert len(refit["epochs"]) == history["chosen_epoch"]
    assert all("val_accuracy" not in e for e in refit["epochs"])
    assert (
        refit["epochs"][-1]["learning_rate"]
        < 0.5 * max(e["learning_rate"] for e in refit["epochs"])
        or len(refit["epochs"]) < 2
    )


def test_validation_figures_are_of_the_network_that_never_learnt_those_images(finished):
    from fmnist.data import load as load_data
    from fmnist.data import split
    from fmnist.models import inference

    run, _, _ = finished
    data = load_data(SAMPLE)
    index = split(data.train_labels, validation=300, seed=0).validation
    found, models = load(run, "metrics.json"), networks(run)
    assert found["models"]["validation"] == "validated.keras"
    assert found["models"]["test"] == "model.keras"
    assert found["calibration"]["fitted_on"]["model"] == "validated.keras"
    p = inference.predict(models["validated"], data.train_images[index], VIEWS)
    right = int((p.argmax(axis=1) == data.train_labels[index]).sum())
    assert right == found["validation"]["correct"]
    weights = [models[name].get_weights() for name in ("model", "validated")]
    assert max(np.abs(a - b).max() for a, b in zip(*weights, strict=True)) > 1e-3


def test_the_ensemble_is_the_average_and_stands_apart(finished):
    run, out, _ = finished
    metrics = load(run, "metrics.json")
    found, test = metrics["ensemble"], metrics["test"]
    with np.load(run / "predictions.npz") as arrays:
        labels, single = arrays["test_labels"], arrays["test_probabilities"].argmax(axis=1)
        average = arrays["ensemble_probabilities"]
    assert np.allclose(average.sum(axis=1), 1, atol=1e-5)
    assert found["correct"] == int((average.argmax(axis=1) == labels).sum())
    assert test["correct"] == int((single == labels).sum())
    paired = mcnemar(labels, average.argmax(axis=1), single)
    assert found["against_single"]["p"] == paired.p
    assert found["against_single"]["only_first"] == paired.only_first
    assert [m["member"] for m in found["members"]] == [1, 2, 3]
    assert len({m["seed"] for m in found["members"]}) == 3
    assert found["left_out"] == []
    assert out.startswith("test accuracy")
    assert f"ensemble       {100 * found['accuracy']:.2f} %" in out


def test_all_figures_are_of_predictions_from_six_views(finished):
    metrics = load(finished[0], "metrics.json")
    assert (metrics["test_time_flip"], metrics["test_time_shift"]) == (True, 1)
    assert [p["epoch"] for p in metrics["test"]["curve"]] == list(range(1, EPOCHS + 1))


def test_the_test_set_is_opened_last_and_the_ledger_says_who_read_what(finished):
    entries = load(finished[0], "ledger.json")["entries"]
    assert [e["stage"] for e in entries if e["split"] == "test"] == ["evaluate", "gallery"]
    assert entries[-1]["split"] == "test"
    for stage in ("refit", "ensemble"):
        read = {e["split"]: e["purpose"] for e in entries if e["stage"] == stage}
        assert set(read) == {"train", "validation"}
        assert read["validation"].endswith("nothing is chosen")


def test_predict_goes_on_with_the_one_network(finished, tmp_path):
    from PIL import Image

    from fmnist.models import inference

    run, _, _ = finished
    with np.load(run / "predictions.npz") as arrays:
        image = arrays["images"][0]
    Image.fromarray(255 - image).save(tmp_path / "shoe.png")
    done = subprocess.run(
        [sys.executable, "-m", "fmnist", "predict", "--run", run, "shoe.png", "--json"],
        cwd=tmp_path, capture_output=True, text=True, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = list(json.loads(done.stdout)["probabilities"].values())
    model = networks(run)["model"]
    from fmnist.data.photos import prepare

    pixels = prepare(tmp_path / "shoe.png").pixels[None, ..., None]
    assert Views.of(load_config(run)) == VIEWS
    expected = np.sort(inference.predict(model, pixels, VIEWS)[0])[::-1]
    assert np.allclose(told, expected, atol=1e-5)


def test_the_configuration_is_the_one_that_was_given(finished):
    config = load_config(finished[0])
    assert config.replace(epochs=EPOCHS) == load_config(CONFIG)


@pytest.mark.parametrize("epochs", [1, 2, 7, 20, 21, 150])
def test_the_test_curve_is_spread_over_the_training_wherever_it_ends(epochs):
    points = _points(epochs)
    assert len(set(points)) == len(points) == min(epochs, 20)
    assert points[0] == epochs
    assert set(points) <= set(range(1, epochs + 1))
    for kept in (2, 4, 8):
        if kept <= len(points):
            gaps = np.diff(sorted([0, *points[:kept]]))
            assert gaps.max() <= 2 * epochs / kept + 1


def test_the_ensemble_is_used_as_one_network(finished, tmp_path):
    from fmnist import open_run
    from fmnist.models import inference

    run, _, _ = finished
    with np.load(run / "predictions.npz") as arrays:
        images = arrays["images"]
    single, together = (open_run(run).predict(images, ensemble=e) for e in (False, True))
    assert np.abs(single - together).max() > 1e-3
    done = subprocess.run(
        [sys.executable, "-m", "fmnist", "export", "--run", run, "--to", tmp_path, "--ensemble"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    exported = inference.load_model(tmp_path / "model.keras")
    assert np.allclose(inference.predict(exported, images[..., None]), together, atol=1e-5)
    model = open_run(run).model(ensemble=True)
    assert np.allclose(inference.predict(model, images[..., None]), together, atol=1e-5)
