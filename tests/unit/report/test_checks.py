"""Every finding fires where it should, and only there; findings.json keeps them all."""

import dataclasses
import json
from pathlib import Path

import pytest
from report_factory import confirmed_run, recorded, refit

from fmnist.report import findings
from fmnist.report.findings import CAUTION, NOTE, WARNING
from fmnist.report.findings.registry import SCHEMA
from fmnist.report.load import load_facts
from fmnist.report.narrative import results
from fmnist.report.outline import SECTIONS
from fmnist.runs.records.ablation import Experiments, Measured
from fmnist.runs.records.calibration import Calibrated, Calibration, FittedOn
from fmnist.runs.records.data_quality import (
    DuplicatePair,
    Gallery,
    LabelErrors,
    NearDuplicates,
    Remaining,
    Suspected,
    Usual,
)
from fmnist.runs.records.plan import Plan, RunProfile
from search.analysis.results import Importance, ParameterImportance
from search.records import Failure
from search.space import Float, SearchSpace

FACTS = load_facts(Path(__file__).parents[2] / "data" / "recorded_run")
RUNS = {check.code: check.run for check in findings.CHECKS}
replace = dataclasses.replace


@pytest.fixture(scope="module")
def whole_night(tmp_path_factory):
    return load_facts(confirmed_run(tmp_path_factory.mktemp("night")))


def severity(code, facts):
    """That of the one finding; empty where it looked and found none; None: not applicable."""
    found = RUNS[code](facts)
    assert found is None or all(f.code.startswith(code) for f in found)
    return None if found is None else "".join(f.severity for f in found)


def with_history(rows, chosen, facts=FACTS):
    """Epochs of accuracy, loss, validation accuracy and validation loss."""
    like = facts.history.epochs[0]
    names = ("accuracy", "loss", "val_accuracy", "val_loss")
    epochs = tuple(
        replace(like, epoch=i, **dict(zip(names, row, strict=True)))
        for i, row in enumerate(rows, start=1)
    )
    return replace(facts, history=replace(facts.history, epochs=epochs, chosen_epoch=chosen))


def with_states(*states):
    """The recorded trials, as many as there are states, in these."""
    trials = tuple(
        replace(
            t, state=state, number=i,
            failure=Failure("nan", "loss is NaN") if state == "failed" else None,
        )
        for i, (t, state) in enumerate(zip(FACTS.trials * 3, states, strict=False))
    )  # fmt: skip
    return replace(FACTS, trials=trials)


def with_test(**changes):
    return replace(FACTS, metrics=replace(FACTS.metrics, test=replace(_test(), **changes)))


def _test():
    return FACTS.metrics.test


def calibrated(before, by_chance, after=0.01):
    def side(ece):
        return Calibrated(ece, (0.0, 0.1), by_chance, 0.3, 0.1, (40, 60), (0.4, 0.9), (0.5, 0.95))

    fitted_on = FittedOn("validation", 6000, "model.keras")
    found = Calibration(2, 0.8, fitted_on, 100, side(before), side(after))
    return replace(FACTS, metrics=replace(FACTS.metrics, calibration=found))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(0.8, 0.5, 0.81, 0.5), (0.9, 0.3, 0.90, 0.3)], ""),
        ([(0.8, 0.5, 0.81, 0.5), (0.95, 0.2, 0.90, 0.3)], CAUTION),
        ([(0.9, 0.3, 0.90, 0.3), (0.99, 0.1, 0.90, 0.5)], WARNING),
    ],
)
def test_overfitting(rows, expected):
    assert severity("overfitting", with_history(rows, 2)) == expected
    assert severity("overfitting", replace(FACTS, history=None)) is None


def test_undertrained():
    falling = [(0.8, 0.5, 0.8, 0.5), (0.85, 0.4, 0.85, 0.4)]
    assert severity("undertrained", with_history(falling, 2)) == CAUTION
    flat = [falling[0], (0.85, 0.4, 0.85, 0.498)]
    assert severity("undertrained", with_history(flat, 2)) == ""
    assert severity("undertrained", with_history([*falling, falling[0]], 2)) == ""
    assert severity("undertrained", with_history(falling[:1], 1)) is None


def test_short_training():
    def planned(epochs):
        return replace(
            FACTS, plan=Plan(sizes=RunProfile(6000, 3, epochs), jobs=1, threads=None, planned=())
        )

    n = len(FACTS.history.epochs)
    assert severity("short-training", planned(n + 1)) == NOTE
    assert severity("short-training", planned(n)) == ""
    assert severity("short-training", FACTS) is None


def test_refit(tmp_path):
    run = recorded(tmp_path)
    assert severity("refit", load_facts(run)) is None
    refit(run)
    assert severity("refit", load_facts(run)) == NOTE


