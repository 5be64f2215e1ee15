"""Exports: kept only if they predict the same, with what belongs to them beside them."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from requirements import find_package

from fmnist.cli.commands.export import FORMATS
from fmnist.cli.main import cli
from fmnist.errors import UserError
from fmnist.integrations import model_export
from fmnist.integrations.model_export import (
    NAMES,
    TOLERANCE,
    Agreement,
    ExportError,
    compared,
    export_run,
)
from fmnist.runs.folder import RunError

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
SMALL = {"stages": 1, "filters_1": 4, "dense_units": 0}


@pytest.fixture
def run(tmp_path):
    run = Path(shutil.copytree(RECORDED, tmp_path / "run"))
    (run / "model.keras").write_bytes(b"a network")
    (run / "model_card.md").write_text("# Card", encoding="utf-8")
    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run with a network of random weights, which predicts from six views of an image."""
    from fmnist.config.config import Config
    from fmnist.config.toml_text import dump_config
    from fmnist.models.inference import restored

    run = Path(shutil.copytree(RECORDED, tmp_path_factory.mktemp("trained") / "run"))
    config = Config(**SMALL, activation="silu", test_time_flip=True, test_time_shift=1)
    from fmnist.models.builder import build_model

    restored(config, build_model(config).get_weights()).save(run / "model.keras")
    (run / "best_config.toml").write_text(dump_config(config), encoding="utf-8")
    return run


def test_every_format_of_the_command_is_known():
    assert tuple(NAMES) == FORMATS


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_gives_the_predictions_of_the_original(trained, kind):
    if kind == "onnx":
        find_package("tf2onnx")
    returned = export_run(trained, kind, None)
    folder = trained / "export" / kind
    record = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    with np.load(trained / "predictions.npz") as file:
        assert record["checked_images"] == returned.checked_images == len(file["images"])
    assert record["max_difference"] <= TOLERANCE
    assert record["agreement"] == 1
    assert (folder / record["file"]).exists()
    names = (folder / "class_names.txt").read_text(encoding="utf-8").split("\n")
    assert names[5] == "Sandal"


def test_what_predicts_otherwise_is_not_kept(run, monkeypatch):
    monkeypatch.setattr(model_export, "_written", lambda *_: Agreement(64, 0.3, 0.9))
    with pytest.raises(ExportError, match=r"keras: predictions differ .* same class for 90\.00%"):
        export_run(run, "keras", None)
    assert not (run / "export" / "keras").exists()


def test_what_belongs_to_an_export_lies_beside_it(run, monkeypatch, tmp_path):
    monkeypatch.setattr(model_export, "_written", lambda *_: Agreement(64, 1e-7, 1.0))
    done = CliRunner().invoke(cli, ["export", "--run", str(run), "--to", str(tmp_path / "out")])
    assert done.exit_code == 0
    assert "64 test images: the same class for all" in done.output
    assert re.search(r"^took {11}\d+ s$", done.output, re.MULTILINE)
    beside = {path.name for path in (tmp_path / "out").iterdir()}
    assert beside == {"class_names.txt", "export.json", "model_card.md"}


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (np.array([[0.9, 0.1], [0.2, 0.8]]), True),
        (np.array([[0.90001, 0.09999], [0.2, 0.8]]), True),
        (np.array([[0.9, 0.1], [0.3, 0.7]]), False),
        (np.array([[0.1, 0.9], [0.2, 0.8]]), False),
        (np.array([[0.9, 0.1], [0.2, np.nan]]), False),
        (np.array([[0.9, 0.1]]), False),
    ],
)
def test_the_same_means_same_class_and_same_probabilities(found, same):
    expected = np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)
    images = np.zeros((2, 28, 28, 1), np.uint8)
    assert compared(expected, lambda _: found.astype(np.float32), images).same is same


def test_a_run_that_is_not_finished_is_refused(run):
    (run / "model.keras").unlink()
    with pytest.raises(RunError, match=r"has no model\.keras, the run is not finished"):
        export_run(run, "keras", None)


def test_a_run_without_an_ensemble_says_so(trained):
    with pytest.raises(UserError, match="has no ensemble; 'fmnist run --ensemble K' trains one"):
        export_run(trained, "keras", None, ensemble=True)
    assert not (trained / "export" / "keras-ensemble").exists()


def test_nothing_is_written_over(run, tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(RunError, match="is not empty"):
        export_run(run, "keras", tmp_path)
    assert (tmp_path / "a.txt").exists()


def test_a_missing_package_is_named(run, monkeypatch):
    monkeypatch.setitem(model_export.NEEDED, "onnx", ("no_such_package",))
    with pytest.raises(UserError, match=r"needs no_such_package: pip install no_such_package"):
        export_run(run, "onnx", None)


def test_a_conversion_that_fails_leaves_nothing(run):
    with pytest.raises(ExportError, match=r"model\.keras: cannot be loaded"):
        export_run(run, "keras", None)  # what lies there is no network
    assert not (run / "export" / "keras").exists()
