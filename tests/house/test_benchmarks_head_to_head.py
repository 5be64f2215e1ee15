"""The head to head gives all the same, goes on where it stopped, and says no more than it knows."""

import json
import shutil
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_1samp

FOLDER = Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(FOLDER))

import head_to_head  # noqa: E402
import paired  # noqa: E402
import record  # noqa: E402
import table  # noqa: E402

pytestmark = pytest.mark.slow

# A chance for each image, whose mean is known well enough.
NORMAL = np.random.default_rng(2).normal(0, 1, 200_000)
VALUES = {
    **{"filters_1": 4, "filters_2": 4, "filters_3": 4},
    **{"dropout": 0.0, "learning_rate": 1e-3, "batch_size": 16},
}


@pytest.fixture(scope="module")
def opponents():
    """Imported late: it brings TensorFlow."""
    import opponents

    return opponents


def asked_of_an_opponent(sample, folder, **more):
    usual = {"seconds": None, "began": 0.0, "trials": 2, "images": 300, "validation": 200}
    usual |= {"epochs": 1, "seed": 0, "data": sample, "output": folder, "program": "optuna"}
    return Namespace(**(usual | more))


# keras-tuner asks for the thread's name in an old way.
@pytest.mark.filterwarnings("ignore:(currentThread|getName):DeprecationWarning")
# Random search runs in the real head-to-head below.
@pytest.mark.parametrize(
    "program", ["optuna", "hyperband", pytest.param("random", marks=pytest.mark.full)]
)
def test_an_opponent_searches_the_core_space(opponents, program, sample, tmp_path):
    task = opponents.prepared(asked_of_an_opponent(sample, tmp_path))
    assert [len(task.train[1]), len(task.validation[1])] == [300, 200]
    assert task.train[0].dtype == np.float32
    assert task.train[0].max() == 1
    found = opponents.PROGRAMS[program](task)
    assert found.finished + found.pruned == 2
    for entry in task.trainer.space:
        value = found.values[entry.name]
        assert value in entry.choices if hasattr(entry, "choices") else entry.low <= value
    assert task.trainer.build(found.values).count_params() > 10_000


# keras-tuner asks for the thread's name in an old way.
@pytest.mark.filterwarnings("ignore:(currentThread|getName):DeprecationWarning")
@pytest.mark.parametrize("program", ["optuna-recipe", "hyperband-recipe"])
def test_an_opponent_searches_around_our_recipe(opponents, program, sample, tmp_path):
    asked = asked_of_an_opponent(sample, tmp_path, program=program, epochs=2)
    task = opponents.prepared(asked)
    assert task.train[0].dtype == np.uint8
    found = opponents.PROGRAMS[program](task)
    assert found.finished + found.pruned == 2
    model, accuracy, fits = opponents.retrained(task, found.values)
    assert fits == 1
    assert 0 < accuracy < 1
    opponents.tested(task, model, found.values)
    with np.load(tmp_path / "predictions.npz") as arrays:
        np.testing.assert_allclose(arrays["probabilities"].sum(axis=1), 1, rtol=1e-4)


def test_the_last_training_of_an_opponent_ends_with_its_time(opponents, sample, tmp_path):
    task = opponents.prepared(asked_of_an_opponent(sample, tmp_path, epochs=3))
    readings = iter(range(1000))
    clock = opponents.Clock(0.0, 12 + 30, lambda: next(readings))  # the 31st reading is too late
    model, accuracy, fits = opponents.retrained(replace(task, clock=clock), VALUES)
    # 19 steps are 2 calls an epoch, each looks at the clock: 3 epochs 6, and 2 around them.
    assert fits == 3
    assert next(readings) <= 31
    opponents.tested(task, model, VALUES)
    (entry,) = json.loads((tmp_path / "ledger.json").read_text())["entries"]
    assert (entry["split"], entry["n"]) == ("test", 500)
    assert 0 < accuracy < 1


def test_a_training_without_time_still_ends_at_once(opponents, sample, tmp_path):
    task = opponents.prepared(asked_of_an_opponent(sample, tmp_path, epochs=3))
    late = replace(task, clock=opponents.Clock(0.0, 20.0, lambda: 9.0))
    model, _, fits = opponents.retrained(late, VALUES)
    assert fits == 1
    assert model.optimizer.iterations.numpy() == 16  # one call


def test_a_search_has_its_share_of_the_time(opponents):
    from opponent_parts import sizes_for

    clock = opponents.Clock(100.0, 200.0, lambda: 150.0)
    assert clock.search() == pytest.approx(0.6 * 200 - 50)
    assert clock.fit() == 200 - 12 - 50
    assert replace(clock, seconds=1000.0).fit() == 1000 - 40 - 50
    assert opponents.Clock(0.0, None).search() == float("inf")
    images = [sizes_for(t).images for t in (60, 600, None, 7200, 28_800)]
    assert images == [6_000, 18_000, 18_000, 30_000, 54_000]


def test_contenders_take_turns():
    assert head_to_head.order(["a", "b", "c"], [0, 7]) == [
        *(("a", 0), ("b", 0), ("c", 0)),
        *(("b", 7), ("c", 7), ("a", 7)),
    ]


