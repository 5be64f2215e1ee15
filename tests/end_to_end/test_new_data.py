"""A tiny real run and photographs of its classes: ``fmnist newdata`` from folder to report."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from new_data_factory import save_photo
from small_job import CONFIG, SAMPLE

pytestmark = pytest.mark.slow
FOLDERS = (
    "T-shirt top", "trouser", "Pullover", "Dress", "Coat", "5", "Shirt", "Sneaker", "8", "ankleboot"
)  # fmt: skip


def fmnist(folder, *arguments):
    command = [sys.executable, "-m", "fmnist", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, raw_sample):
    folder = tmp_path_factory.mktemp("new")
    for k in range(24):
        image, label = raw_sample.test.images[k], raw_sample.test.labels[k]
        save_photo(folder / "photos" / FOLDERS[label] / f"{k}.{('jpg', 'png')[k % 2]}", image)
    done = fmnist(
        folder,
        *("train", "--config", CONFIG, "--data", SAMPLE, "--validation", 300, "--name", "tiny"),
        "--quiet",
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_photographs_are_classified_as_predict_does_and_the_run_stays_as_it_is(folder):
    run = folder / "results" / "tiny"
    kept = {name: (run / name).read_bytes() for name in ("ledger.json", "metrics.json", "run.toml")}
    done = fmnist(folder, "newdata", run, "photos", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["n"] == len(found["photos"]) == 24
    assert found["correct"] > 8  # chance: 2.4
    paths = [str(Path("photos") / photo["file"]) for photo in found["photos"]]
    said = fmnist(folder, "predict", "--run", run, "--json", *paths).stdout.splitlines()
    for photo, line in zip(found["photos"], said, strict=True):
        probabilities = json.loads(line)["probabilities"]
        assert photo["p_predicted"] == pytest.approx(max(probabilities.values()), abs=1e-6)
    assert kept == {name: (run / name).read_bytes() for name in kept}
    html = (run / "report.html").read_text(encoding="utf-8")
    assert 'href="#newdata"' in html
    assert fmnist(folder, "check", run).returncode == 0


def test_other_pictures_take_the_place_of_those_before(folder, raw_sample):
    run = folder / "results" / "tiny"
    save_photo(folder / "one" / "bag" / "a.png", raw_sample.test.images[0])
    (folder / "one" / "bag" / "b.png").write_bytes(b"x")
    done = fmnist(folder, "newdata", run, "one")
    assert done.returncode == 3, done.stderr
    assert "bag/b.png: not a picture" in done.stderr
    assert "Fewer than 10 decide nothing." in " ".join(done.stdout.split())
    assert (run / "report.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((run / "newdata.json").read_text())["n"] == 1
