"""How often the network is right on the user's own pictures, beside the test images."""

from types import SimpleNamespace

import numpy as np
import pytest
from new_data_factory import photos

from fmnist.analysis.intervals import newcombe, wilson_interval
from fmnist.analysis.new_data import judge
from fmnist.runs.codec import convert, to_plain
from fmnist.runs.records.new_data import HIGHER, LOWER, UNDECIDED, NewData


def scores_of(right, support):
    """The test images of each class, and how many of them are right; the others are of class 0."""
    right, support = np.array(right), np.array(support)
    confusion = np.diag(right)
    confusion[:, 0] += support - right
    confusion[0, 0] = right[0]
    confusion[0, -1] += support[0] - right[0]
    n, correct = int(support.sum()), int(right.sum())
    return SimpleNamespace(
        n=n, correct=correct, accuracy=correct / n, classes=support, counts=lambda: confusion
    )


TEST = scores_of([950, 500], [1000, 1000])


def test_accuracy_and_its_difference_are_those_of_newcombe():
    found = judge(photos([(0, 0, 20), (0, 1, 5), (1, 1, 10)]), TEST)
    assert (found.n, found.correct, found.accuracy) == (35, 30, 30 / 35)
    assert found.interval == wilson_interval(30, 35)
    assert found.test.difference == 30 / 35 - 0.725
    assert found.test.interval == newcombe(30, 35, 1450, 2000)
    assert (found.test_n, found.test_correct) == (2000, 1450)


def test_the_classes_of_the_pictures_are_accounted_for():
    found = judge(photos([(0, 0, 21), (0, 1, 3), (1, 1, 6)]), TEST)
    expected = (24 * 0.95 + 6 * 0.5) / 30
    assert found.same_classes.accuracy == pytest.approx(expected)
    assert found.same_classes.difference == pytest.approx(27 / 30 - expected)
    # The closed form of Zou and Donner for 24/30 p + 6/30 q, then for the difference.
    (low, high), (p, q) = (
        wilson_interval(27, 30),
        (wilson_interval(950, 1000), wilson_interval(500, 1000)),
    )
    below = np.hypot(0.8 * (0.95 - p[0]), 0.2 * (0.5 - q[0]))
    above = np.hypot(0.8 * (p[1] - 0.95), 0.2 * (q[1] - 0.5))
    difference = 0.9 - expected
    assert found.same_classes.interval == pytest.approx(
        (difference - np.hypot(0.9 - low, above), difference + np.hypot(high - 0.9, below))
    )


def test_of_one_class_alone_it_is_newcombes_interval():
    found = judge(photos([(1, 1, 7), (1, 0, 3)]), TEST)
    assert found.same_classes.interval == pytest.approx(newcombe(7, 10, 500, 1000))


def test_a_class_without_test_images_is_not_accounted_for():
    found = judge(photos([(0, 0, 3), (1, 1, 3)]), scores_of([90, 0], [100, 0]))
    assert found.same_classes is None
    assert found.fairest == found.test


@pytest.mark.parametrize(
    ("cells", "verdict", "few"),
    [
        ([(0, 0, 1)], UNDECIDED, True),
        ([(0, 1, 1)], UNDECIDED, True),
        ([(0, 1, 10)], LOWER, True),
        ([(1, 1, 40)], HIGHER, False),
        ([(0, 0, 240), (0, 1, 15)], UNDECIDED, False),
        ([(0, 0, 200), (0, 1, 55)], LOWER, False),
    ],
)
def test_the_verdict_is_no_stronger_than_the_pictures(cells, verdict, few):
    found = judge(photos(cells), TEST)
    assert (found.verdict, found.few) == (verdict, few)
    assert -1 <= found.fairest.interval[0] <= found.fairest.difference <= found.fairest.interval[1]


def test_a_record_comes_back_as_it_was():
    found = judge(photos([(0, 0, 2), (1, 0, 1)]), TEST, folder="mine")
    assert convert(NewData, to_plain(found), "newdata.json") == found
    assert all(p.original is p.pixels is None for p in found.without_pictures().photos)


@pytest.mark.parametrize("mix", [(4, 6, 50), (12, 0, 0), (0, 3, 12), (100, 80, 75)])
def test_pictures_as_hard_as_the_test_images_are_rarely_told_apart(mix):
    rng, recalls, told = np.random.default_rng(7), np.array([0.97, 0.93, 0.6]), 0
    for found in alike(rng, recalls, mix):
        told += found.verdict != UNDECIDED
    assert told <= 0.07 * 200


def test_the_classes_alone_would_make_a_difference_that_is_none():
    rng, recalls = np.random.default_rng(7), np.array([0.97, 0.93, 0.6])
    plain = [found.test.interval[1] < 0 for found in alike(rng, recalls, (4, 6, 50))]
    assert sum(plain) > 100


def alike(rng, recalls, mix, times=200):
    """So many pictures of each class, each as often right as the test images of its class."""
    for _ in range(times):
        test, right = scores_of(rng.binomial(1000, recalls), [1000] * 3), rng.binomial(mix, recalls)
        cells = [(k, k, r) for k, r in enumerate(right)]
        cells += [(k, (k + 1) % 3, n - r) for k, (n, r) in enumerate(zip(mix, right, strict=True))]
        yield judge(photos(cells), test)
