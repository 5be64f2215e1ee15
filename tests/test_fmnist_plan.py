import itertools

import pytest

from fmnist.errors import UserError
from fmnist.plan import Reserve, parse_duration, plan_for


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("8h", 28_800), ("1h30m", 5400), ("1.5h", 5400)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m10", "10 m", "ten", "10d", "-5m", "10m!"])
def test_other_forms_are_refused(text):
    with pytest.raises(UserError, match="expected a duration such as 90s, 10m, 8h or 1h30m"):
        parse_duration(text)


def test_less_than_a_minute_is_too_little():
    with pytest.raises(UserError, match="--time 30s: at least 1m"):
        parse_duration("30s")


def test_longer_runs_afford_larger_trials():
    plans = [plan_for(s) for s in (60, 600, 3600, 8 * 3600)]
    for smaller, larger in itertools.pairwise(plans):
        assert smaller.trial_images < larger.trial_images
        assert smaller.trial_epochs < larger.trial_epochs
        assert smaller.final_epochs < larger.final_epochs


@pytest.mark.parametrize("total", [60, 600, 28_800])
def test_a_part_of_the_time_stays_for_the_search(total):
    reserve = Reserve(total)
    kept = reserve.tail() + reserve.retraining(float("inf"))
    assert 0.4 * total < total - kept
    assert reserve.retraining(1.0) == 1.0
