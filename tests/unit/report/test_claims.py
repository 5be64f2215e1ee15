"""Every sentence of interpretation stands where its numbers bear it, and nowhere else."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from layout_cases import NIGHT
from new_data_factory import photos

from fmnist.analysis.new_data import judge
from fmnist.report import pages
from fmnist.report.evidence.conclusions import conclusion
from fmnist.report.findings.results import below_baseline
from fmnist.report.handin import performance
from fmnist.report.handin.claims import CLAIMS, standing
from fmnist.report.handin.parts import parts
from fmnist.report.handin.performance import DENSE, STRONGEST
from fmnist.report.handin.search import ranges
from fmnist.report.load import load_facts
from fmnist.report.output.templating import environment_for
from fmnist.report.published import load_published
from fmnist.runs.records import metrics
from fmnist.runs.records.ablation import UNDECIDED, WORSE, Base, Experiments, Fidelity, Measured
from fmnist.runs.records.calibration import Calibrated, Calibration, FittedOn
from fmnist.runs.records.final_model import Baseline, PairedTest
from fmnist.runs.records.plan import Decision, Forecast, Plan, RunProfile
from search.analysis.results import Candidate, Confirmation, Difference, Noise
from search.space import Float, SearchSpace

RUN = load_facts(Path(__file__).parents[2] / "data" / "short_run")
N, K = 1000, 10


def scoring(accuracy, half=0.005, facts=RUN, **more):
    span = (accuracy - half, accuracy + half)
    test = replace(facts.metrics.test, accuracy=accuracy, interval=span, **more)
    return replace(facts, metrics=replace(facts.metrics, test=test))


def confused(errors):
    """A run in which 90 of each class are wrong, spread evenly, but for the cells of ``errors``."""
    counts = np.full((K, K), 10)
    np.fill_diagonal(counts, 0)
    for cell, n in errors.items():
        counts[cell] = n
    np.fill_diagonal(counts, N - counts.sum(axis=1))
    right, said = np.diag(counts), counts.sum(axis=0)
    classes = tuple(
        replace(c, recall=right[i] / N, recall_interval=(right[i] / N - 0.02, right[i] / N + 0.02),
                precision=right[i] / said[i], support=N)
        for i, c in enumerate(RUN.metrics.test.classes)
    )  # fmt: skip
    correct = int(right.sum())
    confusion = tuple(tuple(map(int, row)) for row in counts)
    return scoring(
        correct / (K * N), classes=classes, confusion=confusion, correct=correct, n=K * N
    )


def elsewhere():
    """A run on images that no published figure is about."""
    return replace(RUN, run=replace(RUN.run, data=replace(RUN.run.data, verified=False)))


def planned(epochs, cost=None, **sizes):
    """A run whose final training, of 8 epochs, was planned with so many of the base's cost."""
    profile = RunProfile(10_000, 4, epochs, **sizes)
    plan = Plan(sizes=profile, jobs=1, threads=None, planned=(), winner_cost=cost)
    return replace(RUN, plan=plan)


def experimented(seeds=1, verdict=WORSE, base=0.9):
    dense = Measured(
        "dense", "cnn_vs_dense", "dense", "dense", {}, 3000, 2, 9, accuracy=0.8,
        base_accuracy=base, difference=0.8 - base, interval=(-0.2, -0.1), method="", seeds=seeds,
        validation=3000, p=0.01, p_holm=0.01, verdict=verdict,
    )  # fmt: skip
    size = Fidelity(3000, 3000, 2, seeds)
    return replace(RUN, experiments=Experiments(size, Base(9, (), base, 1.0), (dense,)))


def beside_dense(lead, facts=RUN):
    """A run whose own dense network is so much worse."""
    test = facts.metrics.test
    paired = PairedTest(test.n, 300, 200, 0.01, lead, (lead - 0.005, lead + 0.005))
    dense = Baseline(
        n=test.n, correct=test.correct, accuracy=test.accuracy - lead, interval=test.interval,
        loss=0.3, units=375, epochs=10, lead=paired,
    )  # fmt: skip
    return replace(facts, metrics=replace(facts.metrics, baseline=dense))


