"""The stage of the gallery: what it finds, what it leaves out, that it never costs the report."""

import errno
import json
from types import SimpleNamespace

import numpy as np
import pytest

from fmnist import build_model
from fmnist.analysis import near_duplicates
from fmnist.config.config import Config
from fmnist.config.toml_text import dump_config
from fmnist.data import Ledger, cache_folder, load, split
from fmnist.pipeline.stages import data_quality as stage
from fmnist.pipeline.stages import rehearse
from fmnist.runs.folder import Run

CLASSES, VALIDATION = 10, 300
TINY = Config(filters_1=4, filters_2=6, filters_3=0, dense_units=12)


@pytest.fixture(scope="module")
def data(sample):
    return load(sample)


@pytest.fixture
def job(tmp_path, data, monkeypatch):
    """A job whose network was evaluated: right but for planted errors."""
    monkeypatch.setenv("FMNIST_CACHE", str(tmp_path / "cache"))
    run = Run(tmp_path / "run")
    run.path.mkdir()
    run.write_text("best_config.toml", dump_config(TINY))
    splits = split(data.train_labels, validation=VALIDATION, seed=0)
    ledger = Ledger(run / "ledger.json")
    images, labels = data.test.open("evaluate", "test", Ledger(tmp_path / "other.json"))
    said = labels.copy()
    said[[4, 8, 15]] = (said[[4, 8, 15]] + 1) % CLASSES
    held = data.train_labels[splits.validation].copy()
    held[7] = (held[7] + 3) % CLASSES
    run.write_arrays(
        "predictions.npz",
        test_labels=labels,
        test_probabilities=sure_of(said),
        validation_labels=data.train_labels[splits.validation],
        validation_probabilities=sure_of(held),
        image_index=np.arange(64),
        images=images[:64, :, :, 0],
        random_index=np.arange(0, 64, 2),
    )
    planner = SimpleNamespace(slowness=1.0, min_post_search_seconds=lambda: 20.0)
    budget = SimpleNamespace(remaining=lambda: 60.0)
    return SimpleNamespace(
        run=run, data=data, splits=splits, ledger=ledger, planner=planner, budget=budget
    )


def sure_of(classes):
    p = np.full((len(classes), CLASSES), 0.01, dtype=np.float32)
    p[np.arange(len(classes)), classes] = 0.91
    return p


def made(job):
    stage.gallery(job)
    with np.load(job.run / "gallery.npz") as arrays:
        return json.loads((job.run / "gallery.json").read_text()), dict(arrays)


@pytest.fixture
def without_network(monkeypatch):
    monkeypatch.delitem(stage._PARTS, "grad_cam")


@pytest.mark.usefixtures("without_network")
def test_what_was_kept_of_the_whole_set_is_not_of_a_rehearsal(job, monkeypatch):
    monkeypatch.setattr(near_duplicates, "_WORTH_KEEPING", 0)
    made(job)
    cache = cache_folder()
    assert near_duplicates.kept(cache, job.data.digest) is not None
    job.part = lambda index: (job.data.train_images[index], job.data.train_labels[index])
    job.request = SimpleNamespace(seed=0)
    assert near_duplicates.kept(cache, rehearse._few_images(job).digest) is None


@pytest.mark.usefixtures("without_network")
def test_doubtful_labels_are_those_that_were_planted(job):
    record, arrays = made(job)
    found = record["label_errors"]
    assert (found["test"]["n"], found["test"]["suspected"]) == (500, 3)
    assert {s["index"] for s in found["test"]["shown"]} == {4, 8, 15}
    (suspect,) = found["validation"]["shown"]
    place = int(job.splits.validation[7])
    assert suspect["index"] == place
    assert suspect["given"] == job.data.train_labels[place]
    assert suspect["suggested"] == (suspect["given"] + 3) % CLASSES
    assert suspect["p_suggested"] == pytest.approx(0.91)
    assert (arrays["suspect_images"][0] == job.data.train_images[place, :, :, 0]).all()
    assert sum(p["count"] for p in found["test"]["pairs"]) == 3


