"""``fmnist newdata`` with a network that answers as it is told: records, errors, exit statuses."""

from unittest import mock

import json_output
import numpy as np
import pytest
from click.testing import CliRunner
from new_data_factory import save_photo
from report_factory import recorded
from report_pages import without_pdf, without_plots

from fmnist.analysis import new_data
from fmnist.cli.main import cli
from fmnist.data.photos import ImageError
from fmnist.runs.artifacts import NEW_DATA
from fmnist.runs.folder import Run, RunError

PREDICTED = [0, 0, 1, 9]
"""What the network says to the pictures in their order, of which the second is a trouser."""


def answer(run, images):
    assert images.shape[1:] == (28, 28)
    return np.eye(10, dtype=np.float32)[[PREDICTED[k % 4] for k in range(len(images))]]


@pytest.fixture(autouse=True)
def network():
    with mock.patch.object(new_data, "predict_with", answer):
        yield


@pytest.fixture
def run(tmp_path):
    run = Run(recorded(tmp_path))
    (run / "model.keras").write_bytes(b"")
    return run


@pytest.fixture
def photos(tmp_path, raw_sample):
    for k, name in enumerate(("T-shirt top/a", "Trouser/b", "Trouser/c", "Ankle boot/d")):
        save_photo(tmp_path / "mine" / f"{name}.png", raw_sample.train.images[k])
    return tmp_path / "mine"


def newdata(run, photos, *more):
    with without_pdf(), without_plots():
        return CliRunner().invoke(cli, ["newdata", str(run.path), str(photos), *more])


def test_the_record_and_what_is_printed(run, photos):
    before = {p.name: p.read_bytes() for p in run.path.iterdir()}
    done = newdata(run, photos)
    assert done.exit_code == 0, done.output
    found = run.read(NEW_DATA)
    order = [("Ankle boot/d.png", 9, 0), ("T-shirt top/a.png", 0, 0)]
    order += [("Trouser/b.png", 1, 1), ("Trouser/c.png", 1, 9)]
    assert [(p.file, p.label, p.predicted) for p in found.photos] == order
    assert (found.n, found.correct, found.folder) == (4, 2, "mine")
    assert "Trouser/c.png: Ankle boot 100.0 %, wrong, Trouser 0.0 %" in done.stdout
    assert (
        "2 of 4 pictures are classified correctly, 50.0 % (95 % interval 15.0–85.0 %" in done.stdout
    )
    assert "4 pictures say little" in " ".join(done.stdout.split())
    kept = {name: (run / name).read_bytes() for name in before}
    assert kept == before  # the ledger too
    assert "New data" in (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_as_json_without_the_pictures(run, photos):
    done = newdata(run, photos, "--json")
    (found,) = json_output.lines("newdata", done.stdout)
    assert (found["schema"], found["n"], found["correct"]) == (1, 4, 2)
    assert found["photos"][0].keys() == {
        "file", "label", "predicted", "p_label", "p_predicted", "steps"
    }  # fmt: skip
    assert found["test"]["accuracy"] - found["accuracy"] == -found["test"]["difference"]


@pytest.mark.slow
def test_a_picture_that_cannot_be_used_is_named_and_the_others_go_on(run, photos):
    (photos / "Trouser" / "broken.jpg").write_bytes(b"x")
    done = newdata(run, photos)
    assert done.exit_code == 3
    problem = "Trouser/broken.jpg: not a picture in a format that Pillow reads"
    assert f"fmnist: {problem}" in done.stderr
    assert run.read(NEW_DATA).left_out == (problem,)
    assert run.read(NEW_DATA).n == 4


def test_no_picture_can_be_used(run, photos):
    for path in photos.glob("*/*"):
        path.write_bytes(path.name.encode())
    with pytest.raises(ImageError, match=r"can be used\nAnkle boot/d\.png: not a pict"):
        new_data.classify_folder(run, photos)


@pytest.mark.parametrize("missing", ["model.keras", "metrics.json"])
def test_a_run_that_is_not_finished(run, photos, missing):
    (run / missing).unlink()
    with pytest.raises(RunError, match=f"has no {missing}, the run is not finished"):
        new_data.classify_folder(run, photos)


def test_of_many_pictures_those_that_are_wrong_are_kept(run, photos, monkeypatch):
    monkeypatch.setattr(new_data, "SHOWN", 3)
    found = new_data.classify_folder(run, photos)
    assert [p.pixels is not None for p in found.photos] == [True, True, False, True]
    assert [p.original is not None for p in found.photos] == [True, True, False, True]


def test_a_folder_that_cannot_be_written(run, photos):
    with mock.patch.object(Run, "write", side_effect=OSError(30, "Read-only file system")):
        done = newdata(run, photos)
    assert isinstance(done.exception, RunError)
    assert "newdata.json: cannot be written: Read-only file system" in str(done.exception)
