"""The benchmarks answer, count right, and keep records that say where their numbers are from."""

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_1samp

FOLDER = Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(FOLDER))

import child  # noqa: E402
import jobs  # noqa: E402
import ladder  # noqa: E402
import linear  # noqa: E402
import networks  # noqa: E402
import record  # noqa: E402
import same_accuracy  # noqa: E402
import table  # noqa: E402
import throughput  # noqa: E402
import time_to_accuracy  # noqa: E402

pytestmark = pytest.mark.slow

COMMANDS = sorted(
    p.stem for p in FOLDER.glob("*.py") if "argparse.ArgumentParser(" in p.read_text()
)
DECLARED = {p.stem for p in FOLDER.glob("*.py") if "\nBENCHMARK = " in p.read_text()}


def run(script, *arguments):
    command = [sys.executable, str(FOLDER / f"{script}.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("script", sorted({*COMMANDS, *DECLARED} - {"record"}))
def test_every_command_answers_help(script):
    done = run(script, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {script}.py")
    assert len(done.stdout.split("options:")[0].splitlines()) > 3  # says what it does


def test_the_table_knows_every_benchmark():
    assert set(table.NAMES) == DECLARED


@pytest.mark.parametrize("name", table.NAMES)
def test_declarations_fit_their_options(name):
    benchmark = table.benchmark(name)
    usual, quick = benchmark.options([]), benchmark.options(["--quick"])
    assert set(vars(usual)) == set(vars(quick)), "--quick sets an option that does not exist"
    assert (benchmark.name, usual.results, quick.results) == (name, record.RESULTS, None)
    assert benchmark.repetitions(usual) >= benchmark.repetitions(quick) >= 1
    assert "{" not in benchmark.split.format(**vars(usual))


def test_what_is_asked_for_counts_more_than_quick(tmp_path):
    options = linear.BENCHMARK.options(["--rounds", "7", "--quick", "--results", str(tmp_path)])
    assert (options.rounds, options.results, options.network) == (7, tmp_path, "small")


def complete(found):
    assert {"cpu", "cores", "memory_bytes", "device"} == set(found["machine"])
    assert {"python", "keras", "optuna", "numpy"} <= set(found["versions"])
    assert any(name.startswith("tensorflow") for name in found["versions"])
    assert found["n"] >= 1
    assert found["split"]
    assert found["date"]
    assert found["measured"]


def test_committed_records_are_whole_and_make_the_tables():
    records = record.load()
    tables = table.render(records)
    for found in records:
        complete(found)
        assert not found["quick"]
        assert table.benchmark(found["benchmark"]).title in tables
    assert bool(tables) == bool(records)


def test_a_real_run_leaves_a_record_that_makes_the_table(tmp_path):
    results = tmp_path / "results.json"
    done = run("linear", "--quick", "--sizes", 512, "--results", results)
    assert done.returncode == 0, done.stderr
    (found,) = record.load(results)
    complete(found)
    assert found["quick"]
    assert found["measured"]["speeds"]["512"][0] > 0
    assert found["measured"]["peaks"]["512"] > 50e6  # TensorFlow alone is more
    again = run("table", "--results", results)
    assert again.stdout.strip().endswith(done.stdout.strip())
    assert f"python {found['versions']['python']}" in again.stdout


def test_the_newest_record_counts_and_none_is_lost(tmp_path):
    path = tmp_path / "results.json"
    options = Namespace(network="small", sizes=[1], rounds=1, quick=False, results=path)
    for speed in (100.0, 200.0):
        measured = {"speeds": {"1": [speed]}, "peaks": {"1": 1e6}}
        record.append(linear.BENCHMARK.record(options, measured), path)
    assert len(record.load(path)) == 2
    assert "| 1 | 200 | 200 | 1.000 | 1 MB |" in table.render(record.load(path))


def test_the_ladder_in_the_readme_is_that_of_the_recorded_runs(tmp_path):
    runs = ladder.recorded_runs()
    assert sum(map(len, ladder.steps(runs).values())) == len(runs)
    assert ladder.table(runs) in (FOLDER / "README.md").read_text("utf-8")
    ladder.draw(runs, tmp_path / "ladder.svg")
    names = *(f"recorded runs, predicting from {n} views" for n in (2, 6)), *ladder.PUBLISHED
    assert all(f">{name}</text>" in (tmp_path / "ladder.svg").read_text() for name in names)


def test_tables_go_between_the_comments():
    readme = f"before\n{table.START}\nold\n{table.END}\nafter"
    new = table.written(readme, "new")
    assert table.block(new) == "new"
    assert new.startswith("before")
    assert new.endswith("after")
    with pytest.raises(ValueError, match="needs the lines"):
        table.written("no comments", "new")


def test_quick_numbers_stay_out_of_the_committed_records():
    done = run("table", "--run-all", "--quick")
    assert done.returncode == 2
    assert "name another file" in done.stderr


def test_a_child_does_its_work_once_a_line(tmp_path):
    script = tmp_path / "counter.py"
    script.write_text(
        f"import sys; sys.path.append({str(FOLDER)!r})\n"
        "import itertools, os; from child import serve\n"
        "numbers = itertools.count(1)\n"
        "serve(lambda: next(numbers), os.environ['OMP_NUM_THREADS'])\n"
    )
    with child.Child(script, environment=child.limited(3)) as one:
        assert one.ready().greeting == "3"
        assert [one.ask(), one.ask()] == [1, 2]


def test_a_child_that_dies_is_noticed(tmp_path):
    script = tmp_path / "dies.py"
    script.write_text("raise SystemExit(3)")
    with child.Child(script) as one, pytest.raises(RuntimeError, match="ended with 3"):
        one.hear()


def test_operations_of_a_network():
    config = networks.NETWORKS["small"].replace(filters_3=0, dense_units=0)
    first, second = 2 * 28 * 28 * 9 * 16, 2 * 14 * 14 * 9 * 16 * 32
    logits = 2 * 7 * 7 * 32 * 10
    assert networks.operations(config) == 2 * first + 3 * (second + logits)


def test_images_are_repeated_and_parts_disjoint(sample):
    images, labels = networks.training_images(4500, sample)
    assert images.shape == (4500, 28, 28, 1)
    assert np.array_equal(images[:500], images[4000:])
    assert np.array_equal(labels[:500], labels[4000:])
    (train, _), (validation, _) = networks.train_and_validation(1000, 500, sample)
    assert (len(train), len(validation)) == (1000, 500)
    assert not {x.tobytes() for x in train} & {x.tobytes() for x in validation}


def test_ratios_of_throughput_are_those_of_one_round():
    found = {"keras": [100.0, 50.0, 100.0], "ours": [200.0, 150.0, 250.0]}
    found |= {"torch": [100.0, 100.0, 100.0], "product-float32": [1e12] * 3}
    keras, ours, torch, best = throughput.rows({"networks": {"small": found}})
    assert keras[:4] == ["small", "plain Keras `fit`", "100", "1"]
    assert ours[2:5] == ["200", "2.50 (2.00–3.00)", "2.00 (1.50–2.50)"]
    assert torch[4] == "1"
    assert best[1:] == ["one product of matrices, float32", "–", "–", "–", "1,000"]
    del found["torch"]
    assert [row[4] for row in throughput.rows({"networks": {"small": found}})] == ["–"] * 3


def test_speed_of_jobs_counts_until_the_last_is_done():
    done = [
        {"images": 100, "started": 1.0, "ended": 3.0},
        {"images": 100, "started": 2.0, "ended": 5.0},
    ]
    assert jobs.speed(done) == 50
    found = {"alone": [10.0, 10.0], "together": [12.0, 14.0], "each": [5.0, 8.0]}
    (row,) = jobs.rows({"jobs": 2, "threads": 1, "networks": {"small": found}})
    assert row == ["small", "10", "13 (2 × 1)", "1.30 (1.20–1.40)", "1.62 (1.25–2.00)"]


def test_the_interval_is_students():
    differences = [0.1, -0.2, 0.05, 0.3, -0.1]
    low, high = ttest_1samp(differences, 0).confidence_interval(0.95)
    assert same_accuracy.interval(differences) == f"+0.03 ({low:+.2f} to {high:+.2f})"
    assert same_accuracy.interval([0.5]) == "+0.50 (one pair)"


def test_only_pairs_of_the_same_question_are_taken_up(tmp_path):
    journal = tmp_path / "journal.jsonl"
    asked, key = {"epochs": 3}, ("small", 0, "ours")
    lines = [
        {"asked": a, "key": key, "accuracy": v} for a, v in ((asked, 0.9), ({"epochs": 4}, 0.1))
    ]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"asked"')
    assert same_accuracy.journalled(journal, asked) == {key: 0.9}


def test_the_first_time_above_a_goal_counts():
    curves = [[[10.0, 0.895], [20.0, 0.915], [30.0, 0.905]], [[12.0, 0.91], [24.0, 0.92]]]
    rows = time_to_accuracy.rows({"compiling": 5.0, "curves": curves})
    assert rows[0] == ["90%", "2 of 2", "16 s (12–20)", "21 s (17–25)"]
    assert rows[2] == ["92%", "1 of 2", "24 s (24–24)", "29 s (29–29)"]
    assert rows[3] == ["93%", "0 of 2", "–", "–"]
    assert rows[4][1] == "91.75 % (91.50–92.00)"


def test_the_row_of_a_recipe_has_published_and_measured_figures(tmp_path):
    recipes = table.benchmark("recipes")
    lead = {"name": "two-dense", "lead": {"difference": 0.02, "interval": [0.01, 0.03], "p": 1e-9}}
    test = {"n": 500, "accuracy": 0.9, "interval": [0.87, 0.92], "loss": 0.3}
    test["classes"] = [{"name": "Shirt", "f1": 0.75}]
    run = tmp_path / "two"
    run.mkdir()
    (run / "metrics.json").write_text(json.dumps({"test": test}))
    (run / "run.toml").write_text("[request]\nseed = 0\n")
    (run / "environment.json").write_text('{"device": "CPU"}')
    alone = sys.modules["recipes"].figures(run)
    (run / "comparison.json").write_text(json.dumps({"systems": [{"name": "two"}, lead]}))
    compared = sys.modules["recipes"].figures(run)
    first, second = recipes.rows({"recipes": {"three-conv": [alone], "cnn-vs-dense": [compared]}})
    assert first[:3] == ["`three-conv`", "89.44 % test, loss 0.468", "90.00 %"]
    assert first[3:] == ["87.00–92.00 %", "0.300", "0.750", "–"]
    assert second[-1] == "dense: 2.00 points (1.00 to 3.00), p < 0.0001"