@pytest.mark.usefixtures("without_network")
def test_accuracy_is_told_with_and_without_near_duplicates(job, monkeypatch):
    monkeypatch.setattr(near_duplicates, "THRESHOLD", 45.0)
    monkeypatch.setattr(near_duplicates.find, "__defaults__", (45.0,))
    record, arrays = made(job)
    found = record["duplicates"]
    hit = [p["test"] for p in found["pairs"]]
    assert 5 < len(hit) < 495
    wrong = {4, 8, 15}
    assert found["correct"] == len(set(hit) - wrong)
    assert found["without"] == {"n": 500 - len(hit), "correct": 497 - found["correct"]}
    assert (found["test_images"], found["training_images"]) == (500, 2000)
    first = found["pairs"][0]
    assert first["train_label"] == job.data.train_labels[first["train"]]
    shown = job.data.train_images[[p["train"] for p in found["pairs"][:12]], :, :, 0]
    assert (arrays["duplicate_train"] == shown).all()


@pytest.mark.usefixtures("without_network")
def test_the_ledger_says_what_the_test_images_were_read_for(job):
    made(job)
    entries = [(e.stage, e.split, e.n, e.purpose) for e in job.ledger.entries]
    assert entries[-1] == (
        "gallery", "test", 500, "compared with the training images; nothing chosen"
    )  # fmt: skip
    assert entries[0][:3] == ("gallery", "train", 2000)


@pytest.mark.usefixtures("without_network")
def test_what_an_earlier_run_found_is_taken_from_the_cache(job, monkeypatch):
    monkeypatch.setattr(near_duplicates, "_WORTH_KEEPING", 0)
    first, _ = made(job)
    monkeypatch.setattr(near_duplicates, "find", None)
    again, _ = made(job)
    assert again == first


def test_grad_cam_is_made_for_right_and_wrong_predictions(job):
    build_model(TINY).save(job.run / "model.keras")
    record, arrays = made(job)
    cam = record["grad_cam"]
    assert record["left_out"] == {}
    assert (cam["layer"], cam["height"], cam["width"]) == ("relu_2", 7, 7)
    right = [i for i in cam["images"] if i["true"] == i["predicted"]]
    assert len(right) == 4
    assert len({i["true"] for i in right}) == 4
    assert {i["index"] for i in cam["images"]} - {i["index"] for i in right} == {4, 8, 15}
    assert arrays["cam_predicted"].shape == arrays["cam_true"].shape == (7, 7, 7)
    assert (arrays["cam_predicted"][:4] == arrays["cam_true"][:4]).all()


def test_a_dense_network_is_left_out_with_its_reason(job):
    job.run.write_text("best_config.toml", dump_config(TINY.replace(stages=0)))
    record, _ = made(job)
    assert record["left_out"] == {"grad_cam": "a dense network has no feature maps to look at"}


def test_near_the_deadline_everything_is_left_out(job):
    job.budget.remaining = lambda: 12.4
    record, arrays = made(job)
    assert set(record["left_out"].values()) == {"there was no time for it"}
    assert set(record) == {"schema", "left_out"}
    assert arrays == {}
    assert job.ledger.entries == ()


def test_a_fault_costs_its_part_only(job):
    record, _ = made(job)  # there is no model.keras
    assert set(record["left_out"]) == {"grad_cam"}
    assert record["left_out"]["grad_cam"].startswith("it failed (ValueError: ")
    assert {"label_errors", "duplicates"} < set(record)


def test_a_full_disk_is_the_users_to_mend(job, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(stage._PARTS, "label_errors", full)
    with pytest.raises(OSError, match="No space left"):
        stage.gallery(job)
    assert not job.run.has("gallery.json")


def test_mistakes_to_explain_are_the_surest_of_the_most_frequent_confusions():
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    p = sure_of([0, 1, 1, 2, 0, 1, 2])
    p[2, 1] = 0.95
    assert stage._telling(labels, p, np.array([0, 5, 6])) == [0, 5, 6, 2, 3, 4]
