"""Every finding fires where it should, and only there; findings.json keeps them all."""

import dataclasses
import json
import math
from pathlib import Path

import pytest
from report_factory import confirmed_run, recorded, refit

from fmnist.report import findings
from fmnist.report.chapters.method import method
from fmnist.report.findings import CAUTION, NOTE, WARNING
from fmnist.report.findings.registry import SCHEMA
from fmnist.report.load import load_facts
from fmnist.report.narrative import results
from fmnist.report.outline import SECTIONS
from fmnist.runs.records.ablation import Base, Experiments, Fidelity, Measured
from fmnist.runs.records.calibration import Calibrated, Calibration, FittedOn
from fmnist.runs.records.data_quality import (
    DuplicatePair,
    Gallery,
    NearDuplicates,
    Remaining,
    Usual,
)
from fmnist.runs.records.metrics import Score, SingleView
from fmnist.runs.records.plan import (
    Forecast,
    Plan,
    PlannedStage,
    Preflight,
    RunProfile,
    Stage,
    Stages,
)
from search.analysis.results import Difference, Importance, ParameterImportance
from search.engines.prior import Prior
from search.records import Failure
from search.space import Float, SearchSpace

FACTS = load_facts(Path(__file__).parents[2] / "data" / "short_run")
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


CALM = [(0.8, 0.5, 0.81, 0.5)] * 4


