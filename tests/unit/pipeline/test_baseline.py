"""How large the dense baseline is, and when there is none."""

from types import SimpleNamespace

import pytest

from fmnist.config.config import Config
from fmnist.models.size import size_of
from fmnist.pipeline.planner.planner import TimePlanner
from fmnist.pipeline.planner.profiles import COMPACT, LONG, SHORT, profile_for
from fmnist.pipeline.planner.sizing import dense_config, plan_baseline
from fmnist.pipeline.planner.workload import PostSearchWorkload
from fmnist.pipeline.stages import baseline
from search.study.scheduler import Budget


@pytest.mark.parametrize("base", [COMPACT, SHORT, LONG])
@pytest.mark.parametrize("classes", [10, 47])
def test_it_has_as_many_parameters(base, classes):
    config = Config(**base)
    dense = dense_config(config, classes, 20)
    assert not dense.filters
    wanted = size_of(config, classes).parameters
    assert size_of(dense, classes).parameters == pytest.approx(wanted, rel=0.01)


def seconds(total, speed=1000.0, base=COMPACT):
    return plan_baseline(Config(**base), 10, 54_000, speed, total)[1]


def test_it_is_trained_only_where_it_takes_little_of_the_time():
    assert seconds(600.0) == 0
    assert 0 < seconds(3600.0) <= 0.03 * 3600
    assert seconds(600.0, speed=20_000.0) > 0


def test_it_has_as_many_epochs_as_fit():
    plans = [plan_baseline(Config(**SHORT), 10, 54_000, 5000.0, 60.0 * m) for m in (10, 20, 60)]
    assert [epochs for epochs, _ in plans] == [0, 10, 40]
    start = seconds(3600.0, speed=1e9)  # of a process
    ten, forty = (planned[1] - start for planned in plans[1:])
    assert forty == pytest.approx(4 * ten, abs=1)


def test_there_is_none_without_a_limit_nor_beside_a_dense_network():
    assert seconds(None) == 0
    assert seconds(36_000.0, base={**COMPACT, "whitening": False, "stages": 0}) == 0


def test_the_plan_keeps_its_time():
    plan = TimePlanner(Budget(3600.0), profile_for(3600.0))
    without, refit = plan.post_search_seconds(), plan.refit_reserve()
    plan.workload = PostSearchWorkload(baseline=60.0)
    assert plan.post_search_seconds() == pytest.approx(without + 60, rel=1e-3)
    assert plan.refit_reserve() == pytest.approx(refit + 60, rel=1e-3)
    assert plan.post_baseline_seconds() == pytest.approx(without, rel=1e-3)
    stages = [part.stage for part in plan.planned]
    assert stages.index("retrain") < stages.index("baseline") < stages.index("evaluate")
    assert sum(part.seconds for part in plan.planned) == pytest.approx(3600, abs=1)


def test_the_time_that_is_kept_for_it_is_enough_to_begin():
    fits = []
    job = SimpleNamespace(
        planner=SimpleNamespace(
            workload=SimpleNamespace(baseline=26.0), post_baseline_seconds=lambda: 60.0
        ),
        budget=SimpleNamespace(remaining=lambda: 86.0),
        workers=SimpleNamespace(close=lambda: None),
    )
    training = SimpleNamespace(
        begun=True, run=lambda plan, epochs, **_: fits.append(plan.may_start({}, epochs))
    )
    baseline._train(job, training, 10)
    assert fits == [True]