def calibrated(confidence, by_chance=0.01):
    side = Calibrated(
        abs(confidence - 0.92), (0, 0.2), by_chance, 0.3, 0.1, (10_000,), (confidence,), (0.92,)
    )
    found = Calibration(1, 0.9, FittedOn("validation", 6000, "model.keras"), 10, side, side)
    return replace(RUN, metrics=replace(RUN.metrics, calibration=found))


def several_views(alone):
    epoch = RUN.history.chosen_epoch
    test = replace(RUN.metrics.test, curve=(metrics.TestEpoch(epoch, alone, 0.3),))
    return replace(RUN, metrics=replace(RUN.metrics, test=test, test_time_flip=True))


def confirmed(start, low=None, sd=0.003):
    """Trial 13 won; its lead over the start has an interval from ``low``."""
    both = tuple(Candidate(n, {}, 0.84, mean=0.84, rank=k) for k, n in enumerate((13, 12), 1))
    gain = None if low is None else Difference(0.01, (low, 0.03))
    found = Confirmation(
        k=2, seeds=3, candidates=both, winner=13, winner_by="confirmation", start=start, gain=gain,
        noise=Noise(sd, 4, 2),
    )  # fmt: skip
    return replace(RUN, confirmation=found)


def photographed(*cells):
    """A run whose author gave pictures of these cells."""
    return replace(RUN, new_data=judge(photos(cells), RUN.metrics.test))


def expected(low, high):
    """A run whose plan had forecast an accuracy between these."""
    facts = planned(8)
    usual = Forecast((low + high) / 2, low, high, 20)
    return replace(facts, plan=replace(facts.plan, forecast=usual))


def swinging(swing, rate=0.0):
    """A run whose validation accuracy moves so much, but for the last quarter, where it ends."""
    epoch = RUN.history.epochs[0]
    accuracy = [0.9 + swing * (i % 2) for i in range(12)] + [
        0.9 + 0.003 * (i % 2) for i in range(5)
    ]
    epochs = tuple(
        replace(epoch, epoch=i + 1, val_accuracy=a, learning_rate=0.01 if i < 12 else rate)
        for i, a in enumerate(accuracy)
    )
    return replace(RUN, history=replace(RUN.history, epochs=epochs))


