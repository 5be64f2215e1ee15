from hypothesis import given
from hypothesis import strategies as st

from search.budget import Budget, SearchPlan


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_budget_counts_from_its_start_and_earlier_sessions():
    clock = Clock()
    budget = Budget(60, used=10, clock=clock)
    clock.now += 5
    assert budget.elapsed() == 15
    assert budget.remaining() == 45


def test_without_a_limit_there_is_always_time():
    plan = SearchPlan(Budget(None, clock=Clock()), reserve=lambda: 1e9)
    plan.finished(1.0, 1e9)
    assert plan.fits_another()


def test_the_first_trial_needs_only_some_time():
    clock = Clock()
    plan = SearchPlan(Budget(60, clock=clock), reserve=lambda: 50)
    assert plan.fits_another()
    clock.now += 10
    assert not plan.fits_another()


def test_a_pruned_trial_counts_at_its_full_length():
    plan = SearchPlan(Budget(60, clock=Clock()))
    plan.finished(0.25, 15.0)
    assert not plan.fits_another()


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=30), st.floats(1, 5000))
def test_most_trials_seen_would_fit_when_another_may_start(seconds, left):
    plan = SearchPlan(Budget(left, clock=Clock()))
    for s in seconds:
        plan.finished(1.0, s)
    if plan.fits_another():
        assert sum(s < left for s in seconds) >= 0.5 * len(seconds)
