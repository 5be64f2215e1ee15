"""Recipes as a user runs them: what is trained, compared, gone on with and told in the report."""

import json
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from report_pages import Elements

from fmnist.config import recipes
from fmnist.config.recipes import Published
from fmnist.pipeline.recipe_runs import half_done, parts_of
from fmnist.report.load import load_facts
from fmnist.report.narrative import recipe as followed
from fmnist.report.render import render_report
from fmnist.report.tables.recipe import published as published_table
from fmnist.runs.folder import Run

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
RECORDED = Path(__file__).parents[1] / "data" / "short_run"
HEAD = '[recipe]\nname = "mine"\ntitle = "Mine"\nsource = "Me"\ndoes = "Little."\n'


def command_ended(folder, *arguments):
    command = [sys.executable, "-m", "fmnist", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --config FILE or --recipe NAME"),
        (["--recipe", "simple-cnn", "--config", "c.toml"], "give either --config FILE or"),
        (["--recipe", "five-conv"], "there are task-brief, simple-cnn, cnn-vs-dense, three-conv"),
    ],
)
def test_one_of_config_and_recipe(fmnist, tmp_path, arguments, message):
    (tmp_path / "c.toml").touch()
    code, error = fmnist("train", *arguments)
    assert code == 2
    assert message in error
    assert [path.name for path in tmp_path.iterdir()] == ["c.toml"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A short run of the recipe with two networks: its folder, and how the command ended."""
    folder = tmp_path_factory.mktemp("compared")
    small = ("--data", SAMPLE, "--epochs", 1, "--validation", 300)
    command = ("train", "--recipe", "cnn-vs-dense", *small)
    done = command_ended(folder, *command)
    assert done.returncode == 0, done.stderr
    return folder, command, done


def main_run(folder):
    return next(run for run in (folder / "results").iterdir() if not run.name.endswith("-dense"))


@pytest.mark.slow
def test_both_networks_are_trained_and_compared(compared):
    folder, _, done = compared
    run = main_run(folder)
    dense = run.with_name(f"{run.name}-dense")
    assert sorted((folder / "results").iterdir()) == [run, dense]
    assert done.stdout.count("test accuracy") == 2
    for path in (run, dense):
        entries = json.loads((path / "ledger.json").read_text())["entries"]
        read = [e["stage"] for e in entries if e["split"] == "test"]
        assert read == ["evaluate", "gallery"]
    assert (run / "comparison.json").is_file()
    assert not (dense / "comparison.json").exists()
    assert tomllib.loads((dense / "best_config.toml").read_text())["model"]["stages"] == 0


@pytest.mark.slow
def test_the_report_states_recipe_and_source(compared):
    run = main_run(compared[0])
    text = Elements((run / "report.html").read_text(encoding="utf-8")).text
    recipe = recipes.find("cnn-vs-dense")
    assert "This run follows the recipe cnn-vs-dense" in text
    assert recipe.source in text
    assert "Its author reports that the CNN is clearly above the dense network." in text
    assert "Changed on the command line: epochs." in text
    assert "Training accuracy is measured while the weights still change" in text


@pytest.mark.slow
def test_the_same_command_goes_on_with_the_network_that_is_missing(compared):
    folder, command, _ = compared
    run = main_run(folder)
    (run / "comparison.json").unlink()
    shutil.rmtree(run.with_name(f"{run.name}-dense"))
    before = (run / "metrics.json").stat().st_mtime_ns
    (first, *_rest) = parts = parts_of(
        recipes.find("cnn-vs-dense"), "cnn-vs-dense", seed=0, epochs=1, validation=300, data=SAMPLE
    )
    assert first.is_done(Run(run))
    assert half_done(folder / "results", parts).path == run
    done = command_ended(folder, *command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("test accuracy") == 1
    assert (run / "metrics.json").stat().st_mtime_ns == before
    assert (run / "comparison.json").is_file()
    assert half_done(folder / "results", parts) is None


@pytest.mark.slow
def test_a_grid_search_runs_its_points_and_trains_the_best(tmp_path):
    text = HEAD + "[model]\nstages = 1\nfilters_1 = 4\ndense_units = 8\n[training]\nepochs = 1\n"
    text += "[search]\ntrial_images = 300\ntrial_epochs = 1\n"
    text += "[search.values]\nlearning_rate = [0.000001, 0.01]\n"
    (tmp_path / "mine.toml").write_text(text)
    options = ("--recipe", "mine.toml", "--data", SAMPLE, "--validation", 300, "--name", "one")
    done = command_ended(tmp_path, "train", *options)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "results" / "one"
    rows = [json.loads(line) for line in (run / "trials.jsonl").read_text().splitlines()]
    assert sorted(r["params"]["learning_rate"] for r in rows) == [0.000001, 0.01]
    best = tomllib.loads((run / "best_config.toml").read_text())
    assert best["training"]["learning_rate"] == 0.01
    record = tomllib.loads((run / "run.toml").read_text())
    assert (record["recipe"]["name"], record["request"]["sampler"]) == ("mine", "grid")


# The report


def with_recipe(folder, name, **published):
    """The facts of the recorded run, as if it had followed a recipe."""
    run = Path(shutil.copytree(RECORDED, folder / "run"))
    record = Run(run).read_toml("run.toml")
    recipe = recipes.find(name)
    record["recipe"] = replace(recipe, published=Published(**published)).record()
    Run(run).write_toml("run.toml", record)
    return run


@pytest.mark.parametrize(
    ("difference", "verdict"), [(-0.05, "above it"), (0.0, "tied with it"), (0.05, "below it")]
)
def test_the_published_figure_stands_beside_the_measured_one(tmp_path, difference, verdict):
    test = load_facts(RECORDED).metrics.test
    figure = round(test.accuracy + difference, 4)
    facts = load_facts(with_recipe(tmp_path, "augmented-grid", accuracy=figure, f1={"Shirt": 0.76}))
    assert verdict in followed.summary(facts)
    assert f"reports {100 * figure:g}\u202f% on the test set" in followed.summary(facts)
    accuracy, shirt = published_table(facts).rows
    assert accuracy[0] == "Test accuracy"
    assert accuracy[3] == f"{100 * test.accuracy:.2f}\u202f%"
    assert shirt[:2] == ("F1 of Shirt", "0.76")


def test_a_run_without_a_recipe_says_nothing_of_one():
    facts = load_facts(RECORDED)
    assert (followed.summary(facts), followed.about(facts)) == ("", [])
    assert published_table(facts) is None


def test_other_test_images_are_not_compared_with_the_published_figure(tmp_path):
    run = with_recipe(tmp_path, "three-conv", accuracy=0.8944)
    record = Run(run).read_toml("run.toml")
    record["data"]["verified"] = False
    Run(run).write_toml("run.toml", record)
    assert "which is not the one of this run" in followed.summary(load_facts(run))


@pytest.mark.slow
def test_the_whole_report_has_title_and_table(tmp_path):
    run = with_recipe(tmp_path, "three-conv", accuracy=0.8944, loss=0.468)
    text = Elements(render_report(run).html.read_text(encoding="utf-8")).text
    assert "Fashion-MNIST: Three convolutions, from CSV files" in text
    assert "The recipe and its published figures" in text
    assert "0.468" in text
