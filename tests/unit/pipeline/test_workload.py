"""What refit, ensemble and further views cost, and how the night pays for them."""

import pytest

from fmnist.backends.parallelism import parallel_slowdown
from fmnist.config.config import Config
from fmnist.pipeline.planner.planner import TimePlanner
from fmnist.pipeline.planner.profiles import profile_for
from fmnist.pipeline.planner.sizing import choose_workload
from fmnist.pipeline.planner.workload import PostSearchWorkload
from fmnist.pipeline.request import Request
from search.space import Categorical, Int, SearchSpace
from search.study.scheduler import Budget

FLIP, SHIFT = Categorical("test_time_flip", (False, True)), Int("test_time_shift", 0, 1)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def planner(total, workload=PostSearchWorkload(), *, at=0.0, jobs=1):  # noqa: B008 - it is frozen
    clock = Clock()
    budget = Budget(total, clock=clock)
    clock.now = at
    return TimePlanner(budget, profile_for(total), jobs=jobs, workload=workload)


def test_the_retraining_alone_is_the_measure():
    assert PostSearchWorkload().cost_by_stage(4) == {"retrain": 1.0}
    assert PostSearchWorkload().relative_cost(4) == 1.0
    assert PostSearchWorkload().prediction_seconds(100.0) == 0.0


def test_a_refit_costs_more_than_the_retraining():
    parts = PostSearchWorkload(refit=True).cost_by_stage(1)
    assert list(parts) == ["retrain", "refit"]
    assert 1 < parts["refit"] < 1.5


@pytest.mark.parametrize(("members", "jobs", "waves"), [(1, 1, 1), (3, 1, 3), (3, 2, 2), (1, 4, 1)])
def test_members_are_trained_in_waves(members, jobs, waves):
    one = PostSearchWorkload(members=1).cost_by_stage(1)["ensemble"]
    at_once = min(jobs, members)
    expected = one * waves * parallel_slowdown(at_once)
    assert PostSearchWorkload(members=members).cost_by_stage(jobs)["ensemble"] == pytest.approx(
        expected
    )


def test_members_of_a_refit_learn_all_images_too():
    assert (
        PostSearchWorkload(True, 1).cost_by_stage(1)["ensemble"]
        > PostSearchWorkload(False, 1).cost_by_stage(1)["ensemble"]
    )


def test_each_view_is_another_prediction():
    one, six = (PostSearchWorkload(members=3, views=n) for n in (1, 6))
    assert six.prediction_seconds(10.0) > 6 * one.prediction_seconds(10.0) > 0


@pytest.mark.parametrize(
    ("searched", "views"), [((), 1), ((FLIP,), 2), ((SHIFT,), 3), ((FLIP, SHIFT), 6)]
)
def test_views_that_are_searched_have_time_kept_for_them(searched, views):
    base = Config(test_time_flip=False)
    space = SearchSpace(searched) if searched else None
    work = choose_workload(Request(), profile_for(600), base, space)
    assert work.views == views


@pytest.mark.parametrize("total", [600, 3600, 28_800])
@pytest.mark.parametrize(
    "workload",
    [PostSearchWorkload(True), PostSearchWorkload(True, 9, True), PostSearchWorkload(members=4)],
)
def test_what_comes_on_top_leaves_the_search_its_time(total, workload):
    plan = planner(total, workload, jobs=2)
    assert plan.search_reserve(total / 500, total / 500) < 0.8 * total
    assert plan.search_reserve(total / 500, total / 500) >= planner(total, jobs=2).search_reserve(
        total / 500, total / 500
    )
    assert plan.post_search_seconds() <= 0.25 * total


def test_the_retraining_shares_its_time_with_what_follows():
    alone = planner(600, at=300.0).final_epochs(10.0, 0)
    refit = planner(600, PostSearchWorkload(True), at=300.0).final_epochs(10.0, 0)
    both = planner(600, PostSearchWorkload(True, 2), at=300.0).final_epochs(10.0, 0)
    assert 1 <= both < refit < alone
    left = planner(600, at=300.0).budget.remaining() - planner(600).post_search_seconds()
    assert refit * PostSearchWorkload(True).relative_cost(1) * 10.0 <= left


def test_epochs_behind_it_count_for_what_follows_too():
    """Going on never plans fewer epochs than the members will be given time for."""
    workload, done = PostSearchWorkload(members=1), 6
    plan = planner(600, workload, at=300.0)
    remaining = plan.final_epochs(10.0, done)
    left = plan.budget.remaining() - plan.post_search_seconds()
    member = workload.cost_by_stage(1)["ensemble"] * (done + remaining) * 10.0
    assert remaining * 10.0 + member <= left


def test_a_refit_that_does_not_fit_is_left_out_and_that_is_noted():
    plan = planner(600, PostSearchWorkload(True), at=400.0)
    assert plan.refit_fits(5, 10.0)
    assert plan.decisions == []
    assert not plan.refit_fits(50, 10.0)
    assert plan.decisions[-1].stage == "refit"
    assert plan.decisions[-1].text.startswith("left out: 50 epochs of about 10 s do not fit")
    assert planner(None, PostSearchWorkload(True)).refit_fits(10**6, 10.0)


def test_the_refit_leaves_evaluation_and_report_the_seconds_they_are_expected_to_take():
    """Simulated nights whose refit took of them were late by seconds; none gained a refit."""
    plan = planner(600, PostSearchWorkload(True))
    assert plan.refit_reserve() == plan.reporting_seconds()


def test_the_plan_names_the_stages_that_there_will_be():
    planned = {p.stage: p.seconds for p in planner(28_800, PostSearchWorkload(True, 2)).planned}
    assert list(planned)[:5] == ["search", "confirm", "retrain", "refit", "ensemble"]
    assert sum(planned.values()) == pytest.approx(28_800, abs=1)
    assert planned["ensemble"] > planned["refit"] > planned["retrain"]


# ---- experiments ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "share"), [(600, 0.05), (2100, 0.075), (3600, 0.1), (28_800, 0.1), (300, 0.0)]
)
def test_experiments_have_their_share(total, share):
    found = PostSearchWorkload(experiments=True)
    assert found.ablation_seconds(total) == pytest.approx(share * total)
    assert PostSearchWorkload().ablation_seconds(total) == found.ablation_seconds(None) == 0.0


@pytest.mark.parametrize("total", [600, 3600, 28_800])
def test_the_night_keeps_the_time_of_the_experiments_until_they_begin(total):
    workload = PostSearchWorkload(experiments=True)
    seconds = workload.ablation_seconds(total)
    plain, with_them = planner(total), planner(total, workload)
    assert with_them.post_search_seconds() == pytest.approx(plain.post_search_seconds() + seconds)
    assert with_them.min_post_search_seconds() == pytest.approx(
        plain.min_post_search_seconds() + seconds
    )
    assert with_them.final_reserve(1) == with_them.post_search_seconds()
    assert with_them.reporting_seconds() == plain.post_search_seconds()
    assert with_them.refit_reserve() == plain.refit_reserve()  # it goes before them


def test_the_plan_shows_the_experiments_before_the_report():
    planned = planner(3600, PostSearchWorkload(experiments=True)).planned
    assert [p.stage for p in planned][-4:] == ["explain", "gallery", "experiments", "report"]
    assert sum(p.seconds for p in planned) == pytest.approx(3600, abs=1)
