"""The whole job on a small real sample: every stage, its files, and going on after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

from search.records import TrialLog

SAMPLE = Path(__file__).parent / "data" / "sample"
SPACE = """
[filters_1]
type = "int"
low = 4
high = 8
step = 4

[learning_rate]
type = "float"
low = 1e-3
high = 1e-2
log = true
"""
FILES = (
    "run.toml space.json study.db trials.jsonl importance.json best_config.toml history.json "
    "model.keras predictions.npz metrics.json explain.npz evidence.json ledger.json "
    "environment.json stages.json run.log report.html report.pdf"
)


def fmnist(folder, *arguments, **options):
    command = [sys.executable, "-m", "fmnist.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, **options)


def search(trials=3):
    return [
        *("run", "--data", SAMPLE, "--space", "space.toml", "--trials", trials),
        *("--trial-images", 300, "--trial-epochs", 2, "--epochs", 2, "--validation", 300),
        *("--author", "Ada <b>Lovelace</b>"),
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("job")
    (path / "space.toml").write_text(SPACE)
    return path


@pytest.fixture(scope="module")
def finished(folder):
    done = fmnist(folder, *search(), "--name", "one")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "results" / "one", done.stdout


def load(run, name):
    return json.loads((run / name).read_text())


def test_every_file_of_the_design_is_there(finished):
    run, _ = finished
    assert [name for name in FILES.split() if not (run / name).is_file()] == []
    assert not (run / "epochs").exists()
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


def test_the_kept_epoch_is_the_best_on_validation(finished):
    run, _ = finished
    history = load(run, "history.json")
    accuracies = [e["val_accuracy"] for e in history["epochs"]]
    assert history["chosen_epoch"] == 1 + int(np.argmax(accuracies))
    assert load(run, "metrics.json")["validation"]["accuracy"] == pytest.approx(max(accuracies))


def test_the_test_set_is_opened_once_after_every_choice(finished):
    run, _ = finished
    entries = load(run, "ledger.json")["entries"]
    assert [e["stage"] for e in entries if e["split"] == "test"] == ["evaluate"]
    assert entries[-1]["split"] == "test"
    assert {(e["stage"], e["split"]) for e in entries} >= {
        ("search", "train"),
        ("search", "validation"),
        ("retrain", "train"),
        ("retrain", "validation"),
    }


def test_the_best_config_is_that_of_the_best_trial(finished):
    run, _ = finished
    best = TrialLog(run / "trials.jsonl").best()
    stored = tomllib.loads((run / "best_config.toml").read_text())
    flat = {**stored["model"], **stored["training"]}
    assert flat.items() >= best.params.items()
    assert stored["provenance"]["trial"] == best.number


def test_the_report_escapes_what_the_author_typed(finished):
    html = (finished[0] / "report.html").read_text()
    assert "<b>Lovelace</b>" not in html
    assert "&lt;b&gt;Lovelace" in html


def test_a_finished_run_is_not_run_again(finished, folder):
    before = (finished[0] / "metrics.json").read_bytes()
    done = fmnist(folder, *search(), "--name", "one")
    assert done.returncode == 4
    assert "is finished and its test set was read" in done.stderr
    assert (finished[0] / "metrics.json").read_bytes() == before


def test_a_config_is_used_again_by_train_and_predict(finished, folder):
    run, _ = finished
    config = run / "best_config.toml"
    done = fmnist(
        folder,
        *("train", "--config", config, "--data", SAMPLE, "--validation", 300),
        *("--name", "two", "--json"),
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["event"] == "result"
    assert Path(folder, events[-1]["pdf"]).read_bytes().startswith(b"%PDF")
    stored = tomllib.loads((folder / "results" / "two" / "best_config.toml").read_text())
    original = tomllib.loads(config.read_text())
    assert (stored["model"], stored["training"]) == (original["model"], original["training"])

    from PIL import Image

    with np.load(run / "predictions.npz") as arrays:
        Image.fromarray(255 - arrays["images"][0]).save(folder / "shoe.png")
    done = fmnist(folder, "predict", "--run", run, "shoe.png", "--json")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert len(row["probabilities"]) == 10


def stop(command, folder, number, trials):
    """Start the job, send it a signal once ``trials`` are logged; returns log and process."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=pipe) as process:
        log = None
        while process.poll() is None and not (log and log.read_bytes().count(b"\n") >= trials):
            time.sleep(0.05)
            log = next((folder / "killed").glob("*/trials.jsonl"), None)
        assert process.poll() is None, "the run ended before it could be stopped"
        os.kill(process.pid, number)
        error = process.stderr.read().decode()
    return log, process.returncode, error


def test_a_stopped_and_a_killed_run_go_on_with_the_same_command(folder):
    command = [sys.executable, "-m", "fmnist.cli", *map(str, search(7)), "--results", "killed"]
    log, code, error = stop(command, folder, signal.SIGINT, trials=1)
    assert code == 130
    assert [line.strip() for line in error.split("fmnist: ")[1:]] == [
        "stopping after this epoch; once more stops at once",
        "interrupted; the same command goes on where this stopped",
    ]
    log, code, _ = stop(command, folder, signal.SIGKILL, trials=4)
    assert code == -signal.SIGKILL
    before = log.read_bytes()
    done = fmnist(folder, *command[3:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "continuing" in done.stdout
    assert list((folder / "killed").iterdir()) == [log.parent]
    assert log.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert len(TrialLog(log).trials) == 7
    assert (
        states(log.parent / "study.db").items()
        >= {
            trial.number: {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}[
                trial.state
            ]
            for trial in TrialLog(log).trials
        }.items()
    )
    assert "RUNNING" not in states(log.parent / "study.db").values()


def states(database):
    import optuna

    storage = optuna.storages.RDBStorage(f"sqlite:///{database}")
    study = optuna.load_study(study_name="study", storage=storage)
    found = {t.number: t.state.name for t in study.trials}
    storage.remove_session()
    storage.engine.dispose()
    return found


def test_other_options_on_an_unfinished_run_are_refused(folder):
    run = folder / "results" / "half"
    run.mkdir(parents=True)
    (run / "run.toml").write_text("[request]\nseed = 7\nsampler = 'grid'\n")
    done = fmnist(folder, *search(), "--name", "half")
    assert done.returncode == 4
    assert "seed 7 then, 0 now" in done.stderr
    assert "sampler grid then, tpe now" in done.stderr


def test_data_that_breaks_a_rule_leaves_no_run_behind(folder, tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    done = fmnist(folder, "run", "--data", tmp_path / "bad.npz", "--results", tmp_path / "r")
    assert done.returncode == 3
    assert "bad.npz" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "r").iterdir()) == []
