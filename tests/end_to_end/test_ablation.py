"""``fmnist experiment`` on real training: killed, gone on with, added to, told in the report."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
from small_job import CONFIG, SAMPLE, SPACE, all_gone, descendants

from fmnist.runs.folder import Run
from fmnist.runs.status import read_status
from search.records import TrialLog

pytestmark = pytest.mark.slow


def fmnist(*arguments):
    return [sys.executable, "-m", "fmnist", *map(str, arguments)]


def experiment(run, *only, **sizes):
    given = {"images": 300, "epochs": 2, "seeds": 2, **sizes}
    more = [part for key in only for part in ("--only", key)]
    return fmnist("experiment", run, *more, *(p for n, v in given.items() for p in (f"--{n}", v)))


def kill_at(command, path, epochs):
    """End a command by force once the journal holds so many epochs."""
    null = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=null, stderr=subprocess.PIPE) as process:
        while process.poll() is None and not (
            path.exists() and path.read_bytes().count(b"\n") >= epochs
        ):
            time.sleep(0.02)
        assert process.poll() is None, process.stderr.read().decode()
        children = descendants(process.pid)
        process.kill()
        process.wait()
    assert all_gone(children)


def done(command):
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def load(run, name):
    return json.loads((run / name).read_text())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A trained configuration, then two experiments that were killed twice."""
    folder = tmp_path_factory.mktemp("experiments")
    run = folder / "one"
    done(
        fmnist(
            *("train", "--config", CONFIG, "--data", SAMPLE, "--validation", 300, "--quiet"),
            *("--results", folder, "--name", run.name),
        )
    )
    assert not (run / "experiments.json").exists()
    before = {name: (run / name).read_bytes() for name in ("metrics.json", "stages.json")}
    command = experiment(run, "dense,batch_norm")
    for epochs in (3, 9):
        kill_at(command, run / "experiments_epochs.jsonl", epochs)
    return run, done(command), before


def test_killed_twice_it_ends_with_every_training_once(finished):
    run, out, _ = finished
    trials = TrialLog(run / "experiments.jsonl").trials
    assert sorted(t.number for t in trials) == [0, 1, 8, 100, 101, 108]
    assert all(t.state == "complete" for t in trials)
    assert all([e.epoch for e in t.epochs] == [1, 2] for t in trials)
    assert "report.pdf" in out
    assert not (run / "trials").exists()


def test_base_and_variants_have_the_same_seeds_and_answers_that_add_up(finished):
    run, _, _ = finished
    record = load(run, "experiments.json")
    dense, other = record["experiments"]
    seeds = [[s["seed"] for s in part["scores"]] for part in (record["base"], dense, other)]
    assert seeds[0] == seeds[1] == seeds[2]
    assert len(set(seeds[0])) == 2
    with np.load(run / "experiments.npz") as arrays:
        right = {n: float((arrays[f"training_{n}"] == arrays["labels"]).mean()) for n in (0, 100)}
    assert [s["accuracy"] for s in record["base"]["scores"]] == pytest.approx(
        [right[0], right[100]]
    )
    assert dense["method"] == "two-way random effects of seeds and images"
    assert (dense["validation"], dense["seeds"], dense["images"]) == (300, 2, 300)


def test_the_test_set_stays_closed_and_the_rest_as_it_was(finished):
    run, _, before = finished
    entries = [e for e in load(run, "ledger.json")["entries"] if e["stage"] == "experiments"]
    assert {e["split"] for e in entries} == {"train", "validation"}
    assert len(entries) == 2
    for name, content in before.items():
        assert (run / name).read_bytes() == content


def test_the_report_tells_them(finished):
    run, _, _ = finished
    html = (run / "report.html").read_text()
    assert 'id="experiments"' in html
    assert "without batch normalisation" in html
    assert (run / "report.pdf").read_bytes().startswith(b"%PDF")
    assert read_status(Run(run)).state == "finished"


def test_more_are_added_later(finished):
    run, _, _ = finished
    before = load(run, "experiments.json")["experiments"]
    done(experiment(run, "longer"))
    record = load(run, "experiments.json")
    assert {e["key"] for e in record["experiments"]} == {"dense", "batch_norm", "longer"}
    scores = {e["key"]: e["scores"] for e in record["experiments"]}
    assert all(scores[e["key"]] == e["scores"] for e in before)
    longer = next(t for t in TrialLog(run / "experiments.jsonl").trials if len(t.epochs) == 4)
    assert longer.params == {"images": 300}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (
            ("--only", "width"),
            2,
            "--only width: expected one of augmentation, batch_norm",
        ),
        (("--time", "soon"), 2, "expected a duration"),
        (("--data", "no"), 2, "does not exist"),
    ],
)
def test_what_makes_no_sense_is_refused(finished, options, code, message):
    ended = subprocess.run(
        fmnist("experiment", finished[0], *options), capture_output=True, text=True
    )
    assert ended.returncode == code
    assert message in ended.stderr


def test_a_run_that_is_not_finished_is_refused(finished, tmp_path):
    (tmp_path / "run.toml").write_bytes((finished[0] / "run.toml").read_bytes())
    ended = subprocess.run(fmnist("experiment", tmp_path), capture_output=True, text=True)
    assert ended.returncode == 4
    assert "the run is not finished" in ended.stderr


def test_a_search_makes_the_telling_ones_unasked_before_its_report(tmp_path):
    (tmp_path / "space.toml").write_text(SPACE)
    sizes = {"trials": 1, "trial-images": 100, "trial-epochs": 1, "epochs": 1, "validation": 300}
    done(
        fmnist(
            *("run", "--data", SAMPLE, "--space", tmp_path / "space.toml", "--no-confirm"),
            *("--warm-start", CONFIG, "--results", tmp_path, "--name", "one", "--quiet"),
            *(part for name, size in sizes.items() for part in (f"--{name}", size)),
        )
    )
    run = tmp_path / "one"
    stages = [s["name"] for s in load(run, "stages.json")["stages"]]
    assert stages[-2:] == ["experiments", "report"]
    record = load(run, "experiments.json")
    assert [e["key"] for e in record["experiments"]] == [
        *("dense", "pooling", "normalisation_raw", "augmentation", "batch_norm"),
    ]
    assert record["fidelity"] == {"images": 100, "validation": 300, "epochs": 1, "seeds": 3}
    reasons = {s["key"]: s["reason"] for s in record["skipped"]}
    assert reasons["dropout"] == "dropout is already 0"
    assert reasons["wider"] == "not asked for"
    assert 'id="experiments"' in (run / "report.html").read_text()
    assert not (run / "trials").exists()
