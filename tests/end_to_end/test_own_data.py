"""A whole run on a folder of pictures: other classes, dark on white, of any size."""

import json
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from images import some
from PIL import Image
from report_pages import Elements
from small_job import SPACE

pytestmark = pytest.mark.slow

NAMES = ("Hemd", "き", "猫")
SIZES = (28, 50, 21)


def fmnist(folder, *arguments):
    command = [sys.executable, "-m", "fmnist", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, raw_sample):
    folder = tmp_path_factory.mktemp("own")
    (folder / "space.toml").write_text(SPACE)
    images, labels = some(raw_sample.train, 3, 40)
    for number, (image, label) in enumerate(zip(255 - images, labels, strict=True)):
        place = folder / "pictures" / NAMES[label]
        place.mkdir(parents=True, exist_ok=True)
        size = SIZES[number % 3]
        picture = Image.fromarray(image).resize((size, size)).convert("RGB")
        picture.save(place / f"{number}.{'png' if number % 2 else 'bmp'}")
    return folder


@pytest.fixture(scope="module")
def finished(folder):
    done = fmnist(
        folder,
        *("run", "--data", "pictures", "--space", "space.toml", "--trials", 1, "--jobs", 1),
        *("--trial-epochs", 1, "--epochs", 2, "--no-confirm", "--experiments", "none"),
        *("--name", "own"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "results" / "own", done.stdout


def test_the_run_says_what_data_it_has(finished):
    run, said = finished
    data = tomllib.loads((run / "run.toml").read_text(encoding="utf-8"))
    assert tuple(data["data"]["class_names"]) == NAMES
    assert data["data"]["test"] == "split off"
    assert data["data"]["pictures"] == "whole, negated"
    assert not data["data"]["mirrors"]
    assert {k: data["splits"][k] for k in ("train", "validation", "test")} == {
        **{"train": 77, "validation": 19, "test": 24}
    }
    assert "Mirrored images were left out" in said
    sizes = json.loads((run / "plan.json").read_text())["sizes"]
    assert (sizes["trial_images"], sizes["validation"]) == (77, 19)


def test_no_mirror_image_is_used(finished):
    run, _ = finished
    config = tomllib.loads((run / "best_config.toml").read_text())
    assert not config["training"]["flip"]
    assert not config["training"]["test_time_flip"]
    metrics = json.loads((run / "metrics.json").read_text())
    assert not metrics["test_time_flip"]
    found = json.loads((run / "gallery.json").read_text())["duplicates"]
    assert not found["mirrors"]
    assert not any(pair["mirrored"] for pair in found["pairs"])


def test_the_images_are_bright_on_black(finished):
    run, _ = finished
    with np.load(run / "predictions.npz") as arrays:
        examples = arrays["examples"]
    assert np.median(examples[:, 0]) < 20


def test_the_report_is_about_these_classes(finished):
    run, _ = finished
    text = Elements((run / "report.html").read_text(encoding="utf-8")).text
    assert "pictures: a tuned convolutional network" in text
    assert "in 3 classes: Hemd, き and 猫" in text
    assert "published result" not in text
    assert (run / "report.pdf").is_file()
    card = (run / "model_card.md").read_text(encoding="utf-8")
    assert "zalando" not in card
    assert "one article each" not in card


def test_predict_makes_pictures_as_those_of_the_folder(finished, folder):
    run, _ = finished
    picture = next((folder / "pictures" / "Hemd").iterdir())
    done = fmnist(folder, "predict", "--run", run, picture, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["probabilities"]) == set(NAMES)
    assert found["steps"] == ["made as the pictures of the data set were", "negated"]
    mixed = fmnist(folder, "predict", "--run", run, "none.png", picture, "--json")
    assert (mixed.returncode, json.loads(mixed.stdout)) == (3, found)
    assert "none.png: no such file" in mixed.stderr
