"""Calibration against closed forms, scikit-learn and networks of known calibration."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from fmnist.analysis import calibration
from fmnist.analysis.classification import summarise
from fmnist.errors import DataError
from fmnist.runs.codec import convert, to_plain
from fmnist.runs.records.calibration import Calibration, FittedOn


def network(temperature, n=4000, seed=0):
    """Labels drawn from the softmax of logits, and the same logits stated too hot or too cold.

    Divided by ``temperature`` the stated logits are the true ones again.
    """
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 4)) * 2
    labels = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return labels.clip(0, 3), softmax(logits * temperature, axis=1)


def test_a_case_by_hand():
    confidence, labels = np.array([0.95, 0.95, 0.65, 0.65]), np.array([0, 1, 0, 0])
    found = calibration.reliability(labels, np.stack([confidence, 1 - confidence], axis=1))
    assert found.counts.tolist() == [0] * 9 + [2] + [0] * 4 + [2]
    assert found.accuracy[[9, 14]].tolist() == [1.0, 0.5]
    assert found.confidence[[9, 14]] == pytest.approx([0.65, 0.95])
    assert np.isnan(found.accuracy[0])
    assert found.error == pytest.approx((2 * 0.35 + 2 * 0.45) / 4)


def test_the_upper_edge_belongs_to_a_bin():
    p = np.array([[0.6, 0.4], [1.0, 0.0]])
    assert calibration.reliability(np.array([0, 0]), p).counts.nonzero()[0].tolist() == [8, 14]


def test_bins_agree_with_scikit_learn():
    labels, p = network(1.4)
    hit, confidence = p.argmax(axis=1) == labels, p.max(axis=1)
    found = calibration.reliability(labels, p)
    accuracy, stated = calibration_curve(hit, confidence, n_bins=calibration.BINS)
    there = found.counts > 0
    assert found.accuracy[there] == pytest.approx(accuracy)
    assert found.confidence[there] == pytest.approx(stated)


def test_brier_score_agrees_with_scikit_learn():
    labels, p = network(1.2, n=300)
    wanted = sum(brier_score_loss(labels == k, p[:, k]) for k in range(4))
    assert calibration.brier(labels, p) == pytest.approx(wanted)


@pytest.mark.parametrize("true", [0.5, 1.0, 1.7, 3.0])
def test_the_fit_finds_the_temperature_a_network_was_heated_by(true):
    assert calibration.temperature(*network(true, n=20_000)) == pytest.approx(true, rel=0.05)


def test_a_network_without_an_error_stays_within_the_bounds():
    labels = np.array([0, 1, 2])
    found = calibration.temperature(labels, softmax(2 * np.eye(3), axis=1))
    assert calibration.TEMPERATURES[0] <= found < 0.1


@given(st.floats(0.06, 19.0), st.integers(0, 50))
def test_a_temperature_never_changes_the_predicted_class(temperature, seed):
    labels, p = network(1.5, n=60, seed=seed)
    after = calibration.tempered(p, temperature)
    assert (after.argmax(axis=1) == p.argmax(axis=1)).all()
    assert after.sum(axis=1) == pytest.approx(np.ones(len(p)))
    assert summarise(labels, after).accuracy == summarise(labels, p).accuracy


def test_the_temperature_one_changes_nothing():
    _, p = network(1.0, n=50)
    assert calibration.tempered(p, 1.0) == pytest.approx(p, abs=1e-6)


def test_a_calibrated_network_stays_below_chance_and_a_heated_one_does_not():
    calm = [calibration.describe(*network(1.0, seed=s), resamples=200) for s in range(20)]
    within = sum(found.ece <= found.ece_by_chance for found in calm)
    assert within >= 17  # nineteen are expected, sixteen or fewer come once in 170 times
    heated = calibration.describe(*network(1.6), resamples=200)
    assert heated.ece > 2 * heated.ece_by_chance


def test_the_interval_of_the_error_holds_that_of_many_images():
    truth = calibration.reliability(*network(1.5, n=400_000)).error
    held = 0
    for seed in range(1, 41):
        labels, p = network(1.5, n=1500, seed=seed)
        low, high = calibration.error_interval(labels, p, seed=seed, resamples=200)
        held += low <= truth <= high
    assert held >= 34  # 38 are expected


def test_before_and_after_for_json():
    held_out, tested = network(1.6, seed=1), network(1.6, seed=2)
    found = calibration.calibration(held_out, tested, validated_by="validated.keras", resamples=100)
    assert (
        convert(Calibration, json.loads(json.dumps(to_plain(found), allow_nan=False)), "") == found
    )
    assert found.fitted_on == FittedOn("validation", 4000, "validated.keras")
    before, after = found.before, found.after
    assert before.loss == summarise(*tested).loss
    assert after.loss < before.loss
    assert after.brier < before.brier
    assert after.ece < before.ece / 2
    for said in (before, after):
        assert sum(said.counts) == 4000
        assert said.ece_interval[0] < said.ece_interval[1]
        empty = [n == 0 for n in said.counts]
        assert [c is None for c in said.confidence] == empty
        assert [a is None for a in said.accuracy] == empty


def test_the_same_seed_gives_the_same_numbers():
    first, again = (calibration.describe(*network(1.2), resamples=50) for _ in range(2))
    assert first == again


def test_logits_are_refused():
    with pytest.raises(DataError, match="pass softmax outputs"):
        calibration.temperature(np.array([0]), np.array([[3.0, 1.0]]))
