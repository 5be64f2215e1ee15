"""fmnist.analysis.classification against hand-computed values and scikit-learn."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import classification_report, confusion_matrix, log_loss

from fmnist.analysis.classification import CURVE_POINTS, evaluate, pr_curves, summarise
from fmnist.analysis.intervals import holm, mcnemar, wilson_interval
from fmnist.errors import DataError
from fmnist.models.inference import score
from fmnist.runs.codec import convert, to_plain
from fmnist.runs.records import metrics as records

NAMES = ["Shirt", "Coat", "Bag"]


def one_hot(predicted, classes=3, confidence=0.8):
    rest = (1 - confidence) / (classes - 1)
    out = np.full((len(predicted), classes), rest)
    out[np.arange(len(predicted)), predicted] = confidence
    return out


@pytest.fixture(scope="module")
def random_split():
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 3, 600)
    logits = rng.normal(size=(600, 3)) + 2 * np.eye(3)[labels]
    exp = np.exp(logits)
    return labels, exp / exp.sum(axis=1, keepdims=True)


def test_wilson_interval_matches_the_closed_formula():
    k, n, z = 923, 1000, 1.959963984540054
    p = k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert wilson_interval(k, n) == pytest.approx((centre - half, centre + half))


@given(st.integers(0, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_proportion_and_stays_in_zero_to_one(counts):
    correct, n = counts
    low, high = wilson_interval(correct, n)
    assert 0 <= low <= high <= 1
    if n:
        assert low - 1e-12 <= correct / n <= high + 1e-12


@pytest.mark.parametrize(("correct", "n"), [(-1, 5), (6, 5)])
def test_wilson_interval_refuses_impossible_counts(correct, n):
    with pytest.raises(ValueError, match=f"correct={correct}"):
        wilson_interval(correct, n)


def test_small_case_by_hand():
    labels = np.array([0, 0, 1, 1, 2])
    result = evaluate(labels, one_hot([0, 1, 1, 1, 2]), NAMES)
    assert result.n == 5
    assert result.correct == 4
    assert result.accuracy == pytest.approx(0.8)
    assert result.confusion == ((1, 1, 0), (0, 2, 0), (0, 0, 1))
    shirt, coat, bag = result.classes
    assert (shirt.precision, shirt.recall, shirt.support) == (1.0, 0.5, 2)
    assert coat.precision == pytest.approx(2 / 3)
    assert coat.f1 == pytest.approx(0.8)
    assert bag.average_precision == pytest.approx(1.0)
    assert result.macro.recall == pytest.approx((0.5 + 1 + 1) / 3)
    assert result.weighted.recall == pytest.approx(0.8)
    assert result.loss == pytest.approx(-(4 * np.log(0.8) + np.log(0.1)) / 5)


def test_agrees_with_scikit_learn(random_split):
    labels, probabilities = random_split
    result = evaluate(labels, probabilities, NAMES)
    predicted = probabilities.argmax(axis=1)
    report = classification_report(labels, predicted, target_names=NAMES, output_dict=True)
    assert [list(row) for row in result.confusion] == confusion_matrix(labels, predicted).tolist()
    assert result.loss == pytest.approx(log_loss(labels, probabilities))
    for row in result.classes:
        assert row.precision == pytest.approx(report[row.name]["precision"])
        assert row.recall == pytest.approx(report[row.name]["recall"])
        assert row.f1 == pytest.approx(report[row.name]["f1-score"])
    for average in ("macro", "weighted"):
        assert getattr(result, average).f1 == pytest.approx(report[f"{average} avg"]["f1-score"])


def test_result_is_plain_json(random_split):
    result = evaluate(*random_split, NAMES)
    assert (
        convert(records.TestScore, json.loads(json.dumps(to_plain(result), allow_nan=False)), "")
        == result
    )


def test_headline_is_the_same_from_summarise(random_split):
    result = evaluate(*random_split, NAMES)
    assert vars(summarise(*random_split)).items() <= vars(result).items()


def test_class_without_images_neither_warns_nor_counts_in_the_macro_average():
    labels = np.array([0, 0, 1])
    result = evaluate(labels, one_hot([0, 0, 1]), NAMES)
    empty = result.classes[2]
    assert empty.support == 0
    assert empty.recall_interval == (0.0, 1.0)
    assert empty.average_precision == 0.0
    assert result.macro.recall == 1.0
    assert len(pr_curves(labels, one_hot([0, 0, 1]))[2].recall) == 0


def test_certain_and_wrong_gives_a_finite_loss():
    probabilities = np.array([[0.0, 1.0, 0.0]])
    assert summarise(np.array([0]), probabilities).loss == pytest.approx(-np.log(1e-7))


def test_pr_curves_are_thinned_and_keep_their_ends(random_split):
    labels, probabilities = random_split
    result = evaluate(labels, probabilities, NAMES)
    for row, curve in zip(result.classes, pr_curves(labels, probabilities), strict=True):
        assert len(curve.recall) == len(curve.precision) <= CURVE_POINTS
        assert (curve.recall[0], curve.recall[-1]) == (0, 1)
        assert (np.diff(curve.recall) >= 0).all()
        assert curve.average_precision == row.average_precision


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        (np.array([0, 1]), np.full(3, 1 / 3), "shape"),
        (np.zeros(0, int), np.zeros((0, 3)), "neither 0"),
        (np.array([0]), one_hot([0, 1]), r"expected shape \(2,\)"),
        (np.array([0.0, 1.0]), one_hot([0, 1]), "integer class indices"),
        (np.array([0, 3]), one_hot([0, 1]), "expected 0 to 2, found 0 to 3"),
        (np.array([-1, 1]), one_hot([0, 1]), "found -1 to 1"),
        (np.array([0, 1]), np.array([[1, 0, 0], [np.nan, 0, 0]]), "row 1"),
        (np.array([0]), np.array([[4.0, -1.0, 2.0]]), "not logits"),
        (np.array([0]), np.array([[4.0, 1.0, 2.0]]), "sum 7 in row 0"),
    ],
)
def test_bad_input_is_refused_with_the_rule_and_the_value(labels, probabilities, message):
    with pytest.raises(DataError, match=message):
        evaluate(labels, probabilities, NAMES)


def test_wrong_number_of_class_names_is_refused():
    with pytest.raises(DataError, match="found 2"):
        evaluate(np.array([0]), one_hot([0]), NAMES[:2])


def paired(both, first_only, second_only, neither):
    """Labels, and two predictions that are right or wrong so often."""
    labels = np.zeros(both + first_only + second_only + neither, int)
    first = np.repeat([0, 0, 1, 2], [both, first_only, second_only, neither])
    second = np.repeat([0, 1, 0, 1], [both, first_only, second_only, neither])
    return labels, first, second


def test_mcnemar_by_hand():
    result = mcnemar(*paired(80, 9, 2, 9))
    assert (result.n, result.only_first, result.only_second) == (100, 9, 2)
    assert result.difference == pytest.approx(0.07)
    assert result.p == pytest.approx(2 * binom.cdf(2, 11, 0.5))
    p12, p21 = 10 / 102, 3 / 102  # Bonett and Price 2012
    half = 1.959963984540054 * np.sqrt((p12 + p21 - (p12 - p21) ** 2) / 102)
    assert result.interval == pytest.approx((p12 - p21 - half, p12 - p21 + half))


def test_mcnemar_matches_a_published_example():
    # Approval in two surveys (Agresti, Categorical Data Analysis, 3rd edition, section 11.1): 150
    # and 86 of 1600 changed their mind; the difference is 0.04 with the interval 0.021 to 0.059.
    result = mcnemar(*paired(794, 150, 86, 570))
    assert result.difference == pytest.approx(0.04)
    assert result.interval == pytest.approx((0.021, 0.059), abs=5e-4)
    assert result.p < 1e-4


@given(st.tuples(*[st.integers(0, 40)] * 4).filter(any))
def test_mcnemar_turned_round_is_the_same_with_the_sign_changed(counts):
    labels, first, second = paired(*counts)
    there, back = mcnemar(labels, first, second), mcnemar(labels, second, first)
    assert (there.only_first, there.only_second) == (back.only_second, back.only_first)
    assert there.p == pytest.approx(back.p)
    assert there.difference == -back.difference
    assert there.interval == pytest.approx((-back.interval[1], -back.interval[0]))
    assert there.interval[0] - 1e-12 <= there.difference <= there.interval[1] + 1e-12
    assert 0 < there.p <= 1


def test_two_of_the_same_differ_in_nothing():
    labels, first, _ = paired(30, 5, 0, 5)
    result = mcnemar(labels, first, first)
    assert (result.p, result.difference) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((np.zeros(3, int), np.zeros(3, int), np.zeros(2, int)), r"second: .*shape \(2,\)"),
        ((np.zeros((3, 2), int), np.zeros(3, int), np.zeros(3, int)), "labels: .*one dimension"),
        ((np.zeros(0, int), np.zeros(0, int), np.zeros(0, int)), "at least one"),
        ((np.zeros(3, int), np.zeros(3), np.zeros(3, int)), "first: .*integer.*float64"),
    ],
)
def test_mcnemar_refuses_what_is_no_pair(arrays, message):
    with pytest.raises(DataError, match=message):
        mcnemar(*arrays)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_sure_and_wrong_answer_costs_as_much_in_a_trial_as_in_the_report():
    labels, probabilities = np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]], np.float32)
    assert score(probabilities, labels) == (0.5, summarise(labels, probabilities).loss)