def learnt(gap, facts=FACTS):
    """The kept weights are so much better on images that they learnt; further views bring 0.5."""
    metrics = facts.metrics
    scores = [replace(s, accuracy=s.accuracy - 0.005, correct=s.correct - s.n // 200)
              for s in (metrics.validation, metrics.test)]  # fmt: skip
    held_out, tested = (Score(s.n, s.correct, s.accuracy, s.interval, s.loss) for s in scores)
    share = tested.accuracy + gap
    own = replace(tested, accuracy=share, correct=round(share * tested.n))
    return replace(facts, metrics=replace(metrics, single_view=SingleView(held_out, tested, own)))


@pytest.mark.parametrize(
    ("rows", "gap", "expected"),
    [
        ([*CALM, (0.9, 0.3, 0.90, 0.3)], 0.01, ""),
        ([*CALM, (0.9, 0.3, 0.90, 0.3)], 0.04, CAUTION),
        ([*CALM, (0.9, 0.3, 0.90, 0.3), (0.99, 0.1, 0.90, 0.5)], 0.01, WARNING),
        ([*CALM[:1], (0.9, 0.3, 0.90, 0.3)], 0.04, None),
    ],
)
def test_overfitting(rows, gap, expected):
    assert severity("overfitting", with_history(rows, 2, learnt(gap))) == expected
    assert severity("overfitting", replace(FACTS, history=None)) is None
    guessing = learnt(gap, with_test(interval=(0.0999, 0.12)))
    assert severity("overfitting", with_history(rows, 2, guessing)) is None


def test_overfitting_is_not_judged_by_augmented_batches():
    rows = [*CALM, (0.99, 0.3, 0.90, 0.3)]
    assert severity("overfitting", with_history(rows, 2)) is None


def scheduled(schedule, facts):
    training = {**facts.best.training, "schedule": schedule}
    return replace(facts, best=replace(facts.best, training=training))


def test_undertrained():
    falling = [(0.8, 0.5, 0.8, 0.5), (0.85, 0.4, 0.85, 0.4)]
    constant = scheduled("constant", FACTS)
    assert severity("undertrained", with_history(falling, 2, constant)) == CAUTION
    flat = [falling[0], (0.85, 0.4, 0.85, 0.498)]
    assert severity("undertrained", with_history(flat, 2, constant)) == ""
    assert severity("undertrained", with_history([*falling, falling[0]], 2, constant)) == ""
    assert severity("undertrained", with_history(falling[:1], 1, constant)) is None
    # The last epoch of a rate that falls to zero nearly always is the best.
    assert severity("undertrained", with_history(falling, 2, scheduled("cosine", FACTS))) is None


@pytest.mark.parametrize(("verdict", "expected"), [("better", CAUTION), ("not decided", "")])
def test_undertrained_by_experiment(verdict, expected):
    facts = scheduled("cosine", experimented(measured("longer", 0.02, verdict)))
    assert severity("undertrained", facts) == expected


def measured(key, difference, verdict, seeds=3, question="improvements"):
    return Measured(key, question, f"variant {key}", "", {}, 6000, 3, 10, 0.9 + difference, 0.9,
                    difference, (difference - 0.01, difference + 0.01), "t", seeds, 3000, 0.01,
                    0.02, verdict)  # fmt: skip


def experimented(*rows, seeds=3, base=0.9):
    size = Fidelity(6000, 3000, 3, seeds)
    own = Base(10, (), base, 1.0)
    return replace(FACTS, experiments=Experiments(size, own, rows))


def planned(epochs, facts=FACTS, **more):
    sizes = RunProfile(6000, 3, epochs, **more)
    plan = Plan(sizes=sizes, jobs=2, threads=None, planned=())
    return replace(facts, plan=plan)


def test_run_too_short():
    n = len(FACTS.history.epochs)
    assert severity("run-too-short", planned(2 * n)) == ""
    assert severity("run-too-short", planned(2 * n + 1)) == WARNING
    assert severity("run-too-short", with_states("complete", "complete", "pruned")) == WARNING
    assert severity("run-too-short", with_states(*["complete"] * 3)) == ""
    one = planned(n, with_states("complete"), max_trials=1)
    assert severity("run-too-short", one) == ""  # the search was given back, as planned
    assert severity("run-too-short", replace(FACTS, history=None)) is None


def test_run_too_short_says_how_long_it_would_take():
    n = len(FACTS.history.epochs)
    slow = replace(planned(3 * n), preflight=Preflight((), slowness=1.8))
    (found,) = RUNS["run-too-short"](slow)
    assert f"{n} of {3 * n} planned epochs" in found.sentence
    assert "took 1.8 times as long" in found.sentence
    trial = sum(t.seconds for t in FACTS.trials) / len(FACTS.trials)
    seconds = 10 * trial / 2 + 3 * n * FACTS.history.epoch_seconds
    assert found.remedy == f"fmnist run --time {math.ceil(1.3 * seconds / 60)}m"
    assert findings.find(slow).found[0] == found
    (usual,) = RUNS["run-too-short"](planned(3 * n))
    assert "times as long" not in usual.sentence


def test_short_training():
    n = len(FACTS.history.epochs)
    assert severity("short-training", planned(n + 1)) == NOTE
    assert severity("short-training", planned(n)) == ""
    assert severity("short-training", planned(3 * n)) == ""  # then the run was too short
    assert severity("short-training", FACTS) is None


def test_time_spent_elsewhere():
    def spent(experiments, epochs):
        facts = planned(epochs)
        plan = replace(facts.plan, planned=(PlannedStage("experiments", 30.0),))
        stages = Stages((Stage("experiments", "2026-11-21T21:59:30+01:00", experiments),))
        return replace(facts, plan=plan, stages=stages)

    n = len(FACTS.history.epochs)
    assert severity("time-spent-elsewhere", spent(118.0, n + 1)) == NOTE
    assert severity("time-spent-elsewhere", spent(118.0, n)) == ""
    assert severity("time-spent-elsewhere", spent(40.0, n + 1)) == ""
    assert severity("time-spent-elsewhere", FACTS) is None


def test_refit(tmp_path):
    run = recorded(tmp_path)
    assert severity("refit", load_facts(run)) is None
    refit(run)
    assert severity("refit", load_facts(run)) == NOTE


def test_few_trials_and_pruned_most():
    ten = ["complete"] * 10
    assert severity("few-trials", with_states(*ten)) == ""
    assert severity("few-trials", with_states(*ten[1:], "pruned")) == CAUTION
    assert severity("few-trials", with_states("complete", "complete")) == WARNING
    assert severity("pruned-most", with_states(*ten, *["pruned"] * 10)) == ""
    assert severity("pruned-most", with_states(*ten, *["pruned"] * 11)) == NOTE
    assert severity("pruned-most", with_states("complete", "pruned", "pruned")) is None
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
    few = replace(best_at(0.01, filters_1=32), trials=with_states("complete").trials)
    assert severity("search-edge", few) is None


def test_a_value_outside_a_logarithmic_range_lies_at_its_end():
    space = SearchSpace((Float("l2", 1e-5, 1e-2, log=True),))
    best = replace(FACTS.best, model={**FACTS.best.model, "l2": 0.0})
    assert severity("search-edge", replace(FACTS, best=best, space=space)) == CAUTION


def test_unconfirmed(whole_night):
    assert severity("unconfirmed", FACTS) == CAUTION
    assert severity("unconfirmed", whole_night) == ""
    assert severity("unconfirmed", with_states("complete", "failed")) is None


def started(facts, gain):
    """Trial 8 began the search, and the winner leads it by an interval."""
    found = replace(facts.confirmation, start=8, gain=Difference(sum(gain) / 2, gain))
    return replace(facts, confirmation=found)


def test_nothing_tuned(whole_night):
    assert severity("nothing-tuned", started(whole_night, (0.001, 0.009))) == ""
    assert severity("nothing-tuned", started(whole_night, (-0.001, 0.009))) == CAUTION
    won = replace(whole_night.confirmation, start=whole_night.confirmation.winner)
    assert severity("nothing-tuned", replace(whole_night, confirmation=won)) == CAUTION
    assert severity("nothing-tuned", FACTS) is None  # it is not known what it began with


def test_a_search_that_was_given_back_is_no_search(whole_night):
    plan = whole_night.plan
    assert severity("search-given-back", whole_night) == ""
    back = replace(whole_night, plan=replace(plan, sizes=replace(plan.sizes, max_trials=1)))
    assert severity("search-given-back", back) == CAUTION
    assert severity("few-trials", back) is None
    assert severity("nothing-tuned", back) is None
    request = replace(back.run.request, trials=1)  # one was asked for
    assert (
        severity("search-given-back", replace(back, run=replace(back.run, request=request))) == ""
    )


def test_nothing_tuned_knows_the_start_by_the_plan():
    start = planned(8, with_states("complete"), base=FACTS.trials[0].params)
    assert severity("nothing-tuned", start) == CAUTION
    other = planned(8, with_states("complete"), base={**FACTS.trials[0].params, "dropout": 0.01})
    assert severity("nothing-tuned", other) is None


@pytest.mark.parametrize(("lead", "expected"), [(0.01, CAUTION), (-0.01, "")])
def test_stopped_while_ahead(lead, expected):
    best = max(FACTS.trials, key=lambda t: t.value or 0)
    epoch = replace(best.epochs[0], val_accuracy=best.epochs[0].val_accuracy + lead)
    cut = replace(best, number=90, state="pruned", stopped_by="clock", epochs=(epoch,))
    facts = replace(FACTS, trials=(*FACTS.trials, cut))
    assert severity("stopped-while-ahead", facts) == expected
    assert severity("stopped-while-ahead", replace(FACTS, best=None)) is None


def test_noise_unknown(whole_night):
    assert severity("noise-unknown", FACTS) == CAUTION
    assert severity("noise-unknown", whole_night) == ""
    assert severity("noise-unknown", experimented(seeds=3)) == ""
    assert severity("noise-unknown", experimented(seeds=1)) == CAUTION
    assert severity("noise-unknown", replace(FACTS, trials=())) is None


def test_start_not_searched():
    assert severity("start-not-searched", with_states(*["complete"] * 8)) == NOTE
    assert severity("start-not-searched", with_states(*["complete"] * 9)) == ""
    request = replace(FACTS.run.request, sampler="random")
    other = replace(with_states("complete"), run=replace(FACTS.run, request=request))
    assert severity("start-not-searched", other) is None
    known = replace(with_states("complete"), prior=Prior((), (), ()))
    assert severity("start-not-searched", known) is None


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
    few = replace(FACTS, trials=with_states("complete").trials)
    assert severity("short-trials", few) is None


@pytest.mark.parametrize(
    ("recall_up_to", "accuracy", "expected"),
    [(0.93, 0.92, ""), (0.80, 0.92, NOTE), (0.69, 0.92, CAUTION), (0.40, 0.92, WARNING)],
)
def test_class_hard(recall_up_to, accuracy, expected):
    worst = results.hardest(_test())
    classes = tuple(
        replace(c, recall_interval=(0.1, recall_up_to)) if c is worst else c
        for c in _test().classes
    )
    assert severity("class-hard", with_test(classes=classes, accuracy=accuracy)) == expected


@pytest.mark.parametrize(("precision", "expected"), [(0.6, NOTE), (0.9, "")])
def test_class_attracts(precision, expected):
    first, *others = _test().classes
    rest = tuple(replace(c, precision=0.92) for c in others)
    classes = (replace(first, precision=precision), *rest)
    macro = replace(_test().macro, precision=0.92)
    assert severity("class-attracts", with_test(classes=classes, macro=macro)) == expected
    assert severity("class-attracts", replace(FACTS, metrics=None)) is None


@pytest.mark.parametrize(
    ("interval", "expected"),
    [((0.927, 0.937), ""), ((0.91, 0.92), NOTE), ((0.891, 0.903), WARNING)],
)
def test_below_baseline(interval, expected):
    assert severity("below-baseline", with_test(interval=interval)) == expected
    data = replace(FACTS.run.data, verified=False)
    other = replace(with_test(interval=interval), run=replace(FACTS.run, data=data))
    assert severity("below-baseline", other) is None


@pytest.mark.parametrize(
    ("highest", "low", "expected"), [(0.92, 0.925, WARNING), (0.93, 0.925, ""), (0.92, None, None)]
)
def test_below_expected(highest, low, expected):
    facts = planned(8, with_test(interval=(0.9, highest)))
    forecast = Forecast(0.935, low, 0.945, 12) if low else None
    facts = replace(facts, plan=replace(facts.plan, forecast=forecast))
    assert severity("below-expected", facts) == expected


@pytest.mark.parametrize(("earlier", "expected"), [(0, ""), (2, NOTE)])
def test_several_reads(earlier, expected):
    facts = learnt(0.01)
    facts = replace(facts, metrics=replace(facts.metrics, earlier_runs=earlier))
    assert severity("several-reads", facts) == expected
    assert ("picked by its test figure" in method(facts, ())["test_reads"] or not earlier) is True
    assert severity("several-reads", FACTS) is None  # older runs did not count


@pytest.mark.parametrize("views", [{"test_time_flip": True}, {"test_time_shift": 1}])
def test_what_several_views_bring(views):
    facts = learnt(0.01)
    (found,) = RUNS["view-gain"](replace(facts, metrics=replace(facts.metrics, **views)))
    assert "by 0.50 percentage points on the validation and by 0.50 on the test" in found.sentence
    alone = replace(facts, metrics=replace(facts.metrics, test_time_flip=False))
    assert severity("view-gain", alone) is severity("view-gain", FACTS) is None


def test_no_better_than_guessing():
    assert severity("guessing", FACTS) == ""
    assert severity("guessing", with_test(interval=(0.0999, 0.12))) == WARNING
    assert severity("guessing", with_test(interval=(0.1001, 0.12))) == ""


def test_class_hard_names_what_the_class_is_taken_for():
    (found,) = RUNS["class-hard"](FACTS)
    assert found.title == "Shirt is recognised least often"
    row = _test().confusion[[c.name for c in _test().classes].index("Shirt")]
    assert f"taken for T-shirt/top: {row[0]} of 1,000 images" in found.sentence


@pytest.mark.parametrize(
    ("before", "by_chance", "expected"),
    [(0.01, 0.012, ""), (0.015, 0.012, NOTE), (0.08, 0.012, CAUTION)],
)
def test_miscalibrated(before, by_chance, expected):
    assert severity("miscalibrated", calibrated(before, by_chance)) == expected
    assert severity("miscalibrated", FACTS) is None


@pytest.mark.parametrize(("after", "expected"), [(0.02, NOTE), (0.01, "")])
def test_calibration_remains(after, expected):
    assert severity("calibration-remains", calibrated(0.03, 0.012, after)) == expected
    assert severity("calibration-remains", FACTS) is None


@pytest.mark.parametrize(("smoothing", "expected"), [(0.1, NOTE), (0.0, CAUTION)])
def test_too_little_confidence_is_expected_of_label_smoothing(smoothing, expected):
    facts = calibrated(0.08, 0.012)
    training = {**facts.best.training, "label_smoothing": smoothing}
    (found,) = RUNS["miscalibrated"](replace(facts, best=replace(facts.best, training=training)))
    assert found.severity == expected
    assert found.title == "The network is under-confident"
    assert ("That is expected: label smoothing of 0.1" in found.sentence) == bool(smoothing)


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


@pytest.mark.parametrize(("number", "expected"), [(99, ""), (150, CAUTION)])
def test_near_duplicates(number, expected):
    pairs = tuple(DuplicatePair(i, i, 0, 0, 5.0, False) for i in range(number))
    near = NearDuplicates(12.75, 10_000, 60_000, 200, Usual(30.0, 8.0), 0, pairs, number,
                          Remaining(10_000 - number, 9_000))  # fmt: skip
    facts = replace(FACTS, gallery=Gallery({}, None, duplicates=near))
    assert severity("near-duplicates", facts) == expected
    assert severity("near-duplicates", FACTS) is None


def test_experiments_tell_of_the_best_variants():
    verdicts = ("worse", "better", "better", "better")
    rows = [measured(f"v{i}", 0.01 * i, verdict) for i, verdict in enumerate(verdicts)]
    found = RUNS["experiment"](experimented(*rows))
    assert [f.code for f in found] == ["experiment-v3", "experiment-v2"]
    assert all(f.severity == NOTE and f.remedy.startswith("fmnist experiment") for f in found)
    assert severity("experiment", experimented(measured("v", -0.01, "not decided"))) == ""
    assert RUNS["experiment"](FACTS) is None


def test_leaving_out_a_regulariser_is_no_advice():
    found = measured("dropout", 0.04, "better", question="overfitting")
    assert severity("experiment", experimented(found)) == ""


@pytest.mark.parametrize(
    ("seeds", "base", "reasons"),
    [(3, 0.9, []), (1, 0.9, ["two trained networks"]), (3, 0.7, ["less than 90"]),
     (2, 0.7, ["two trained networks", "less than 90"])],
)  # fmt: skip
def test_experiments_that_tell_nothing_are_no_advice(seeds, base, reasons):
    facts = experimented(measured("longer", 0.02, "better"), seeds=seeds, base=base)
    found = RUNS["experiments-uninformative"](facts)
    assert len(found) == bool(reasons)
    assert all(reason in found[0].sentence for reason in reasons)
    assert severity("experiment", facts) == (None if reasons else NOTE)
    assert severity("experiments-uninformative", FACTS) is None


def test_the_most_important_stand_first(whole_night):
    for facts in (FACTS, whole_night, with_states(*["failed"] * 8, "complete")):
        order = [f.severity != WARNING for f in findings.find(facts).found]
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
    assert set(data["findings"][0]) == {
        "code", "title", "severity", "sentence", "section", "remedy",
    }  # fmt: skip
    assert findings.Findings.from_json(data) == found
    findings.write(tmp_path, findings.find(FACTS))
    assert (tmp_path / findings.FILE).read_bytes() == first


def test_nothing_is_found_in_an_empty_interim_run():
    bare = replace(
        FACTS, interim=True, trials=(), best=None, history=None, metrics=None, predictions=None,
        importance=None, ledger=None,
    )  # fmt: skip
    assert findings.find(bare).found == findings.find(bare).clear == ()
