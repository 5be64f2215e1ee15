"""The whole job on a small real sample: every stage, its files, and going on after a kill."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import json_output
import numpy as np
import pytest
from small_job import CONFIG, SAMPLE, SPACE

from fmnist.data import load as load_data
from fmnist.data import split
from fmnist.data.views import Views
from fmnist.models import inference
from fmnist.models.inference import load_model
from fmnist.models.size import size_of
from fmnist.runs.config_source import load_config
from search.records import TrialLog

pytestmark = pytest.mark.slow
FILES = (
    "run.toml space.json plan.json preflight.json study.db trials.jsonl epochs.jsonl "
    "importance.json confirm.jsonl confirm_epochs.jsonl confirmation.json best_config.toml "
    "retrain.jsonl retrain_epochs.jsonl history.json model.keras predictions.npz metrics.json "
    "explain.npz evidence.json gallery.npz gallery.json ledger.json environment.json stages.json "
    "run.log children.log "
    "findings.json report.html report.pdf appendix.pdf"
)


def command_ended(folder, *arguments):
    command = [sys.executable, "-m", "fmnist", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def search(trials=2):
    return [
        *("run", "--data", SAMPLE, "--space", "space.toml", "--trials", trials),
        *("--warm-start", CONFIG),
        *("--trial-images", 300, "--trial-epochs", 2, "--epochs", 2, "--validation", 300),
        *("--author", "Ada <b>Lovelace</b>", "--experiments", "none"),
    ]


def whole_job(folder):
    """A job from its command to its report; what it said is kept."""
    (folder / "space.toml").write_text(SPACE)
    done = command_ended(folder, *search(), "--name", "one")
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "said").write_text(done.stdout)


@pytest.fixture(scope="module")
def shared(built_once):
    """The folder of that job; only to be read."""
    return built_once("job", whole_job)


@pytest.fixture(scope="module")
def finished(shared):
    return shared / "results" / "one", (shared / "said").read_text()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "space.toml").write_text(SPACE)
    return tmp_path


def load(run, name):
    return json.loads((run / name).read_text())


def test_every_file_of_the_design_is_there(finished):
    run, _ = finished
    assert [name for name in FILES.split() if not (run / name).is_file()] == []
    assert not (run / "epochs").exists()
    assert not (run / "trials").exists()
    assert [p.name for p in run.iterdir() if p.name.startswith(".writing")] == []


def test_the_last_words_give_accuracy_paths_and_the_next_command(finished):
    run, out = finished
    test = load(run, "metrics.json")["test"]
    assert f"{100 * test['accuracy']:.2f} %" in out
    assert f"{100 * test['interval'][0]:.2f} to {100 * test['interval'][1]:.2f} %" in out
    assert "results/one/report.pdf" in out
    assert "fmnist train --config results/one/best_config.toml" in out


def test_metrics_follow_from_the_predictions(finished):
    run, _ = finished
    test = load(run, "metrics.json")["test"]
    with np.load(run / "predictions.npz") as arrays:
        right = arrays["test_probabilities"].argmax(axis=1) == arrays["test_labels"]
        wrong = np.flatnonzero(~right)
        assert set(wrong) <= set(arrays["image_index"])
    assert test["accuracy"] == right.mean()
    assert test["n"] == 500
    assert test["interval"][0] < test["accuracy"] < test["interval"][1]
    assert [p["epoch"] for p in test["curve"]] == [1, 2]
    assert test["bootstrap"]["resamples"] == 2000
    low, high = test["macro"]["f1_interval"]
    assert low < test["macro"]["f1"] < high
    found = load(run, "metrics.json")["calibration"]
    assert found["fitted_on"] == {"split": "validation", "n": 300, "model": "model.keras"}
    assert found["before"]["loss"] == test["loss"]
    assert sum(found["after"]["counts"]) == 500


def test_the_kept_epoch_is_the_best_on_validation(finished):
    run, _ = finished
    history = load(run, "history.json")
    accuracies = [e["val_accuracy"] for e in history["epochs"]]
    assert history["chosen_epoch"] == 1 + int(np.argmax(accuracies))
    part = validation()
    plain, several = (accuracy(run, *part, v) for v in (Views(), Views.of(load_config(run))))
    assert plain == pytest.approx(max(accuracies))  # an epoch is scored by the image alone
    assert load(run, "metrics.json")["validation"]["accuracy"] == pytest.approx(several)


def validation():
    """The validation images of the jobs here, and their labels."""
    data = load_data(SAMPLE)
    index = split(data.train_labels, validation=300, seed=0).validation
    return data.train_images[index], data.train_labels[index]


def accuracy(run, images, labels, views):
    p = inference.predict(load_model(run / "model.keras"), images, views)
    return float((p.argmax(axis=1) == labels).mean())


def test_the_test_set_is_opened_after_every_choice_once_for_its_figures(finished):
    run, _ = finished
    entries = load(run, "ledger.json")["entries"]
    assert [e["stage"] for e in entries if e["split"] == "test"] == ["evaluate", "gallery"]
    assert entries[-1]["split"] == "test"
    assert {(e["stage"], e["split"]) for e in entries} >= {
        ("search", "train"),
        ("search", "validation"),
        ("confirm", "train"),
        ("confirm", "validation"),
        ("retrain", "train"),
        ("retrain", "validation"),
    }


def test_the_kept_weights_are_scored_on_plain_images_that_they_learnt(finished):
    run, _ = finished
    metrics = load(run, "metrics.json")
    seen = metrics["single_view"]
    data = load_data(SAMPLE)
    parts = split(data.train_labels, validation=300, seed=0)
    for name, part in (("training", parts.train), ("validation", parts.validation)):
        images, labels = data.train_images[part], data.train_labels[part]
        assert seen[name]["n"] == len(part)
        assert seen[name]["accuracy"] == pytest.approx(accuracy(run, images, labels, Views()))
    assert metrics["earlier_runs"] == 0
    entries = load(run, "ledger.json")["entries"]
    assert ("evaluate", "train", len(parts.train)) in [
        (e["stage"], e["split"], e["n"]) for e in entries
    ]


def test_the_winner_is_chosen_by_its_mean_on_fresh_seeds(finished):
    run, _ = finished
    record = load(run, "confirmation.json")
    means = {c["trial"]: c["mean"] for c in record["candidates"]}
    assert record["winner_by"] == "confirmation"
    assert means[record["winner"]] == max(means.values())
    searched = {t.seed for t in TrialLog(run / "trials.jsonl").trials}
    fresh = {t.seed for t in TrialLog(run / "confirm.jsonl").trials}
    assert fresh
    assert not fresh & searched


def test_the_best_config_is_that_of_the_winner(finished):
    run, _ = finished
    winner = load(run, "confirmation.json")["candidates"][0]
    stored = tomllib.loads((run / "best_config.toml").read_text())
    flat = {**stored["model"], **stored["training"]}
    assert flat.items() >= winner["params"].items()
    assert stored["provenance"]["trial"] == winner["trial"]
    assert stored["provenance"]["confirmed_validation_accuracy"] == winner["mean"]


def test_the_optimism_gap_is_recorded_and_said(finished):
    run, out = finished
    search_record = load(run, "metrics.json")["search"]
    winner = load(run, "confirmation.json")["candidates"][0]
    assert search_record["optimism_gap"] == winner["search_value"] - winner["mean"]
    assert search_record["test_value"] == load(run, "metrics.json")["test"]["accuracy"]
    assert "optimism gap" in out


def test_the_plan_and_the_preflight_are_recorded(finished):
    run, _ = finished
    plan, flight = load(run, "plan.json"), load(run, "preflight.json")
    assert plan["sizes"]["trial_images"] == 300
    assert {d["stage"] for d in plan["decisions"]} >= {"preflight", "search"}
    assert flight["smallest"]["params"]["filters_1"] == 4
    assert flight["largest"]["params"]["filters_1"] == 8
    assert load(run, "environment.json")["device"] == "CPU"
    asked = tomllib.loads((run / "run.toml").read_text())["request"]
    assert asked["jobs"] == "auto"
    assert 1 <= plan["jobs"] <= asked["trials"]
    assert plan["jobs"] == flight["jobs"]
    assert [s["name"] for s in load(run, "stages.json")["stages"]] == [
        *("prepare", "preflight", "search", "confirm", "retrain", "evaluate", "explain"),
        *("gallery", "report"),
    ]


def test_the_report_escapes_what_the_author_typed(finished):
    html = (finished[0] / "report.html").read_text()
    assert "<b>Lovelace</b>" not in html
    assert "&lt;b&gt;Lovelace" in html


def test_a_finished_run_is_not_run_again(finished, shared, folder, fmnist):
    before = (finished[0] / "metrics.json").read_bytes()
    code, error = fmnist(*search(), "--name", "one", "--results", shared / "results")
    assert code == 4
    assert "is finished and its test set was read" in error
    assert (finished[0] / "metrics.json").read_bytes() == before


def test_a_config_is_used_again_by_train_and_predict(finished, folder):
    run, _ = finished
    config = run / "best_config.toml"
    done = command_ended(
        folder,
        *("train", "--config", config, "--data", SAMPLE, "--validation", 300),
        *("--name", "two", "--json"),
    )
    assert done.returncode == 0, done.stderr
    events = json_output.lines("train", done.stdout)
    assert events[-1]["event"] == "result"
    assert Path(folder, events[-1]["pdf"]).read_bytes().startswith(b"%PDF")
    stored = tomllib.loads((folder / "results" / "two" / "best_config.toml").read_text())
    original = tomllib.loads(config.read_text())
    assert (stored["model"], stored["training"]) == (original["model"], original["training"])

    from PIL import Image

    with np.load(run / "predictions.npz") as arrays:
        Image.fromarray(255 - arrays["images"][0]).save(folder / "shoe.png")
    done = command_ended(folder, "predict", "--run", run, "shoe.png", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json_output.lines("predict", done.stdout)
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert len(row["probabilities"]) == 10


def test_other_options_on_an_unfinished_run_are_refused(folder, fmnist):
    run = folder / "results" / "half"
    run.mkdir(parents=True)
    (run / "run.toml").write_text("[request]\nseed = 7\nsampler = 'grid'\n")
    code, error = fmnist(*search(), "--name", "half")
    assert code == 4
    assert "seed 7 then, 0 now" in error
    assert "sampler grid then, tpe now" in error


def test_data_that_breaks_a_rule_leaves_no_run_behind(fmnist, tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    code, error = fmnist("run", "--data", tmp_path / "bad.npz", "--results", tmp_path / "r")
    assert code == 3
    assert "bad.npz" in error
    assert "Traceback" not in error
    assert list((tmp_path / "r").iterdir()) == []


def test_keras_tuner_runs_under_the_same_supervision(folder):
    done = command_ended(folder, *search(4), "--name", "kt", "--engine", "keras-tuner", "--jobs", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    run = folder / "results" / "kt"
    assert len(TrialLog(run / "trials.jsonl").trials) == 4
    assert tomllib.loads((run / "run.toml").read_text())["request"]["sampler"] == "bayesian"
    assert (run / "engine.json").is_file()
    assert "keras-tuner" in (run / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--engine", "keras-tuner", "--sampler", "tpe"), "--engine keras-tuner has bayesian"),
        (("--time", "10m", "--until", "07:00"), "give one of them"),
        (("--until", "25:00"), "expected a time of day"),
        (("--trial-memory", "lots"), "--trial-memory lots: expected a size such as"),
        (("--max-parameters", "many"), "--max-parameters many: expected a number such as 100k"),
        (("--max-size", "500"), "--max-size 500: expected a size such as 500kB"),
        (("--max-latency", "5"), "--max-latency 5: expected a time for one image such as 5ms"),
        (("--trial-timeout", "0s"), "--trial-timeout 0s: at least"),
    ],
)
def test_options_that_make_no_sense_are_refused(fmnist, options, message):
    code, error = fmnist("run", *options)
    assert code == 2
    assert message in error


def test_under_limits_nothing_above_them_is_trained_and_a_resume_keeps_them(folder):
    limits = ("--max-parameters", "7500", "--max-size", "90kB", "--max-latency", "2s")
    wide = SPACE.replace("high = 8", "high = 64")
    (folder / "wide.toml").write_text(wide)
    asked = [("wide.toml" if word == "space.toml" else word) for word in search(3)]
    done = command_ended(folder, *asked, "--name", "capped", *limits)
    assert done.returncode == 0, done.stdout + done.stderr
    run = folder / "results" / "capped"
    request = tomllib.loads((run / "run.toml").read_text())["request"]
    assert [request[f"max_{name}"] for name in ("parameters", "size", "latency")] == [7500, 9e4, 2]
    trials = TrialLog(run / "trials.jsonl").trials
    assert len(trials) == 3
    base = load_config(run)
    assert all(size_of(base.replace(**t.params)).parameters <= 7_500 for t in trials)
    assert (run / "model.keras").stat().st_size <= 90_000
    assert load_model(run / "model.keras").count_params() <= 7_500
    assert "A network was allowed 7,500 parameters" in (run / "report.html").read_text()
    (run / "report.html").unlink()  # as if it had been interrupted
    other = command_ended(folder, *asked, "--name", "capped", "--max-parameters", "8k")
    assert other.returncode == 4
    assert "max_parameters 7500 then, 8000 now" in other.stderr


def test_a_configuration_above_a_limit_is_refused_before_the_start(folder):
    done = command_ended(folder, *search(), "--name", "large", "--max-parameters", "5k")
    assert done.returncode == 2
    assert "parameters, --max-parameters allows 5,000; give a smaller network" in done.stderr
    assert not (folder / "results" / "large").exists()


def test_what_the_preflight_finds_stops_the_run_before_it_begins(folder):
    done = command_ended(folder, *search(), "--name", "small", "--trial-memory", "300M")
    assert done.returncode == 2
    assert "--trial-memory" in done.stderr
    assert not (folder / "results" / "small" / "trials.jsonl").exists()
