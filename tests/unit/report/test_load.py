"""A run folder becomes facts, or an error that names the file."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from layout_cases import recorded_night
from report_factory import barely_begun, confirmed_run, searching, write_lines

from fmnist.report.load import FactsError, load_facts
from fmnist.runs.check import check_run
from fmnist.runs.folder import Run

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
NEEDED = [
    "run.toml",
    "space.json",
    "trials.jsonl",
    "best_config.toml",
    "history.json",
    "metrics.json",
    "predictions.npz",
    "ledger.json",
]
OPTIONAL = ["importance.json", "explain.npz", "evidence.json", "environment.json", "stages.json"]
NIGHT = ["confirmation.json", "plan.json", "preflight.json"]


@pytest.fixture
def run(tmp_path):
    return Path(shutil.copytree(RECORDED, tmp_path / "recorded"))


def change(run, name, edit):
    path = run / name
    data = json.loads(path.read_text(encoding="utf-8"))
    edit(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def test_recorded_run_is_read_as_its_files_say():
    facts = load_facts(RECORDED)
    metrics = json.loads((RECORDED / "metrics.json").read_text(encoding="utf-8"))
    assert facts.metrics.test.accuracy == metrics["test"]["accuracy"]
    assert facts.metrics.test.counts().tolist() == metrics["test"]["confusion"]
    lines = (RECORDED / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(facts.trials) == len(lines)
    assert facts.predictions.predicted.shape == (facts.metrics.test.n,)
    assert facts.history.chosen.epoch == facts.history.chosen_epoch


def test_a_recorded_night_is_whole_and_says_what_a_good_run_says(tmp_path):
    run = recorded_night(tmp_path)
    assert check_run(Run(run)) == []
    facts = load_facts(run)
    assert facts.metrics.test.accuracy > 0.94
    assert facts.confirmation.seeds >= 2
    assert facts.plan.sizes.searched
    assert facts.metrics.calibration is not None


def test_predictions_hold_the_image_of_an_index():
    predictions = load_facts(RECORDED).predictions
    index = int(predictions.image_index[3])
    np.testing.assert_array_equal(predictions.image(index), predictions.images[3])
    absent = next(i for i in range(10_000) if i not in set(predictions.image_index.tolist()))
    assert predictions.image(absent) is None


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_file_is_named(run, name):
    (run / name).unlink()
    with pytest.raises(FactsError, match=f"{name}: missing"):
        load_facts(run)


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_missing_optional_file_is_none(run, name):
    (run / name).unlink()
    facts = load_facts(run)
    field = {"explain.npz": "explanation"}.get(name, name.partition(".")[0])
    assert getattr(facts, field) is None


@pytest.mark.parametrize("name", [n for n in NEEDED + OPTIONAL if n.endswith(("json", "toml"))])
def test_a_broken_file_is_named(run, name):
    (run / name).write_text("{ not this", encoding="utf-8")
    with pytest.raises(FactsError, match=name):
        load_facts(run)


@pytest.mark.parametrize("name", ["predictions.npz", "explain.npz"])
def test_a_broken_archive_is_named(run, name):
    (run / name).write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(FactsError, match=name):
        load_facts(run)


def test_a_wrong_type_is_named_with_its_place(run):
    change(run, "metrics.json", lambda d: d["test"].update(accuracy="0.9"))
    with pytest.raises(FactsError, match=r"metrics.json: test: accuracy: expected a number"):
        load_facts(run)


def test_a_missing_entry_is_named(run):
    change(run, "history.json", lambda d: d["epochs"][1].pop("val_loss"))
    with pytest.raises(FactsError, match=r"history.json: epochs\[1\]: .*'val_loss' is missing"):
        load_facts(run)


def test_nan_is_refused(run):
    change(run, "history.json", lambda d: d["epochs"][0].update(loss=float("nan")))
    with pytest.raises(FactsError, match="finite"):
        load_facts(run)


def test_another_schema_is_refused(run):
    change(run, "metrics.json", lambda d: d.update(schema=2))
    with pytest.raises(FactsError, match=r"metrics.json: expected schema 1, found 2"):
        load_facts(run)


def test_files_of_two_runs_are_refused(run):
    change(run, "metrics.json", lambda d: d["test"].update(n=3))
    with pytest.raises(FactsError, match="the 3 test images"):
        load_facts(run)


def test_a_bad_trial_is_named_by_its_line(run):
    path = run / "trials.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = '{"schema": 1, "number": 1}'
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(FactsError, match=r"trials.jsonl: line 2"):
        load_facts(run)


def test_a_torn_last_trial_is_left_out(run):
    path = run / "trials.jsonl"
    whole = len(load_facts(run).trials)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"schema": 1, "num')
    assert len(load_facts(run).trials) == whole


@pytest.fixture(scope="module")
def whole_night(tmp_path_factory):
    return confirmed_run(tmp_path_factory.mktemp("night"))


@pytest.fixture
def after_a_night(whole_night, tmp_path):
    return Path(shutil.copytree(whole_night, tmp_path / "night"))


def test_a_night_is_read_as_its_files_say(whole_night):
    facts = load_facts(whole_night)
    assert facts.winner.number == facts.confirmation.winner == 12
    assert [c.trial for c in facts.confirmation.ranked] == [12, 13, 8]
    assert facts.confirmation.confirmed.values == (0.8441, 0.8467, 0.8450)
    assert len(facts.confirming) == 9
    assert facts.plan.planned[0].stage == "search"
    assert facts.preflight.checks[2].ok is None
    assert facts.importance.parameters[0].interval is not None
    assert facts.metrics.search.confirmed_value == 0.8453


@pytest.mark.parametrize("name", NIGHT)
def test_a_run_without_a_night_has_none(name):
    assert getattr(load_facts(RECORDED), name.removesuffix(".json")) is None


@pytest.mark.parametrize("name", [*NIGHT, "confirm.jsonl"])
def test_a_broken_file_of_the_night_is_named(after_a_night, name):
    (after_a_night / name).write_text("{ not this\n", encoding="utf-8")
    with pytest.raises(FactsError, match=name):
        load_facts(after_a_night)


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("confirmation.json", lambda d: d.update(winner=99), "winner must be one of .*found 99"),
        ("confirmation.json", lambda d: d["candidates"][0].update(mean="x"), r"\[0\]: mean: exp"),
        ("confirmation.json", lambda d: d["noise"].pop("df"), "noise: the entry 'df' is missing"),
        ("plan.json", lambda d: d["sizes"].pop("trial_images"), "sizes: the entry 'trial_images'"),
        ("plan.json", lambda d: d["decisions"][1].update(text=3), r"decisions\[1\]: text: exp"),
        ("preflight.json", lambda d: d["checks"][0].update(ok="yes"), r"checks\[0\]: ok: expected"),
        ("metrics.json", lambda d: d["search"].update(optimism_gap="-"), "optimism_gap: expected"),
        (
            "importance.json",
            lambda d: d["parameters"][0].update(interval=[1]),
            "expected a list of length 2",
        ),
    ],
)
def test_a_wrong_entry_of_the_night_is_named(after_a_night, name, edit, message):
    change(after_a_night, name, edit)
    with pytest.raises(FactsError, match=f"{name}: .*{message}"):
        load_facts(after_a_night)


def test_a_winner_outside_the_search_is_refused(after_a_night):
    change(after_a_night, "confirmation.json", lambda d: d.update(winner=99, candidates=[]))
    with pytest.raises(FactsError, match=r"winner must be a trial of trials.jsonl, found 99"):
        load_facts(after_a_night)


def test_a_plan_may_leave_threads_and_times_open(after_a_night):
    change(
        after_a_night,
        "plan.json",
        lambda d: d.update(threads=None, deadline=None, budget_seconds=None, planned=[]),
    )
    assert load_facts(after_a_night).plan.threads is None


def test_an_interim_run_may_lack_what_comes_later(tmp_path):
    facts = load_facts(barely_begun(tmp_path), interim=True)
    assert facts.interim
    assert (facts.metrics, facts.best, facts.winner) == (None, None, None)
    assert (facts.trials, facts.in_flight) == ((), ())


def test_an_interim_run_may_lack_even_its_space(tmp_path):
    run = barely_begun(tmp_path)
    (run / "space.json").unlink()
    assert load_facts(run, interim=True).space is None


def test_a_trial_under_way_is_known_by_its_epochs(tmp_path):
    facts = load_facts(searching(tmp_path), interim=True)
    (flight,) = facts.in_flight
    assert (flight.name, flight.last.epoch) == ("trial 3", 2)
    assert facts.winner.number == 1


def test_other_trainings_have_numbers_of_their_own(tmp_path):
    run = searching(tmp_path)
    for log, journal in (("confirm", "confirm_epochs"), ("retrain", "retrain_epochs")):
        shutil.copy(run / "epochs.jsonl", run / f"{journal}.jsonl")
        write_lines(run, f"{log}.jsonl", load_facts(run, interim=True).trials)
    names = [flight.name for flight in load_facts(run, interim=True).in_flight]
    assert names == ["trial 3", "a run on a fresh seed", "the final training"]


def test_a_journal_of_something_else_is_named(tmp_path):
    run = searching(tmp_path)
    (run / "epochs.jsonl").write_text('{"trial": 1, "epoch": 2}\n', encoding="utf-8")
    with pytest.raises(FactsError, match=r"epochs.jsonl: line 1 is no epoch"):
        load_facts(run, interim=True)


def test_a_finished_report_has_nothing_under_way(after_a_night):
    shutil.copy(RECORDED / "run.toml", after_a_night / "run.toml")
    (after_a_night / "epochs.jsonl").write_text("{}\n", encoding="utf-8")
    assert load_facts(after_a_night).in_flight == ()


def test_reading_changes_nothing(tmp_path):
    run = searching(tmp_path)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    load_facts(run, interim=True)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_nothing_of_the_test_set_is_told_before_its_metrics(run):
    (run / "metrics.json").unlink()
    facts = load_facts(run, interim=True)
    assert (facts.predictions, facts.evidence, facts.explanation) == (None, None, None)


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(FactsError, match="expected the folder of a run"):
        load_facts(tmp_path / "none")