def test_all_get_the_same_time(tmp_path):
    options = head_to_head.BENCHMARK.options(["--time", "2m"])
    ours = " ".join(head_to_head.ours("ours", 3, options, tmp_path / "ours-3"))
    assert ours.endswith(
        f"--seed 3 --quiet --no-prior --results {tmp_path} --name ours-3 --time 2m"
    )
    theirs = head_to_head.theirs("random", 3, options, tmp_path / "random-3")
    assert {"random", "--seed=3", "--seconds=120.0", "--validation=6000"} < set(theirs)
    with pytest.raises(SystemExit):
        head_to_head.BENCHMARK.options(["--time", "soon"])
    with pytest.raises(SystemExit):
        head_to_head.BENCHMARK.options(["--only", "ours,grid"])


def test_a_head_to_head_goes_on_where_it_stopped(tmp_path, monkeypatch):
    rights = {"ours": 90, "random": 60}
    called, failing = [], {("random", 1)}

    def contend(name, seed, options, folder):
        called.append((name, seed))
        if (name, seed) in failing:
            return None
        labels = np.zeros(100, int)
        probabilities = np.eye(10)[(np.arange(100) >= rights[name]).astype(int)]
        target = head_to_head.predictions(folder / f"{name}-{seed}")
        np.savez(target, labels=labels, probabilities=probabilities)
        right = rights[name] / 100
        return {
            **{"accuracy": right, "interval": [right, right]},
            **{"trials": 4, "pruned": 1, "wall": 59.6, "late": seed == 1},
        }

    monkeypatch.setattr(head_to_head, "contend", contend)
    arguments = ["--seeds", "0,1", "--only", "random,ours", "--folder", str(tmp_path)]
    options = head_to_head.BENCHMARK.options(arguments)
    with pytest.raises(SystemExit, match=r"random \(seed 1\)"):
        head_to_head.measure(options)
    failing.clear()
    measured = head_to_head.measure(options)
    assert called == [("ours", 0), ("random", 0), ("random", 1), ("ours", 1), ("random", 1)]
    ours, random = head_to_head.rows(json.loads(json.dumps(measured)))
    assert ours[0] == "ours, `fmnist run`"
    assert ours[5:] == ["–", "–"]
    assert random[2:5] == ["60.00 % (60.00–60.00)", "4 + 1, 4 + 1", "60, 60 (late)"]
    assert random[5].startswith("+30.00 (+2")
    assert random[6] == "ours ahead"


def test_a_run_of_ours_gives_a_row_and_predictions(tmp_path):
    run = tmp_path / "ours-0"
    shutil.copytree(FOLDER.parent / "data" / "short_run", run)
    row = head_to_head.result(run, True)
    recorded = json.loads((run / "metrics.json").read_text())["test"]
    assert [row["accuracy"], *row["interval"]] == [recorded["accuracy"], *recorded["interval"]]
    assert row["test_readings"] == 1
    assert row["trials"] + row["pruned"] <= len((run / "trials.jsonl").read_text().splitlines())
    (right,) = head_to_head.right_of("ours", tmp_path, [0])
    assert right.mean() == recorded["accuracy"]


def test_a_real_head_to_head_leaves_a_record(tmp_path):
    results, folder = tmp_path / "results.json", tmp_path / "kept"
    command = [sys.executable, FOLDER / "head_to_head.py", "--quick", "--only=random"]
    command += ["--results", results, "--folder", folder]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (found,) = record.load(results)
    assert found["n"] == 1
    (row,) = found["measured"]["rows"]["random"]
    assert (row["n"], row["trials"], row["test_readings"]) == (500, 1, 1)
    assert (folder / "random-0-predictions.npz").exists()
    assert done.stdout.strip() in table.render([found])
    again = subprocess.run(command, capture_output=True, text=True)
    assert "0 of 1 runs to do" in again.stderr


def test_one_seed_is_compared_on_its_images():
    rng = np.random.default_rng(0)
    ours, theirs = rng.random((1, 400)) < 0.9, rng.random((1, 400)) < 0.8
    gains = ours[0].astype(float) - theirs[0]
    middle, *interval = paired.difference(ours, theirs)
    assert middle == pytest.approx(gains.mean())
    assert interval == pytest.approx(list(ttest_1samp(gains, 0).confidence_interval(0.95)))
    with pytest.raises(ValueError, match="two tables"):
        paired.difference(ours, theirs[0])


@pytest.mark.parametrize(("of_seeds", "of_images"), [(0.0, 0.0), (0.02, 0.3), (0.05, 0.0)])
def test_the_interval_of_a_difference_holds_what_it_says(of_seeds, of_images):
    rng, held, tries = np.random.default_rng(1), 0, 300
    for _ in range(tries):
        chance = 0.8 + rng.normal(0, of_seeds, (3, 1)) + rng.normal(0, of_images, (1, 150))
        ours, theirs = rng.random((2, 3, 150)) < np.stack([chance, np.full((3, 150), 0.8)])
        truth = np.mean(np.clip(0.8 + of_images * NORMAL, 0, 1)) - 0.8
        _, low, high = paired.difference(ours, theirs)
        held += low <= truth <= high
    assert held / tries >= 0.93


def test_the_mean_has_students_interval_and_a_verdict():
    values = [0.921, 0.925, 0.93]
    _, *interval = paired.mean_interval(values)
    assert interval == pytest.approx(list(ttest_1samp(values, 0).confidence_interval(0.95)))
    assert paired.mean_interval([0.9]) == (0.9, 0.9, 0.9)
    intervals = [(0.1, 0.01, 0.2), (0.0, -0.1, 0.1), (-0.1, -0.2, -0.01), None]
    assert [paired.verdict(i) for i in intervals] == ["ours ahead", "tied", "ours behind", "–"]
