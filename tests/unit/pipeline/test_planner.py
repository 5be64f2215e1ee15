import itertools
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmnist.config.config import Config
from fmnist.pipeline.planner.costs import relative_cost
from fmnist.pipeline.planner.planner import TimePlanner
from fmnist.pipeline.planner.profiles import profile_for
from fmnist.runs.artifacts import PLAN
from fmnist.runs.codec import decode, encode
from fmnist.runs.records.plan import Decision, RunProfile
from search.study.scheduler import Budget

TOTALS = [60, 600, 3600, 28_800]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def planner(total, *, at=0.0, slowness=1.0, **options):
    clock = Clock()
    budget = Budget(total, clock=clock)
    clock.now = at
    options.setdefault("rendering", slowness / 2)  # of the machine that was measured
    return TimePlanner(budget, sizes(total), slowness, **options)


def sizes(total):
    """Sizes of these tests: what they say of the split holds whatever ``profile_for`` says."""
    if total is None or total <= 1800:
        return RunProfile(18_000, 4, 16)
    return RunProfile(30_000, 6, 24) if total <= 7200 else RunProfile(54_000, 10, 36)


# ---- sizes ------------------------------------------------------------------------------------


def test_longer_runs_afford_larger_trials():
    plans = [profile_for(s) for s in (60, 600, 3600, 8 * 3600)]
    for smaller, larger in itertools.pairwise(plans):
        seen = [plan.trial_images * plan.trial_epochs for plan in (smaller, larger)]
        assert seen[0] < seen[1]
        assert smaller.trial_epochs < larger.trial_epochs
        work = [p.final_epochs * relative_cost(Config(**p.base)) for p in (smaller, larger)]
        assert work[0] < work[1]


# ---- what is kept back ----------------------------------------------------------------------


@pytest.mark.parametrize("total", TOTALS)
@pytest.mark.parametrize("slowness", [0.1, 1.0, 8.0])
def test_the_tail_is_bounded(total, slowness):
    tail = planner(total, slowness=slowness).post_search_seconds()
    assert 0 < tail <= 0.45 * total
    assert tail <= 55 * max(0.5, slowness)


def test_where_typesetting_is_fast_less_is_kept_for_the_report():
    usual, fast = (planner(600, rendering=r) for r in (0.5, 0.3))
    spared = usual.post_search_seconds() - fast.post_search_seconds()
    assert spared == pytest.approx(10)
    assert usual.min_post_search_seconds() - fast.min_post_search_seconds() == pytest.approx(11)


def test_nothing_negative_is_kept_where_a_clock_jumped_past_the_deadline_before_a_resume():
    plan = planner(600)
    plan.budget.total = -17_000.0
    kept = (plan.test_curve_seconds(), plan.post_search_seconds(), plan.refit_reserve())
    assert kept == (0, 0, 0)
    assert all(stage.seconds >= 0 for stage in plan.planned)


@pytest.mark.parametrize("total", TOTALS)
@pytest.mark.parametrize("epoch", [None, 0.1, 20.0, 1000.0])
@pytest.mark.parametrize("jobs", [1, 4])
def test_a_part_of_the_time_stays_for_the_search(total, epoch, jobs):
    reserve = planner(total, jobs=jobs).search_reserve(epoch, epoch)
    assert reserve < 0.95 * total
    if epoch is None or epoch < 0.02 * total:
        assert reserve < 0.75 * total


def test_the_reserve_follows_what_is_known():
    plan = planner(28_800)
    before = plan.search_reserve()
    known = plan.search_reserve(17.0, 110.0)
    # 36 epochs; 25 runs of 110 s are less than 10 % of the time.
    assert known == pytest.approx(36 * 17 + plan.post_search_seconds() + 1.1 * 25 * 110)
    assert before > 36 * 17 + plan.post_search_seconds()
    assert plan.search_reserve() == known  # stays known
    assert plan.confirm_reserve() == pytest.approx(0.75 * 36 * 17 + plan.post_search_seconds())
    assert plan.final_reserve(1) == plan.post_search_seconds()


def test_before_the_first_trial_the_measured_speed_says_what_an_epoch_takes():
    plan = planner(3600)
    plan.expected_epoch = 20.0
    assert plan.search_reserve() == pytest.approx(24 * 20 + plan.post_search_seconds())


def test_what_trials_find_cheaper_is_for_more_final_epochs():
    plan = planner(3600)
    plan.expected_epoch = 20.0
    assert plan.plan.stretch == 1.5
    for found, kept in ((24.0, 24 * 24), (16.0, 24 * 20), (10.0, 24 * 1.5 * 10)):
        again = plan.search_reserve(found)
        assert again == pytest.approx(kept + plan.post_search_seconds())


