"""What can be done with a run whose trials were read in: reported on, and searched on from."""

import dataclasses
import html
import json
import re
import tomllib
from pathlib import Path

import json_output
import pytest
from foreign_studies import fmnist, sqlite_study
from report_pages import render_html, without_plots

from fmnist.errors import UserError
from fmnist.pipeline.planner.profiles import profile_for
from fmnist.pipeline.search_setup import build_search_setup
from fmnist.pipeline.warm_start import is_imported, load_warm_start
from fmnist.report.load import load_facts
from fmnist.runs.folder import RunError
from search.records import read_trials

NAME = "<script>alert('study')</script>"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """The folder of a run of 14 trials that were read in."""
    folder = tmp_path_factory.mktemp("imported")
    sqlite_study(folder / "study.db", name=NAME, trials=14)
    outcome = fmnist(
        *("import", folder / "study.db", "--map", "lr=learning_rate", "--set", "shift=1"),
        *("--name", "cnn"),
        results=folder,
    )
    assert outcome.exit_code == 0, outcome.output
    return folder / "cnn"


@pytest.fixture(scope="module")
def page(imported):
    """The text of its report, and the page itself."""
    with without_plots():
        page = render_html(imported, interim=True).read_text(encoding="utf-8")
    body = re.sub(r"<(style|script)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(body).split()), page


@pytest.mark.slow
def test_the_report_says_that_the_trials_are_not_ours(page):
    text, _ = page
    for sentence in (
        "Its trials were read in from another program. Nothing was confirmed, trained or tested",
        f"The trials are those of the Optuna study “{NAME}”",
        "the test set was not read",
        "Fixed in the study or given by hand: shift 1.",
        "The best trials were not trained again on fresh seeds: they were read in from another",
        "lr learning rate",
        "fmnist run --warm-start results/cnn",
        "Importance of the hyperparameters by PED-ANOVA over 12 complete trials",
        "All hyperparameters at once",
    ):
        assert sentence in text
    for sentence in (
        "The run has not come to this yet",
        "not known holds",
        "seed None",
        "Epochs 0",
    ):
        assert sentence not in text


@pytest.mark.slow
def test_a_strangers_markup_is_text_in_the_report(page):
    _, source = page
    assert NAME not in source
    assert html.escape(NAME, quote=False).split("'")[0] in source


def test_a_report_needs_only_the_run_folder(imported):
    facts = load_facts(imported, interim=True)
    assert facts.imported
    assert facts.run.imported.mapping["lr"] == "learning_rate"
    assert [t.reported[0][0] for t in facts.trials if t.reported] == [0] * len(facts.trials)
    assert facts.trials[0].seconds is not None


def test_the_status_says_what_to_do_next(imported):
    outcome = fmnist("status", imported, "--json", results=imported.parent)
    status = json.loads(outcome.output)
    assert status["state"] == "imported"
    assert status["trials"] == {"complete": 12, "pruned": 1, "failed": 1}
    assert any("--warm-start" in line for line in status["next"])
    assert not any("fmnist import" in line for line in status["next"])


def test_a_new_search_starts_in_its_space_with_its_best(imported):
    assert is_imported(imported)
    start = build_search_setup(profile_for(600.0), space=None, warm_start=imported, settings={})
    complete = [t for t in read_trials(imported / "trials.jsonl") if t.state == "complete"]
    best = sorted(complete, key=lambda t: -t.value)
    assert list(start.first_trials) == [t.params for t in best[:5]]
    assert [p.name for p in start.space] == ["learning_rate", "filters_1", "dropout", "optimizer"]
    assert (start.base.shift, start.name) == (1, str(imported))
    assert all(start.space.contains(p) for p in start.first_trials)


def test_what_the_user_asks_for_goes_before_the_imported_space(imported):
    plan = profile_for(600.0)
    core = build_search_setup(plan, space="core", warm_start=imported, settings={})
    assert core.name == "core"
    assert "optimizer" not in [p.name for p in core.space]
    assert len(core.first_trials) <= 1
    less = build_search_setup(plan, space=None, warm_start=imported, settings={"dropout": 0.3})
    assert "dropout" not in [p.name for p in less.space]
    assert all("dropout" not in p for p in less.first_trials)


def test_equal_parameters_are_tried_once_and_epochs_are_the_plans(imported, tmp_path):
    run = tmp_path / "again"
    run.mkdir()
    for name in ("run.toml", "best_config.toml"):
        (run / name).write_bytes((imported / name).read_bytes())
    space = json.loads((imported / "space.json").read_text())
    epochs = {"type": "int", "name": "epochs", "low": 1, "high": 9}
    space["parameters"].append(epochs)
    (run / "space.json").write_text(json.dumps(space))
    first = read_trials(imported / "trials.jsonl")[0]
    twins = [
        dataclasses.replace(first, number=n, params={**first.params, "epochs": 2 + n})
        for n in range(3)
    ]
    rows = [json.dumps(t.to_json()) + "\n" for t in twins]
    (run / "trials.jsonl").write_text("".join(rows))
    found = load_warm_start(run)
    assert found.first_trials == (first.params,)
    assert "epochs" not in [p.name for p in found.space]


def test_no_command_goes_on_in_the_imported_run_itself(imported):
    sample = Path(__file__).parents[2] / "data" / "sample"
    words = ("run", "--name", "cnn", "--trials", "1", "--data", sample)
    outcome = fmnist(*words, results=imported.parent)
    assert isinstance(outcome.exception, RunError)
    assert f"fmnist run --warm-start {imported}" in str(outcome.exception)
    assert tomllib.loads((imported / "run.toml").read_text())["imported"]


def test_a_run_is_not_written_over(imported):
    before = (imported / "trials.jsonl").read_bytes()
    again = ("import", imported.parent / "study.db", "--map", "lr=learning_rate", "--name", "cnn")
    outcome = fmnist(*again, results=imported.parent)
    assert isinstance(outcome.exception, UserError)
    assert "is a run already" in str(outcome.exception)
    assert (imported / "trials.jsonl").read_bytes() == before


def test_a_run_of_ours_is_no_source(imported):
    outcome = fmnist("import", imported, results=imported.parent)
    assert "is a run of fmnist already" in str(outcome.exception)


def test_nothing_is_left_of_an_import_that_fails(imported, tmp_path):
    outcome = fmnist("import", imported.parent / "study.db", results=tmp_path)
    assert "--map lr=learning_rate" in str(outcome.exception)
    assert not list(tmp_path.iterdir())


def test_the_outcome_as_json(imported, tmp_path):
    words = ("import", imported.parent / "study.db", "--drop", "lr", "--json", "--name", "x")
    (told,) = json_output.lines("import", fmnist(*words, results=tmp_path).output)
    assert told["trials"] == {"complete": 12, "pruned": 1, "failed": 1}
    assert told["best"]["value"] == max(
        t.value for t in read_trials(tmp_path / "x" / "trials.jsonl") if t.state == "complete"
    )
    assert "learning_rate" not in told["best"]["params"]


def hostile(trial):
    trial.suggest_int('<img src=x onerror="a()">', 0, 8)
    return 0.5


def single(trial):
    return trial.suggest_float("dropout", 0.0, 0.5)


@pytest.mark.parametrize(
    ("function", "trials", "sentence"),
    [
        (hostile, 1, "Trial 0 was chosen by its search value alone."),
        (single, 1, "Trial 0 was chosen by its search value alone."),
    ],
)
def test_a_study_with_next_to_nothing_in_it(function, trials, sentence, tmp_path):
    sqlite_study(tmp_path / "study.db", trials=trials, function=function)
    names = ("--map", '<img src=x onerror="a()">=shift') if function is hostile else ()
    outcome = fmnist("import", tmp_path / "study.db", *names, "--name", "x", results=tmp_path)
    assert outcome.exit_code == 0, outcome.output
    with without_plots():
        page = render_html(tmp_path / "x", interim=True).read_text(encoding="utf-8")
    assert sentence in html.unescape(page)
    assert "1 complete trials" not in page
    assert "<img src=x" not in page