def test_few_trials_and_pruned_most():
    ten = ["complete"] * 10
    assert severity("few-trials", with_states(*ten)) == ""
    assert severity("few-trials", with_states(*ten[1:], "pruned")) == CAUTION
    assert severity("pruned-most", with_states(*ten, *["pruned"] * 10)) == ""
    assert severity("pruned-most", with_states(*ten, *["pruned"] * 11)) == NOTE
    given = replace(FACTS, run=replace(FACTS.run, request=replace(FACTS.run.request, kind="train")))
    assert severity("few-trials", given) is severity("pruned-most", given) is None


@pytest.mark.parametrize(
    ("failed", "of", "expected"), [(0, 10, ""), (1, 11, NOTE), (1, 10, CAUTION), (5, 10, WARNING)]
)
def test_failures(failed, of, expected):
    facts = with_states(*["failed"] * failed, *["complete"] * (of - failed))
    assert severity("failures", facts) == expected


def test_failures_count_what_went_on(whole_night):
    (found,) = RUNS["failures"](whole_night)
    assert "of them went on to" in found.sentence
    assert "out of memory" in found.sentence


def test_search_edge():
    def best_at(rate, **model):
        best = replace(FACTS.best, model={**FACTS.best.model, **model},
                       training={**FACTS.best.training, "learning_rate": rate})  # fmt: skip
        space = tuple(p for p in FACTS.space if p.name in ("learning_rate", "filters_1"))
        return replace(FACTS, best=best, space=SearchSpace(space))

    assert severity("search-edge", best_at(0.002, filters_1=32)) == ""
    assert severity("search-edge", best_at(0.01, filters_1=32)) == CAUTION
    # Two of the three values of filters_1 are ends: no surprise.
    assert severity("search-edge", best_at(0.002, filters_1=48)) == NOTE
    assert severity("search-edge", replace(FACTS, space=None)) is None


def test_a_value_outside_a_logarithmic_range_lies_at_its_end():
    space = SearchSpace((Float("l2", 1e-5, 1e-2, log=True),))
    best = replace(FACTS.best, model={**FACTS.best.model, "l2": 0.0})
    assert severity("search-edge", replace(FACTS, best=best, space=space)) == CAUTION


def test_unconfirmed(whole_night):
    assert severity("unconfirmed", FACTS) == CAUTION
    assert severity("unconfirmed", whole_night) == ""
    assert severity("unconfirmed", with_states("complete", "failed")) is None


def test_noise_exceeds_difference(whole_night):
    found = replace(whole_night.confirmation, distinguishable=True)
    assert severity("noise-exceeds-difference", whole_night) == NOTE
    assert severity("noise-exceeds-difference", replace(whole_night, confirmation=found)) == ""
    assert severity("noise-exceeds-difference", FACTS) is None


@pytest.mark.parametrize(("above", "expected"), [(-0.001, ""), (0.001, NOTE), (0.2, CAUTION)])
def test_optimism(whole_night, above, expected):
    """So far above the interval of the mean lay the search value."""
    found = whole_night.confirmation
    candidates = tuple(
        replace(c, search_value=c.interval[1] + above) if c.trial == found.winner else c
        for c in found.candidates
    )
    facts = replace(whole_night, confirmation=replace(found, candidates=candidates))
    assert severity("optimism", facts) == expected
    assert severity("optimism", FACTS) is None


@pytest.mark.parametrize("clear", [True, False])
def test_importance_unclear(clear):
    rows = (
        ParameterImportance("dropout", 0.9, 0.4, clear),
        ParameterImportance("l2", 0.1, 0.4, False),
    )
    facts = replace(FACTS, importance=Importance("PED-ANOVA", 16, True, "", rows))
    assert severity("importance-unclear", facts) == ("" if clear else NOTE)
    assert severity("importance-unclear", replace(FACTS, importance=None)) is None


def test_short_trials():
    share = 6000 * 3 / (54000 * len(FACTS.history.epochs))
    assert severity("short-trials", FACTS) == (NOTE if share < 0.1 else "")
    brief = replace(FACTS, history=replace(FACTS.history, training_images=6000))
    assert severity("short-trials", brief) == ""
    assert severity("short-trials", replace(FACTS, ledger=())) is None


@pytest.mark.parametrize(
    ("recall_up_to", "accuracy", "expected"),
    [(0.93, 0.92, ""), (0.91, 0.92, NOTE), (0.80, 0.92, CAUTION), (0.40, 0.92, WARNING)],
)
def test_class_hard(recall_up_to, accuracy, expected):
    worst = results.hardest(_test())
    classes = tuple(
        replace(c, recall_interval=(0.1, recall_up_to)) if c is worst else c
        for c in _test().classes
    )
    assert severity("class-hard", with_test(classes=classes, accuracy=accuracy)) == expected