EVEN = confused({})
ALWAYS = {"task", "network", "accuracy", "judged", "validation_chose", "one_data_set", "ethics"}
# To each claim runs in which it must stand, and runs in which it must not.
CASES = {
    "below_constant": ([scoring(0.105, 0.01)], [RUN]),
    "related_work": ([RUN], [elsewhere()]),
    "beside_dense": ([RUN, scoring(0.9), scoring(0.8)], [elsewhere()]),
    "above_dense": ([RUN], [scoring(0.9), scoring(0.85), elsewhere()]),
    "level_with_dense": ([scoring(0.9)], [RUN, scoring(0.85)]),
    "below_dense": ([scoring(0.85)], [RUN, scoring(0.9)]),
    "lead_over_dense": ([beside_dense(0.01), beside_dense(-0.01), beside_dense(0.0)], [RUN]),
    "dense_decided": (
        [experimented(3)],
        [beside_dense(0.01, experimented(3)), experimented(2), experimented(3, UNDECIDED), RUN],
    ),
    "dense_undecided": ([experimented(2), experimented(3, UNDECIDED)], [experimented(3), RUN]),
    "below_strongest": ([RUN], [scoring(0.956), elsewhere()]),
    "forecast": ([expected(0.92, 0.93), expected(0.5, 0.6), expected(0.95, 0.96)],
                 [RUN, replace(expected(0.92, 0.93), run=elsewhere().run)]),
    "settling": ([swinging(0.02)], [swinging(0.005), swinging(0.02, rate=0.01), RUN]),
    "as_many_epochs": ([RUN], [planned(9), scoring(0.956), elsewhere()]),
    "where_to_gain": ([RUN], [EVEN]),
    "no_anchor": ([elsewhere()], [RUN, scoring(0.105, 0.01, elsewhere())]),
    "new_data": (
        [photographed((0, 0, 1)), photographed((0, 6, 30)), photographed((6, 6, 90)),
         photographed((0, 0, 180), (0, 6, 20))],
        [RUN],
    ),
    "fall_to_test": ([RUN], [scoring(RUN.metrics.validation.accuracy)]),
    "underconfident": ([calibrated(0.8)], [calibrated(0.99), calibrated(0.8, 0.5), RUN]),
    "overconfident": ([calibrated(0.99)], [calibrated(0.8), calibrated(0.99, 0.5), RUN]),
    "view_gain": ([several_views(0.92)], [several_views(0.93), RUN]),
    "start_kept": ([confirmed(13)], [confirmed(12, -0.01), RUN]),
    "search_helped": ([confirmed(12, 0.001)], [confirmed(12, -0.01), confirmed(13), RUN]),
    "search_unclear": ([confirmed(12, -0.01)], [confirmed(12, 0.001), confirmed(13), RUN]),
    "weakest": ([RUN], [EVEN]),
    "hardest": ([RUN], [EVEN]),
    "even": ([EVEN], [RUN]),
    "one_sided": ([confused({(6, 0): 150, (0, 6): 60})], [RUN, EVEN]),
    "attracting": ([RUN], [EVEN]),
    "concentrated": ([RUN], [EVEN]),
    "families": ([RUN], [EVEN, replace(RUN, run=replace(RUN.run, data=replace(
        RUN.run.data, class_names=tuple("abcdefghij"))))]),
    "second_choice": ([RUN], [replace(RUN, predictions=None)]),
    "separate_pair": ([RUN], [EVEN]),
    "cut_short": ([planned(18)], [planned(9), planned(8), RUN]),
    "one_training_in_short": ([RUN, planned(9)], [planned(18), confirmed(13)]),
    "short_training": (
        [planned(9), planned(8, cost=0.5)], [planned(8), planned(12, cost=1.5), RUN],
    ),
    "few_trials": ([replace(RUN, trials=RUN.trials[:9])], [RUN]),
    "unknown_spread": ([RUN, confirmed(13, sd=None)], [confirmed(13)]),
    "no_search": ([planned(8, max_trials=1)], [planned(8), RUN]),
    "known_spread": ([confirmed(13)], [RUN, confirmed(13, sd=None)]),
    "small_experiments": ([experimented(base=0.8)], [experimented(base=0.9), RUN]),
    "edges": ([RUN], [replace(RUN, space=None)]),
    "other_effort": ([RUN], [elsewhere()]),
    "more_epochs": ([planned(9)], [planned(8), planned(12, cost=1.5), RUN]),
    "more_seeds": ([RUN], [confirmed(13)]),
    "more_seeds_in_short": ([RUN], [planned(9), confirmed(13)]),
}  # fmt: skip


def keys(facts):
    return {key for paragraph in CLAIMS for key, _ in standing(paragraph, facts)}


def test_every_claim_has_runs_with_it_and_without_it():
    every = {claim.key for claims in CLAIMS.values() for claim in claims}
    assert set(CASES) | ALWAYS == every
    assert keys(RUN) >= ALWAYS


@pytest.mark.parametrize("key", CASES)
def test_a_claim_stands_where_it_must_and_nowhere_else(key):
    with_it, without = CASES[key]
    assert [key in keys(facts) for facts in with_it] == [True] * len(with_it)
    assert [key in keys(facts) for facts in without] == [False] * len(without)


@pytest.mark.parametrize("key", sorted({*CASES, *ALWAYS}))
def test_every_claim_has_words(key):
    words = environment_for(None).get_template("claims.html.j2").module
    for facts in CASES[key][0] if key in CASES else [RUN]:
        found = next(v for p in CLAIMS for k, v in standing(p, facts) if k == key)
        said = getattr(words, key)(found, lambda _: "")
        assert re.fullmatch(r"(<b>)?[A-Z0-9][^\n]+\.", said), said
        assert "None" not in said


def test_no_words_are_left_without_a_claim():
    words = environment_for(None).get_template("claims.html.j2").module
    macros = {name for name in vars(words) if not name.startswith("_")}
    assert macros == {*CASES, *ALWAYS}


