"""Sizes are chosen anew where training costs another time than planned, and only there."""

from types import SimpleNamespace

import pytest

from fmnist.backends.parallelism import parallel_slowdown
from fmnist.pipeline.planner.planner import TimePlanner
from fmnist.pipeline.planner.revision import give_back, revise_sizes
from fmnist.pipeline.request import Request
from fmnist.pipeline.stages import confirm
from fmnist.pipeline.stages.search import _too_short, enough_to_confirm
from fmnist.runs.records.plan import RunProfile
from search.study.scheduler import Budget

EPOCH = 20.0


def a_planner(*, total=600.0, jobs=1, **sizes):
    profile = RunProfile(3_000, 3, 16, **sizes)
    planner = TimePlanner(Budget(total), profile, jobs=jobs, threads=1)
    planner.expected_epoch = EPOCH
    return planner


def revise(planner, slower, *, cost=1.0, trial=5.0, finished=1):
    epoch = slower * cost * EPOCH * parallel_slowdown(planner.jobs)
    revise_sizes(planner, [trial], scale=epoch / trial, cost=cost, finished=finished)
    return planner.plan.final_epochs


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("cost", [1.0, 1.8])
@pytest.mark.parametrize("slower", [0.85, 1.0, 1.2])
def test_what_is_about_as_planned_changes_nothing(slower, cost, jobs):
    planner = a_planner(jobs=jobs)
    assert revise(planner, slower, cost=cost) == 16
    assert not planner.decisions


@pytest.mark.parametrize(("cost", "slower", "revised"), [(1.0, 1.3, True), (0.6, 1.3, False),
                         (1.8, 0.75, False), (0.6, 1.8, True)])  # fmt: skip
def test_a_network_of_another_cost_than_the_base_says_less_of_the_machine(cost, slower, revised):
    planner = a_planner(total=6000.0)
    assert (revise(planner, slower, cost=cost) != 16) == revised


@pytest.mark.parametrize(("slower", "epochs"), [(1.6, 10), (4.0, 8), (0.5, 32), (0.01, 300)])
def test_the_final_training_keeps_its_share_of_the_time(slower, epochs):
    planner = a_planner(total=6000.0)
    assert revise(planner, slower) == epochs
    (decision,) = planner.decisions
    assert decision.stage == "search"
    assert f"{epochs} epochs of the final training in place of 16" in decision.text
    assert revise(planner, slower) == epochs  # reckoned with from now on


def test_a_plan_of_few_epochs_keeps_them_and_the_users_own_are_the_users():
    short = a_planner(total=6000.0)
    short.plan = RunProfile(3_000, 3, 5)
    assert revise(short, 3.0) == 5
    assert revise(a_planner(total=6000.0, stretch=1), 3.0) == 16


def test_a_machine_that_is_fast_again_may_train_as_many_epochs_as_before():
    planner = a_planner(total=6000.0)
    most = planner.plan.stretch * planner.plan.final_epochs
    revise(planner, 1.6)
    assert planner.plan.final_epochs < 16
    assert planner.plan.stretch * planner.plan.final_epochs == pytest.approx(most)
    revise(planner, 0.25)
    assert planner.plan.stretch * planner.plan.final_epochs > most


def test_a_search_is_given_back_after_its_first_trial_alone():
    planner = a_planner()
    revise(planner, 2.0, trial=100.0)
    assert planner.plan.max_trials == 1
    assert "given back" in planner.decisions[-1].text
    assert planner.budget.remaining() <= planner.search_reserve(2 * EPOCH, 100.0)
    later = a_planner()
    revise(later, 2.0, trial=100.0, finished=2)
    assert later.plan.max_trials is None
    cheap = a_planner()
    revise(cheap, 2.0, trial=5.0)
    assert cheap.plan.max_trials is None


def test_the_final_training_makes_room_for_enough_trials():
    planner = a_planner(total=6000.0)
    planner.plan = RunProfile(3_000, 3, 100)
    revise(planner, 1.5, trial=430.0)
    reserve = planner.search_reserve(1.5 * EPOCH, 430.0)
    assert planner.plan.searched
    assert 0.75 * 67 <= planner.plan.final_epochs < 67
    assert 7 * 430 <= planner.budget.remaining() - reserve < 7 * 430 + 1.5 * EPOCH


def test_the_record_tells_the_plan_at_the_start_and_what_is_reckoned_with_now():
    planner = a_planner(total=6000.0)
    before = planner.record
    revise(planner, 2.0)
    after = planner.record
    assert after.planned == before.planned
    assert (before.epoch_seconds, after.epoch_seconds) == (EPOCH, 2 * EPOCH)
    again = a_planner(total=6000.0)
    again.resume(after)
    assert again.expected_epoch == 2 * EPOCH


def test_without_a_measurement_nothing_is_revised():
    planner = a_planner()
    planner.expected_epoch = None
    assert revise(planner, 5.0) == 16


def test_trials_come_before_their_confirmation():
    planner = a_planner()
    usual = planner.search_reserve(EPOCH, 5.0)
    assert planner.search_reserve(EPOCH, 5.0, enough_trials=False) < usual


@pytest.mark.parametrize(
    ("complete", "pruned", "failed", "enough"),
    [(8, 0, 0, True), (7, 1, 9, False), (6, 4, 0, True), (0, 0, 30, False)],
)
def test_pruned_trials_count_half_for_a_confirmation(complete, pruned, failed, enough):
    states = ["complete"] * complete + ["pruned"] * pruned + ["failed"] * failed
    assert enough_to_confirm(states) == enough


def ended(*states, time_left=False, total=600.0, start=({"a": 1},), **asked):
    """Whether a search that ended with these trials is given back."""
    job = SimpleNamespace(
        request=Request(**asked), planner=a_planner(), budget=Budget(total), first_trials=start
    )
    log = SimpleNamespace(trials=[SimpleNamespace(state=s) for s in states])
    return _too_short(job, log, SimpleNamespace(may_start=lambda *_: time_left))


def test_a_search_that_the_time_left_too_few_trials_is_given_back():
    seven, eight = ["complete"] * 7, ["complete"] * 8
    assert ended(*seven)
    assert ended(*seven, "pruned")
    assert not ended(*eight)
    assert not ended(*seven, time_left=True)  # the space has no more
    assert not ended(*seven, total=None)
    assert not ended(*seven, start=())
    assert not ended(*seven, trials=7)
    assert not ended(*seven, trial_epochs=2)
    assert not ended(*seven, study="night")


def test_of_a_search_that_was_given_back_nothing_is_confirmed_and_the_first_trial_is_trained():
    planner = a_planner()
    give_back(planner, 5)
    assert not planner.plan.searched
    assert planner.choose_confirmation_size(5.0) == (0, 0)
    assert "5 of 8 trials" in planner.decisions[0].text
    better, start = (SimpleNamespace(params={"a": a}, epochs=(1,)) for a in (2, 1))
    log = SimpleNamespace(trials=[better, start])
    assert confirm._first(log, {"a": 1}) is start
    assert confirm._first(log, {"a": 3}) is None