def test_class_hard_names_what_the_class_is_taken_for():
    (found,) = RUNS["class-hard"](FACTS)
    assert found.title == "Shirt is hard to tell"
    row = _test().confusion[[c.name for c in _test().classes].index("Shirt")]
    assert f"taken for T-shirt/top: {row[0]} of 1,000 images" in found.sentence


@pytest.mark.parametrize(
    ("before", "by_chance", "expected"),
    [(0.01, 0.012, ""), (0.015, 0.012, NOTE), (0.08, 0.012, CAUTION)],
)
def test_miscalibrated(before, by_chance, expected):
    assert severity("miscalibrated", calibrated(before, by_chance)) == expected
    assert severity("miscalibrated", FACTS) is None


def test_a_temperature_that_does_not_help_is_not_praised():
    (helped,), (worse,) = (
        RUNS["miscalibrated"](calibrated(0.03, 0.01, after)) for after in (0.01, 0.05)
    )
    assert "A temperature fitted on validation images" in helped.sentence
    assert "temperature" not in worse.sentence


@pytest.mark.parametrize(
    ("fall", "expected"), [(-0.02, ""), (0.003, ""), (0.012, NOTE), (0.03, CAUTION)]
)
def test_validation_above_test(fall, expected):
    validation = replace(FACTS.metrics.validation, accuracy=_test().accuracy + fall)
    facts = replace(FACTS, metrics=replace(FACTS.metrics, validation=validation))
    assert severity("validation-above-test", facts) == expected


@pytest.mark.parametrize(("number", "labels", "duplicates"), [(99, "", ""), (150, NOTE, CAUTION)])
def test_images(number, labels, duplicates):
    suspected = Suspected(10_000, number, (), ())
    pairs = tuple(DuplicatePair(i, i, 0, 0, 5.0, False) for i in range(number))
    near = NearDuplicates(12.75, 10_000, 60_000, 200, Usual(30.0, 8.0), 0, pairs, number,
                          Remaining(10_000 - number, 9_000))  # fmt: skip
    gallery = Gallery({}, LabelErrors(suspected, suspected), duplicates=near)
    facts = replace(FACTS, gallery=gallery)
    assert severity("label-noise", facts) == labels
    assert severity("near-duplicates", facts) == duplicates
    assert severity("label-noise", FACTS) is severity("near-duplicates", FACTS) is None


@pytest.mark.parametrize(
    ("verdicts", "keys"),
    [(["worse", "no difference found"], []), (["worse", "better", "better", "better"], [3, 2])],
)
def test_experiments_tell_of_the_best_variants(verdicts, keys):
    rows = tuple(
        Measured(f"v{i}", "pooling", f"variant {i}", "", {}, 900, 2, 10, 0.9, 0.89, 0.01 * i,
                 (0.001, 0.09), "t", 2, 3000, 0.01, 0.02, verdict)
        for i, verdict in enumerate(verdicts)
    )  # fmt: skip
    facts = replace(FACTS, experiments=Experiments(None, None, rows))
    found = RUNS["experiment"](facts)
    assert [f.code for f in found] == [f"experiment-v{key}" for key in keys]
    assert all(f.severity == NOTE and "worth a full training" in f.sentence for f in found)
    assert RUNS["experiment"](FACTS) is None


def test_the_most_important_stand_first(whole_night):
    for facts in (FACTS, whole_night, with_states(*["failed"] * 8, "complete")):
        order = [findings.SEVERITIES.index(f.severity) for f in findings.find(facts).found]
        assert order == sorted(order)
        assert len(order) > 2


def test_every_check_has_one_outcome_and_every_finding_a_chapter():
    found = findings.find(FACTS)
    codes = {f.code for f in found.found}  # none of this run adds to its code
    assert codes | {*found.clear, *found.not_applicable} == set(RUNS)
    assert not codes & {*found.clear, *found.not_applicable}
    assert {f.section for f in found.found} <= {s.slug for s in SECTIONS}
    for f in found.found:
        assert f.sentence.endswith(".")
        assert f.sentence[0].isupper() or f.sentence[0].isdigit()
        assert not f.title.endswith(".")


def test_findings_go_to_json_and_back(tmp_path):
    found = findings.find(FACTS)
    findings.write(tmp_path, found)
    first = (tmp_path / findings.FILE).read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == [findings.FILE]
    data = json.loads(first)
    assert data["schema"] == SCHEMA
    assert set(data["findings"][0]) == {"code", "title", "severity", "sentence", "section"}
    assert findings.Findings.from_json(data) == found
    findings.write(tmp_path, findings.find(FACTS))
    assert (tmp_path / findings.FILE).read_bytes() == first


def test_nothing_is_found_in_an_empty_interim_run():
    bare = replace(
        FACTS, interim=True, trials=(), best=None, history=None, metrics=None, predictions=None,
        importance=None, ledger=None,
    )  # fmt: skip
    assert findings.find(bare).found == findings.find(bare).clear == ()