def test_trials_are_expected_by_what_one_should_take():
    plan = planner(3600)
    plan.expected_epoch = 20.0
    one, search = 30_000 * 6 / 54_000 * 20 + 3, plan.planned[0].seconds
    assert plan.expected_trials == int(search / one) > 20
    plan.plan = replace(plan.plan, max_trials=1)
    assert plan.expected_trials == 1


def test_a_search_that_is_given_back_leaves_its_time_to_the_final_training():
    plan = planner(600)
    plan.expected_epoch = 20.0
    searched = {p.stage: p.seconds for p in plan.planned}
    plan.plan = replace(plan.plan, max_trials=1)
    back = {p.stage: p.seconds for p in plan.planned}
    assert back["confirm"] == 0.0
    assert back["search"] < 0.3 * searched["search"]
    assert back["retrain"] > 1.5 * searched["retrain"]
    assert sum(back.values()) == pytest.approx(600, abs=1)
    assert plan.choose_confirmation_size(1.0) == (0, 0)
    assert plan.decisions[-1].text.startswith("skipped: with one trial")


def test_one_epoch_of_the_retraining_is_made_at_any_price():
    assert planner(600).final_reserve(0) == -math.inf


def test_a_first_epoch_of_a_trial_is_made_at_any_price():
    plan = planner(600, at=5000.0)
    assert 0 < plan.budget.remaining() - plan.search_reserve() < 0.1
    assert plan.budget.remaining() - plan.search_reserve(20.0, 30.0) < 0


def test_alone_the_retraining_is_faster():
    one, two = planner(28_800), planner(28_800, jobs=2)
    assert two.confirm_reserve(32.0) == pytest.approx(one.confirm_reserve(20.0), rel=0.02)


def test_a_confirmation_that_is_not_wanted_costs_nothing():
    kept, not_kept = planner(3600), planner(3600, confirm=False)
    assert kept.search_reserve(10.0, 20.0) > not_kept.search_reserve(10.0, 20.0)
    assert not_kept.search_reserve(10.0, 20.0) == pytest.approx(
        24 * 10 + not_kept.post_search_seconds()
    )


def test_the_curve_ends_before_the_report_is_in_danger():
    plan = planner(600)
    assert 15 < plan.min_post_search_seconds() < plan.post_search_seconds()


# ---- confirmation -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "jobs", "cost", "size"),
    [
        (600, 1, 25.0, (2, 2)),
        (600, 1, 80.0, (0, 0)),
        (600, 4, 80.0, (2, 2)),
        (600, 1, 10.0, (3, 2)),
        (3600, 1, 80.0, (2, 2)),
        (28_800, 1, 200.0, (4, 3)),
        (28_800, 1, 110.0, (5, 5)),
        (28_800, 4, 400.0, (5, 5)),
    ],
)
def test_the_confirmation_takes_its_share(total, jobs, cost, size):
    plan = planner(total, jobs=jobs)
    plan.budget.clock.now = total - plan.search_reserve(total / 100, cost)
    assert plan.choose_confirmation_size(cost) == size
    assert plan.decisions[-1].stage == "confirm"


def test_without_a_limit_the_confirmation_has_a_size():
    assert planner(None).choose_confirmation_size(1e9) == (3, 2)


@pytest.mark.parametrize("at", [550.0, 700.0])
def test_no_time_no_confirmation(at):
    plan = planner(600, at=at)
    assert plan.choose_confirmation_size(20.0) == (0, 0)
    assert plan.decisions[-1].text.startswith("skipped: four runs of 20 s do not fit")


def test_a_confirmation_takes_a_little_of_the_retraining_rather_than_not_be():
    plan = planner(3600, at=1000.0)
    plan.confirm_reserve(57.0)  # of an epoch
    left = plan.budget.remaining() - plan.post_search_seconds() - plan._retraining()
    assert plan.choose_confirmation_size(left / 3.5) == (2, 2)
    assert plan.choose_confirmation_size(left / 1.5) == (0, 0)


def test_what_the_search_left_over_the_confirmation_may_use():
    plan = planner(3600, at=600.0)  # the space was exhausted
    plan.confirm_reserve(10.0)
    assert plan.choose_confirmation_size(80.0) == (5, 5)


@given(st.floats(60, 1e5), st.floats(0, 1.2), st.floats(0.1, 1e4), st.integers(1, 4))
def test_a_confirmation_fits_into_what_is_left(total, spent, cost, jobs):
    plan = planner(total, at=spent * total, jobs=jobs)
    k, seeds = plan.choose_confirmation_size(cost)
    left = plan.budget.remaining() - plan.post_search_seconds()
    assert (k, seeds) == (0, 0) or math.ceil(k * seeds / jobs) * cost <= left
    assert k <= 5
    assert seeds in (0, 2, 3, 5)


# ---- retraining -------------------------------------------------------------------------------


