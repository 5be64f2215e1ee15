import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.space import Categorical, Float, Int, SearchSpace
from search.study.scheduler import Budget, CostModel, TrialScheduler

SPACE = SearchSpace(
    (
        Int("filters", 16, 64, step=16),
        Float("rate", 1e-4, 1e-1, log=True),
        Categorical("batch", (32, 64)),
    )
)
INFINITY = float("inf")


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def params(filters=16, rate=1e-3, batch=32):
    return {"filters": filters, "rate": rate, "batch": batch}


def drawn(chance):
    return params(
        chance.choice((16, 32, 48, 64)), 10 ** chance.uniform(-4, -1), chance.choice((32, 64))
    )


def true_seconds(p, epochs):
    """What a trial takes on a machine without noise: its start, and epochs by its size."""
    return 2 + epochs * p["filters"] / 16 * (2 if p["batch"] == 32 else 1)


def fit_cost_model(trials=40, seed=0, noise=0.0, epochs=(1, 2, 4)):
    chance, costs = random.Random(seed), CostModel(SPACE)
    for _ in range(trials):
        p, n = drawn(chance), chance.choice(epochs)
        costs.learn(p, n, true_seconds(p, n) * math.exp(chance.gauss(0, noise)))
    return costs


# ---- budget ---------------------------------------------------------------------------------


def test_a_budget_counts_from_its_start_and_earlier_sessions():
    clock = Clock()
    budget = Budget(60, used=10, clock=clock)
    clock.now += 5
    assert budget.elapsed() == 15
    assert budget.remaining() == 45


@pytest.mark.parametrize(("jump", "left"), [(1000, -940), (-30, 90)])
def test_a_clock_that_jumps_only_changes_what_is_left(jump, left):
    clock = Clock()
    budget = Budget(60, clock=clock)
    clock.now += jump
    assert budget.remaining() == left


# ---- what trials cost -----------------------------------------------------------------------


def test_nothing_known_costs_nothing():
    costs = CostModel(SPACE)
    assert costs.upper_estimate(params(), 3) == costs.upper_estimate(None, 3) == 0
    assert costs.estimate(params(), 3) == costs.seconds_per_epoch(params()) == 0


@pytest.mark.parametrize(("epochs", "seconds"), [(0, 5.0), (1, 0.0), (1, INFINITY), (1, math.nan)])
def test_what_says_nothing_is_not_learnt(epochs, seconds):
    costs = CostModel(SPACE)
    costs.learn(params(), epochs, seconds)
    assert costs.upper_estimate(params(), 1) == 0


def test_a_few_trials_are_told_by_their_upper_quartile_and_the_cheapest():
    costs = CostModel(SPACE)
    for filters, seconds in ((16, 2.0), (32, 4.0), (48, 6.0), (64, 40.0)):
        costs.learn(params(filters), 2, seconds)
    assert costs.upper_estimate(params(16), 4) == pytest.approx(80, rel=0.15)
    assert costs.upper_estimate(None, 4) == pytest.approx(4, rel=0.15)
    assert costs.estimate(params(48), 4) == pytest.approx(12)  # as it was itself
    assert costs.estimate(params(48, batch=64), 4) == pytest.approx(10, rel=0.05)  # as the middle


def test_the_cost_is_learnt_from_the_parameters():
    costs = fit_cost_model()
    for p in (params(16, batch=64), params(64), params(48, 1e-2)):
        assert costs.estimate(p, 4) == pytest.approx(true_seconds(p, 4), rel=0.15)
    for p in (params(64), params(48, 1e-2)):
        per_epoch = true_seconds(p, 1) - 2  # without the start
        assert costs.seconds_per_epoch(p) == pytest.approx(per_epoch, rel=0.25)
    small = costs.upper_estimate(params(16, batch=64), 4)
    assert costs.upper_estimate(params(64), 0) == 0.0  # nothing left to train
    assert (
        0.8 * small
        < costs.upper_estimate(None, 4)
        <= 1.2 * small
        < costs.upper_estimate(params(64), 4)
    )


def test_caution_grows_with_the_noise():
    calm, noisy = (fit_cost_model(noise=n).upper_estimate(params(64), 4) for n in (0.0, 0.5))
    assert calm < 1.3 * true_seconds(params(64), 4) < noisy


@pytest.mark.parametrize("seed", range(5))
def test_most_trials_stay_below_what_was_expected(seed):
    chance, costs = random.Random(seed + 100), fit_cost_model(60, seed, noise=0.3)
    kept = 0
    for _ in range(200):
        p = drawn(chance)
        seconds = true_seconds(p, 4) * math.exp(chance.gauss(0, 0.3))
        kept += seconds < costs.upper_estimate(p, 4)
    assert 0.7 < kept / 200 < 0.98


def test_without_a_space_the_trials_tell_the_cost():
    costs = CostModel()
    for seconds in (4.0, 4.0, 4.0, 4.0, 4.0, 4.0):
        costs.learn({}, 2, seconds)
    assert costs.estimate({}, 3) == pytest.approx(6, rel=0.01)
    assert costs.upper_estimate({}, 3) == pytest.approx(6, rel=0.25)


def test_parameters_that_do_not_fit_the_space_do_no_harm():
    costs = fit_cost_model()
    assert costs.upper_estimate({"batch": "many", "filters": None}, 2) > 0


# ---- may another trial start? -----------------------------------------------------------------


def plan(seconds, trials=(), reserve=0.0):
    costs = CostModel()
    for epochs, spent in trials:
        costs.learn({}, epochs, spent)
    return TrialScheduler(Budget(seconds, clock=Clock()), lambda: reserve, costs)


def test_without_a_limit_there_is_always_time():
    endless = plan(None, [(1, 1e9)], reserve=1e9)
    assert endless.may_start({}, 1)
    assert endless.time_left() == INFINITY


def test_the_first_trial_needs_only_some_time():
    assert plan(60, reserve=59).may_start(None, 4)
    assert not plan(60, reserve=60).may_start(None, 4)


def test_the_first_trials_take_at_least_as_long_as_those_under_way():
    assert plan(60).may_start({}, 4, [20.0, 59.0])
    assert not plan(60).may_start({}, 4, [20.0, 61.0])
    assert plan(60, [(1, 1.0)]).may_start({}, 4, [20.0, 61.0])


def test_a_pruned_trial_counts_at_its_full_length():
    assert not plan(60, [(1, 15.0)]).may_start({}, 4)
    assert plan(60, [(1, 13.0)]).may_start({}, 4)


def test_learning_goes_to_the_costs():
    learning = plan(60)
    learning.costs.learn({}, 2, 80.0)
    assert learning.costs.upper_estimate({}, 2) == pytest.approx(80, rel=0.15)


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=30), st.floats(1, 5000))
def test_most_trials_seen_would_fit_when_another_may_start(seconds, left):
    if plan(left, [(1, s) for s in seconds]).may_start({}, 1):
        assert sum(s < left for s in seconds) >= 0.5 * len(seconds)


@pytest.mark.parametrize(
    ("seconds", "trials", "silence"),
    [
        (INFINITY, [], 1800),
        (2000, [], 500),
        (100, [], 60),
        (-50, [], 60),
        (2000, [(4, 40.0)], 10 * 10 * math.exp(0.1)),
        (2000, [(4, 4.0)], 60),
    ],
)
def test_how_long_a_trial_may_be_silent(seconds, trials, silence):
    total = None if seconds == INFINITY else seconds
    assert plan(total, trials).progress_timeout({}) == pytest.approx(silence)
