"""The plan by work: what is trained on machines of any speed, in any time."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmnist.config.config import Config
from fmnist.pipeline.planner.costs import (
    REFERENCE,
    TYPICAL_SPEED,
    relative_cost,
    slowness_of,
)
from fmnist.pipeline.planner.profiles import (
    COMPACT,
    FEWEST_TRIALS,
    LONG,
    PLANNED_IMAGES,
    SHORT,
    profile_for,
    shortest_search,
)
from fmnist.pipeline.planner.sizing import choose_profile, describe_profile, experiments_fit
from fmnist.pipeline.request import Request

seconds_given = st.floats(120, 12 * 3600)
speeds = st.floats(TYPICAL_SPEED / 64, 64 * TYPICAL_SPEED)


def work(plan):
    """Of the final training, in images of the reference network."""
    return relative_cost(Config(**plan.base)) * plan.final_epochs * PLANNED_IMAGES


def test_the_reference_is_the_unit():
    assert relative_cost(Config(**REFERENCE)) == 1.0


def test_costs_are_near_those_that_were_measured():
    """Microseconds an image on two cores without AVX-512; see ``costs.py``."""
    cases = {2332: {}, 882: {"width": 0.5}, 1912: {"batch_size": 256}, 2554: {"stem_stride": 2,
             "width": 2.0}, 849: {"stem": 0, "convolutions": 1, "residual": False}}  # fmt: skip
    for measured, changes in cases.items():
        cost = relative_cost(Config(**{**SHORT, **changes}))
        assert cost * 691 == pytest.approx(measured, rel=0.35)


def test_slowness_of_what_is_not_training():
    assert slowness_of(None) == slowness_of(10 * TYPICAL_SPEED) == 1.0
    assert slowness_of(TYPICAL_SPEED / 16) == 2.0


@given(seconds_given, speeds, st.integers(1, 4))
def test_the_final_training_fits_into_its_share(seconds, speed, jobs):
    plan = profile_for(seconds, speed, jobs=jobs)
    share = work(plan) / speed / seconds
    assert share <= 0.7 or plan.final_epochs == 1


def test_a_plan_of_minutes_counts_what_is_around_the_training():
    """Two runs of two minutes at 1,700 images a second took 6 and 5 epochs of 9 planned."""
    assert profile_for(120, 1_700).final_epochs == 6


@given(seconds_given, speeds, st.integers(1, 4))
def test_enough_trials_fit_or_the_search_is_given_back(seconds, speed, jobs):
    plan = profile_for(seconds, speed, jobs=jobs)
    if plan.max_trials is not None:
        assert plan.max_trials == 1
        return
    cost = relative_cost(Config(**plan.base))
    each = cost * plan.trial_images * plan.trial_epochs / speed * jobs**0.7
    assert FEWEST_TRIALS * each / jobs <= 0.5 * seconds


@given(seconds_given, speeds)
def test_a_network_is_only_trained_where_it_comes_to_its_end(seconds, speed):
    plan = profile_for(seconds, speed)
    fewest = {1.0: 8 if plan.base["stem_stride"] == 2 else 9, 2.0: 50}
    assert plan.final_epochs >= fewest.get(plan.base.get("width", 1.0), 1)


@given(seconds_given, st.floats(TYPICAL_SPEED / 32, 16 * TYPICAL_SPEED))
def test_it_is_work_that_counts_not_time(seconds, speed):
    one, two = profile_for(seconds, speed), profile_for(2 * seconds, speed / 2)
    assert work(one) == pytest.approx(work(two), rel=0.55)


def test_more_speed_is_a_larger_network_or_a_longer_training():
    plans = [profile_for(600, TYPICAL_SPEED * 2**step, refit=False) for step in range(-6, 7)]
    for slower, faster in itertools.pairwise(plans):
        assert work(slower) < work(faster) or faster.final_epochs == 300


def test_the_networks_of_three_machines():
    slow, fast, faster = (profile_for(600, speed) for speed in (2_000, 7_000, 90_000))
    assert slow.base == COMPACT
    assert fast.base == SHORT
    assert faster.base == LONG


def test_fields_that_are_fixed_and_a_configuration_that_is_given_count():
    cheap = profile_for(600, 7_000, settings={"width": 0.25})
    assert cheap.final_epochs > 2 * profile_for(600, 7_000).final_epochs
    mine = Config(filters_1=128, filters_2=256, filters_3=512)
    assert profile_for(600, 7_000, given=mine).final_epochs < 8


def test_without_a_limit_the_sizes_are_the_same_on_every_machine():
    assert profile_for(None, 100.0) == profile_for(None, 1e6) == profile_for(None)


@pytest.mark.parametrize("seconds", [600, 7200])
def test_the_final_training_has_its_share_beside_a_search(seconds):
    plan = profile_for(seconds, 10_000, jobs=2)
    assert plan.searched
    assert work(plan) / 10_000 / seconds > 0.65


def test_it_is_known_from_which_time_on_there_is_a_search():
    for speed in (1_500, 9_000):
        seconds = shortest_search(speed, jobs=2)
        before, after = (profile_for(s, speed, jobs=2).max_trials for s in (seconds - 60, seconds))
        assert (before, after) == (1, None)
    assert shortest_search(9_000, 2) < 600 < shortest_search(1_500, 2) < 1_800
    assert shortest_search(0.1, 2) is None


def test_a_plan_is_told_in_words():
    told = describe_profile(profile_for(600, 2_513, jobs=2), 2_513)
    assert told.startswith("2,513 images of the reference network a second: ")
    assert "given back" not in told
    short = profile_for(120, 400)
    assert "the search is given back" in describe_profile(short, 400)
    assert "fewer than the 8 that it needs: give it more time" in describe_profile(short, 400)
    assert "fewer than the 8" not in told + describe_profile(replace(short, stretch=1), 400)


def test_experiments_are_made_where_they_can_tell_something():
    base = Config(**COMPACT)
    assert experiments_fit(base, 7_000, 2, 360)
    assert not experiments_fit(base, 1_500, 2, 30)


def test_a_search_is_not_paid_for_with_a_network_of_a_third_of_the_size():
    plan = profile_for(300, 3_200, jobs=2)
    assert plan.max_trials == 1
    assert relative_cost(Config(**plan.base)) > 0.8  # where a tiny one would leave time for trials


def test_a_search_is_not_given_back_where_other_machines_help():
    for study, most in ((None, 1), ("night", None)):
        asked = Request(time_seconds=300, study=study)
        assert choose_profile(asked, 300, None, speed=900).max_trials == most


def test_no_search_makes_the_network_narrower():
    for speed in (450, 700, 900, 1_400, 9_000):
        plan = profile_for(600, speed)
        assert plan.max_trials == 1 or plan.base.get("width", 1) >= 1, speed
    assert profile_for(600, 2_800, jobs=2).max_trials is None


def test_one_trial_is_no_search_and_leaves_the_recipe_the_whole_time():
    for seconds in (600, 3600):
        searched, alone = (
            choose_profile(Request(time_seconds=seconds, trials=trials), seconds, None, speed=9_000)
            for trials in (None, 1)
        )
        assert (searched.max_trials, alone.max_trials) == (None, 1)
        work = [p.final_epochs * relative_cost(Config(**p.base)) for p in (searched, alone)]
        assert work[1] >= work[0]


def test_a_refit_and_members_take_their_part_of_the_final_training():
    hours = 8 * 3600
    alone = profile_for(hours, 0.8 * TYPICAL_SPEED, jobs=2, refit=False, members=0)
    refit = profile_for(hours, TYPICAL_SPEED, jobs=2)
    both = profile_for(hours, TYPICAL_SPEED, jobs=2, members=2, refit=True)
    assert (refit.refit, refit.members, both.members) == (True, 0, 2)
    assert not profile_for(0.6 * hours, TYPICAL_SPEED, jobs=2).refit  # too few epochs for each
    cost = relative_cost(Config(**refit.base))
    of_all = refit.final_epochs * 2.28 * 0.8
    assert of_all / 0.58 == pytest.approx(alone.final_epochs / 0.7, rel=0.02)
    assert both.final_epochs * relative_cost(Config(**both.base)) < 0.7 * refit.final_epochs * cost


def test_an_ensemble_has_the_time_that_would_not_help_the_final_network():
    counts = [profile_for(8 * 3600, TYPICAL_SPEED * 2**n).members for n in range(6)]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 4)
    assert profile_for(8 * 3600, TYPICAL_SPEED * 32, members=0).members == 0
