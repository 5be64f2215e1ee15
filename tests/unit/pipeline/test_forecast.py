"""The forecast of the test accuracy, from recorded runs."""

import numpy as np
import pytest

from fmnist.pipeline.planner import forecast


def runs_of_a_law(noise, count=12, seed=0):
    work = np.geomspace(1e5, 1e8, count)
    drawn = np.random.default_rng(seed).normal(0, noise, count)
    accuracy = 0.964 - 1.5 * work**-0.26 * np.exp(drawn)
    return [{"work": w, "accuracy": a, "views": 6} for w, a in zip(work, accuracy, strict=True)]


def test_a_power_law_is_found_again():
    found = forecast.fit(runs_of_a_law(noise=0), 1e7)
    assert found.accuracy == pytest.approx(0.964 - 1.5 * 1e7**-0.26, abs=1e-4)
    assert found.low == found.high == found.accuracy
    assert found.runs == 12


def test_nine_of_ten_further_runs_lie_inside():
    inside = 0
    for seed in range(200):
        *known, new = runs_of_a_law(noise=0.1, seed=seed)
        told = forecast.fit(known, new["work"])
        inside += told.low <= new["accuracy"] <= told.high
    assert 0.84 <= inside / 200 <= 0.96


def test_the_interval_widens_away_from_what_was_recorded():
    runs = runs_of_a_law(noise=0.1)
    widths = [
        np.log((0.964 - told.low) / (0.964 - told.high))
        for told in (forecast.fit(runs, work) for work in (3e6, 1e9, 1e12))
    ]
    assert widths == sorted(widths)


def test_more_work_promises_more_by_the_recorded_runs():
    told = [forecast.forecast(work) for work in (1e5, 1e6, 1e7, 1e8)]
    assert [t.accuracy for t in told] == sorted(t.accuracy for t in told)
    assert all(0.8 < t.low < t.accuracy < t.high < 0.964 for t in told)


def test_runs_of_two_views_count_as_with_the_errors_that_six_leave():
    run = {"work": 1e6, "accuracy": 0.9, "views": 2}
    assert forecast.with_six_views(run) == pytest.approx(0.905)
    assert forecast.with_six_views({**run, "views": 6}) == 0.9


def test_every_recorded_run_says_where_it_was_made():
    for run in forecast.recorded_runs():
        assert run.keys() == {"started", "machine", "seconds", "work", "accuracy", "views"}
