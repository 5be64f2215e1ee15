"""A space without the networks that a slow machine could not train to the end."""

import pytest

from fmnist.config.config import Config
from fmnist.config.spaces import CORE, EXTENDED, FULL
from fmnist.pipeline.planner.costs import relative_cost
from fmnist.pipeline.planner.profiles import COMPACT, SHORT, profile_for
from fmnist.pipeline.space_bounds import largest_config, narrow_to_cost, narrow_to_steps


def ranges(space):
    return {p.name: getattr(p, "high", None) or p.choices for p in space}


@pytest.mark.parametrize("base", [Config(**COMPACT), Config(**SHORT)])
@pytest.mark.parametrize("times", [1.2, 1.5, 2.0, 5.0])
def test_no_network_costs_more_than_the_most(base, times):
    most = times * relative_cost(base)
    space = narrow_to_cost(CORE, base, most)
    values = base.to_dict()
    assert space.contains({p.name: values[p.name] for p in space})
    largest = {**largest_config(space, base), "batch_size": min(ranges(space)["batch_size"])}
    assert relative_cost(base.replace(**largest)) <= most


def test_the_base_stays_whatever_it_costs():
    base = Config(**COMPACT)
    narrow = ranges(narrow_to_cost(CORE, base, 0.01))
    assert (narrow["filters_1"], narrow["filters_3"], narrow["batch_size"]) == (32, 128, (128, 256))


def test_where_there_is_time_nothing_is_left_out():
    assert narrow_to_cost(CORE, Config(**SHORT), 100.0) == CORE


def test_an_hour_searches_no_network_that_is_dearer_than_the_plans_own():
    hour = profile_for(3600, 7_000)
    base = Config(**hour.base)
    space = narrow_to_cost(CORE, base, hour.most_cost)
    largest = base.replace(**largest_config(space, base))
    assert relative_cost(largest) <= 1.15 * relative_cost(base)


@pytest.mark.parametrize(
    ("rate", "span"),
    [(0.004, (0.004 / 1.5, 0.006)), (0.016, (0.016 / 1.5, 0.024)), (0.2, (0.001, 0.04))],
)
def test_rates_and_batches_are_searched_near_those_of_the_plan(rate, span):
    base = Config(**SHORT).replace(learning_rate=rate)
    narrow = {p.name: p for p in narrow_to_steps(CORE, base)}
    found = narrow.pop("learning_rate")
    assert (found.low, found.high) == pytest.approx(span)
    assert narrow.pop("batch_size").choices == (128, 256)
    assert list(narrow.values()) == [
        p for p in CORE if p.name not in ("learning_rate", "batch_size")
    ]
    assert narrow_to_steps(FULL, base) == FULL  # which searches the optimiser


def test_what_is_no_size_stays_as_it_is():
    narrow = narrow_to_cost(EXTENDED, Config(**SHORT), 0.01)
    assert [p for p in narrow if p.name in ("dropout", "weight_decay", "erasing")] == [
        p for p in EXTENDED if p.name in ("dropout", "weight_decay", "erasing")
    ]
    assert {p.name for p in narrow_to_cost(FULL, Config(**SHORT), 1.0)} == {p.name for p in FULL}