@pytest.mark.parametrize(
    ("lead", "said"),
    [(0.01, "is better by 1.00 perc"), (-0.01, "is worse by 1.00 p"), (0.0, "cannot be told from")],
)
def test_the_side_of_the_own_dense_network_is_told_right(lead, said):
    words = environment_for(None).get_template("claims.html.j2").module
    facts = beside_dense(lead)
    numbers = dict(standing("performance", facts))["lead_over_dense"]
    assert said in words.lead_over_dense(numbers, lambda _: "")
    titles = {finding.title for finding in below_baseline(facts)}
    assert ("Not above the dense baseline" in titles) == (lead <= 0)
    rows = [row for row in parts(facts, [])["systems"].rows if "as many parameters" in row[0]]
    assert [row[-1] for row in rows] == ["this run, 10 epochs"]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (RUN, "above the published plain dense network, below the residual one."),
        (scoring(0.97), "as it should be."),
        (scoring(0.9), "is not shown."),
        (scoring(0.85), "should not be used as it is."),
        (elsewhere(), "%)."),
    ],
)
def test_the_conclusion_judges_by_the_published_dense_network(facts, said):
    words = environment_for(None).get_template("claims.html.j2").module
    numbers = dict(standing("conclusion", facts))["judged"]
    assert words.judged(numbers, lambda _: "").endswith(said)


def test_the_anchors_are_published():
    assert {DENSE, STRONGEST} <= {result.name for result in load_published()}


def test_which_side_the_border_is_on_is_told_right():
    words = environment_for(None).get_template("claims.html.j2").module
    facts = confused({(6, 0): 150, (0, 6): 60})
    names = facts.class_names
    found = dict(standing("hardest", facts))["one_sided"]
    said = words.one_sided(found, lambda _: "")
    assert f"{names[6]} is taken for {names[0]} 150 times" in said
    assert said.endswith(f"in favour of {names[0]}.")


def test_a_start_that_was_kept_is_not_called_the_best():
    words = environment_for(None).get_template("claims.html.j2").module
    facts = confirmed(13)
    better = replace(facts.confirmation.candidates[1], mean=0.841)
    found = replace(facts.confirmation, candidates=(facts.confirmation.candidates[0], better))
    for used, best in ((facts, True), (replace(facts, confirmation=found), False)):
        told = words.start_kept(dict(standing("surprise", used))["start_kept"], lambda _: "")
        assert ("had the highest mean" in told) == best
        numbers = dict(standing("abstract", used))["network"]
        said = words.network(numbers, lambda _: "")
        assert "the best of" not in said
        assert f"found no configuration {'' if best else 'clearly '}better than" in said


def worded(name, facts):
    """The words of a claim of the run."""
    words = environment_for(None).get_template("claims.html.j2").module
    find = next(c.find for of in CLAIMS.values() for c in of if c.key == name)
    return getattr(words, name)(find(facts), lambda _: "")


def test_a_fall_to_the_test_set_says_what_is_usual_and_whether_further_views_made_it():
    assert "usually differ by up to 0.81" in worded("fall_to_test", RUN)
    assert "From the images alone" not in worded("fall_to_test", RUN)
    test = metrics.Score(10_000, 9_245, 0.9245, (0.92, 0.93), 0.2)
    for validation, explained in ((0.93, True), (0.95, False), (0.92, False)):
        seen = metrics.SingleView(replace(test, n=6_000, accuracy=validation), test)
        facts = replace(RUN, metrics=replace(RUN.metrics, single_view=seen))
        told = worded("fall_to_test", facts)
        assert ("From the images alone the fall is 0.55" in told) == explained


def test_a_baseline_that_had_no_time_is_told():
    said = "left out to keep the time limit"
    left_out = planned(8)
    noted = (Decision("", 0.0, "baseline", "left out: there was no time for it"),)
    left_out = replace(left_out, plan=replace(left_out.plan, decisions=noted))
    assert said in worded("other_effort", left_out)
    assert said not in worded("other_effort", beside_dense(0.03, left_out))
    assert said not in worded("other_effort", RUN)


def test_test_images_that_repeat_training_images_are_told():
    assert "nearly repeat" not in worded("one_data_set", RUN)
    night = load_facts(NIGHT)
    found = night.gallery.duplicates
    share = 100 * found.without.correct / found.without.n
    told = worded("one_data_set", night)
    assert f"{len(found.pairs)} test images nearly repeat training images" in told
    assert f"accuracy is {share:.2f}" in told