def retrained(total, at, epochs, promised=20.0):
    """Epochs made where they take ``epochs`` seconds one after the other; and the night."""
    plan = planner(total, at=at)
    plan.final_epochs(promised, 0)
    for done, seconds in enumerate(itertools.cycle(epochs), start=1):
        plan.budget.clock.now += seconds
        if plan.final_epochs(seconds, done) == 0:
            return done, plan
    raise AssertionError


def test_as_many_epochs_as_fit():
    done, plan = retrained(600, 250.0, [20.0])
    assert done == 15
    assert 0 <= plan.budget.remaining() - plan.post_search_seconds() < 20


def test_time_left_over_stretches_the_retraining_up_to_a_cap():
    done, plan = retrained(600, 250.0, [5.0])
    assert done == 24
    plan = planner(600)
    plan.plan = replace(plan.plan, stretch=1)  # sixteen were asked for
    assert plan.final_epochs(1.0, 0) == 16


@pytest.mark.parametrize("epochs", [[20.0], [20.0, 42.0], [15.0, 15.0, 21.0, 42.0], [50.0], [7.0]])
@pytest.mark.parametrize("at", [200.0, 350.0, 450.0])
def test_what_needs_the_tail_is_kept_whatever_the_pace(epochs, at):
    _, plan = retrained(600, at, epochs)
    assert plan.budget.remaining() > plan.post_search_seconds() - max(epochs)


def test_an_epoch_is_made_though_there_is_no_time():
    assert planner(600, at=5000.0).final_epochs(20.0, 0) == 1
    assert planner(600, at=5000.0).final_epochs(20.0, 1) == 0


def test_without_a_limit_the_planned_epochs_are_made():
    plan = planner(None)
    assert [plan.final_epochs(1e6, done) for done in (0, 1, 16, 17)] == [16, 15, 0, 0]


def test_after_a_restart_the_latest_epoch_tells_the_pace():
    assert planner(600, at=400.0).final_epochs(10.0, 8) == 15


# ---- the account ------------------------------------------------------------------------------


def test_the_account_of_a_night():
    deadline = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
    plan = planner(600, jobs=2, threads=1, deadline=deadline)
    plan.budget.clock.now = 12.34
    plan.note("search", "began")
    record = decode(PLAN, encode(PLAN, plan.record).encode())
    assert record.deadline == "2026-11-22T07:00:00+00:00"
    assert record.budget_seconds == 600
    assert record.sizes == plan.plan
    assert (record.jobs, record.threads) == (2, 1)
    assert plan.describe_parallelism() == "2 trials at once, with 1 thread each"
    plan.set_parallelism(1, 8)
    assert (plan.record.jobs, plan.record.threads) == (1, 8)
    assert plan.describe_parallelism() == "one trial at a time, with 8 threads"
    stages = [p.stage for p in record.planned]
    assert stages == ["search", "confirm", "retrain", "evaluate", "explain", "gallery", "report"]
    assert sum(p.seconds for p in record.planned) == pytest.approx(600, abs=1)
    assert all(p.seconds > 0 for p in record.planned)
    (decision,) = record.decisions
    assert datetime.fromisoformat(decision.at).tzinfo is not None
    assert decision == Decision(decision.at, 12.3, "search", "began")


def test_a_night_goes_on_from_its_account():
    first = planner(600)
    first.note("search", "began")
    second = planner(600, at=100.0, slowness=2.0)
    second.note("search", "went on")
    second.resume(first.record)
    assert second.planned == first.planned
    assert [d.text for d in second.decisions] == ["began", "went on"]


def test_without_a_limit_nothing_is_planned():
    record = planner(None).record
    assert (record.deadline, record.budget_seconds, record.planned) == (None, None, ())


def test_what_trials_promised_in_a_slow_spell_is_forgotten_once_there_are_epochs():
    plan = planner(600, at=250.0)
    found = [plan.final_epochs(40.0, 0)]
    for done in (1, 2, 3):
        plan.budget.clock.now += 15.0
        found.append(done + plan.final_epochs(15.0, done))
    assert found == sorted(found)
    left = plan.budget.remaining() - plan.post_search_seconds()
    assert found[-1] - 3 == left // 15.0


def test_changes_of_the_retraining_are_noted_but_not_every_one():
    _, plan = retrained(600, 250.0, [19.0, 21.0, 20.0, 21.0, 42.0])
    notes = [d.text for d in plan.decisions if d.stage == "retrain"]
    assert 2 <= len(notes) <= 3
    assert notes[0].endswith("epochs of about 20 s fit; 16 planned")


def test_of_a_dearer_winner_fewer_epochs_are_planned():
    plan, resumed = planner(600), planner(600)
    plan.winner_cost = 2.0
    resumed.resume(plan.record)
    assert resumed.record.winner_epochs == round(plan.plan.final_epochs / 2)
    resumed.plan = replace(plan.plan, stretch=1)  # the user chose the epochs
    assert resumed.record.winner_epochs == plan.plan.final_epochs
