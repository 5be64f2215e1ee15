"""The bootstrap against scipy and scikit-learn, and how often its intervals hold the truth."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, f1_score

from fmnist.analysis import bootstrap
from fmnist.analysis.classification import evaluate
from fmnist.runs.codec import convert, to_plain
from fmnist.runs.records import metrics as records

NAMES = ["Shirt", "Coat", "Bag"]


def population(rng, n, pull=1.5):
    """Labels and probabilities of a network that is right more often than not."""
    labels = rng.integers(0, 3, n)
    logits = rng.normal(size=(n, 3)) + pull * np.eye(3)[labels]
    exp = np.exp(logits)
    return labels, exp / exp.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def split():
    return population(np.random.default_rng(4), 600)


@pytest.fixture(scope="module")
def found(split):
    return bootstrap.score_intervals(*split, resamples=3000)


def reference(statistic, labels, values):
    """scipy's percentile bootstrap of a statistic of the same images."""
    result = stats.bootstrap(
        (labels, values), statistic, paired=True, vectorized=False, n_resamples=1000,
        method="percentile", rng=np.random.default_rng(0),
    )  # fmt: skip
    return pytest.approx(list(result.confidence_interval), abs=0.012)


def test_f1_agrees_with_scipys_bootstrap(split, found):
    labels, probabilities = split
    predicted = probabilities.argmax(axis=1)

    def f1(true, guess, k=1):
        return 2 * ((true == k) & (guess == k)).sum() / ((true == k).sum() + (guess == k).sum())

    def macro(true, guess):
        return np.mean([f1(true, guess, k) for k in range(3)])

    assert f1(labels, predicted) == f1_score(labels, predicted, average=None)[1]
    assert found.f1[1] == reference(f1, labels, predicted)
    assert found.macro_f1 == reference(macro, labels, predicted)


@pytest.mark.slow
def test_average_precision_agrees_with_scipys_bootstrap(split, found):
    labels, probabilities = split
    expected = reference(average_precision_score, labels == 2, probabilities[:, 2])
    assert found.average_precision[2] == expected


@pytest.mark.parametrize("digits", [16, 1])
def test_each_resample_gives_scikit_learns_weighted_average_precision(split, digits):
    labels, probabilities = split
    scores = np.round(probabilities, digits)  # one digit: many images share a score
    drawn = bootstrap._average_precisions(labels, scores, 7, 5)
    counts = next(bootstrap._counts(len(labels), 7, 5))
    for k in range(3):
        expected = [
            average_precision_score(labels == k, scores[:, k], sample_weight=weights)
            for weights in counts.T
        ]
        assert drawn[:, k] == pytest.approx(expected, abs=1e-5)


def test_a_resample_has_as_many_images_as_there_are():
    counts = np.concatenate(list(bootstrap._counts(50, 0, 230)), axis=1)
    assert counts.shape == (50, 230)
    assert (counts.sum(axis=0) == 50).all()
    assert counts.mean(axis=1) == pytest.approx(np.ones(50), abs=0.3)


def test_the_same_seed_gives_the_same_intervals(split):
    first, again, other = (
        bootstrap.score_intervals(*split, seed=seed, resamples=200) for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_nine_in_ten_intervals_of_95_per_cent_hold_the_truth():
    """120 samples of 300 images: a right interval misses six of them, thirteen by bad luck."""
    labels, probabilities = population(np.random.default_rng(1), 400_000)
    truth = f1_score(labels, probabilities.argmax(axis=1), average="macro")
    area = average_precision_score(labels == 0, probabilities[:, 0])
    rng, held = np.random.default_rng(2), np.zeros(2)
    for trial in range(120):
        found = bootstrap.score_intervals(*population(rng, 300), seed=trial, resamples=300)
        (low, high), (least, most) = found.macro_f1, found.average_precision[0]
        held += [low <= truth <= high, least <= area <= most]
    assert (held >= 107).all()


def test_a_class_without_images_has_no_interval():
    labels, probabilities = np.array([0, 0, 1, 1]), np.eye(3)[[0, 1, 1, 1]]
    found = bootstrap.score_intervals(labels, probabilities, resamples=50)
    assert found.f1[2] is found.average_precision[2] is None
    assert all(0 <= bound <= 1 for bound in found.macro_average_precision)


def test_one_image_of_a_class_leaves_the_resamples_without_it_out():
    labels = np.array([0] * 9 + [1])
    found = bootstrap.score_intervals(labels, np.eye(2)[labels], resamples=100)
    assert found.average_precision == [(1.0, 1.0), (1.0, 1.0)]


def test_nothing_defined_says_nothing():
    assert bootstrap.percentiles(np.array([np.nan, np.nan])) == (0.0, 1.0)


def test_intervals_are_added_to_the_metrics_and_hold_the_scores(split):
    test = evaluate(*split, NAMES)
    more = bootstrap.with_intervals(test, *split, resamples=400)
    assert (
        convert(records.TestScore, json.loads(json.dumps(to_plain(more), allow_nan=False)), "")
        == more
    )
    assert replace(more, classes=test.classes, macro=test.macro, bootstrap=None) == test
    for row in [*more.classes, more.macro]:
        for score in ("f1", "average_precision"):
            low, high = getattr(row, f"{score}_interval")
            assert low < getattr(row, score) < high
    assert more.bootstrap == records.Bootstrap(bootstrap.METHOD, 400, 0)