def test_the_ethics_name_the_hardest_class_where_there_is_one():
    said = "check what it calls Shirt, Coat or T-shirt/top, its least precise classes."
    assert f"{said} The computing took" in worded("ethics", RUN)
    assert "check a sample of each class. The computing took" in worded("ethics", confused({}))
    assert worded("ethics", replace(RUN, environment=None)).endswith(said)


@pytest.mark.parametrize(("counts", "said"), [((80, 50), "may be chance"),
                         ((80, 40), "the boundary favours T-shirt/top")])  # fmt: skip
def test_the_boundary_between_two_classes_is_told_where_it_is_no_chance(counts, said):
    facts = confused(dict(zip([(6, 0), (0, 6)], counts, strict=True)))
    assert said in conclusion("confusion_matrix", facts)


@pytest.mark.parametrize(("cell", "said"), [((6, 0), "a collar or buttons"), ((8, 1), None)])
def test_a_reason_is_given_for_kinds_of_clothes_whose_difference_is_known(cell, said):
    words = environment_for(None).get_template("claims.html.j2").module
    found = dict(standing("hardest", confused({cell: 150})))["hardest"]
    told = words.hardest(found, lambda _: "")
    assert ("a likely reason" in told) == (said is not None)
    assert (said or "Whether 28 × 28 pixels") in told
    assert told.endswith("Neither was tested." if said else "was not measured.")


def test_a_kept_epoch_above_the_last_ones_is_told():
    facts = swinging(0.02)
    lucky, usual = (replace(facts.history, chosen_epoch=n) for n in (2, 17))
    found = [performance.settling(replace(facts, history=h))["above"] for h in (lucky, usual)]
    assert found == [pytest.approx(0.02), None]


def test_a_lead_that_may_be_chance_is_told_with_the_configuration():
    for low, said in ((-0.01, True), (0.001, False)):
        facts = confirmed(12, low)
        assert performance.network(facts)["unclear"] == said
        assert ("tuned" in pages.title(facts)) == (not said)


@pytest.mark.parametrize(
    ("most", "high", "told"), [(1.2, 0.01, True), (1.2, 0.04, False), (None, 0.01, False)]
)
def test_narrow_ranges_are_explained_where_the_plan_made_them(most, high, told):
    sizes = RunProfile(1000, 3, 60, most_cost=most)
    plan = Plan(sizes=sizes, jobs=1, threads=None, planned=())
    rates = SearchSpace((Float("learning_rate", 0.0016, high, log=True),))
    assert ("trials tend to favour" in ranges(replace(RUN, plan=plan, space=rates))) == told


def test_overfitting_is_judged_where_plain_training_images_were_classified():
    score = RUN.metrics.validation
    seen = metrics.SingleView(score, RUN.metrics.test, score)
    measured = replace(RUN, metrics=replace(RUN.metrics, single_view=seen))
    without, judged = (parts(facts, [])["overfitting"] for facts in (RUN, measured))
    assert "cannot be judged" in without.sentence
    assert "cannot be judged" not in judged.sentence
    assert "plain training images" in judged.sentence


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([(0, 0, 1)], "Of 1 new picture of the author’s 1 is classified correctly, 100.0"),
        ([(0, 0, 1)], "too few to say more."),
        ([(0, 6, 30)], "less often than test images of the same classes, by more than chance"),
        ([(6, 6, 90)], "more often than test images of the same classes, by more than chance"),
        ([(0, 0, 180), (0, 6, 20)], "a difference from test images of the same classes is not sho"),
    ],
)
def test_of_new_pictures_no_more_is_said_than_they_show(cells, said):
    words = environment_for(None).get_template("claims.html.j2").module
    facts = photographed(*cells)
    found = dict(standing("performance", facts))["new_data"]
    assert said in words.new_data(found, lambda _: "")
    limit = words.one_data_set(dict(standing("limits", facts))["one_data_set"], lambda _: "")
    assert "But for the author’s pictures" in limit
    assert "photographs" not in limit
