"""One suite for every engine and sampler."""

import math

import optuna
import pytest

from search.engines.optuna import SAMPLERS, OptunaEngine
from search.records import Trial
from search.space import Categorical, Float, Int, SearchSpace, SpaceError

SPACE = SearchSpace((Int("a", 1, 9, step=4), Float("x", 0.001, 1.0, log=True)))


@pytest.fixture(params=SAMPLERS)
def make(request, tmp_path):
    opened = []

    def build(space=SPACE, **options):
        options = {"sampler": request.param, "seed": 1, **options}
        opened.append(OptunaEngine(tmp_path / "study.db", space, **options))
        return opened[-1]

    yield build
    for engine in opened:
        engine.close()


def finish(engine, n, value=lambda params: params["x"]):
    found = []
    for _ in range(n):
        suggestion = engine.ask()
        engine.report(suggestion.number, 1, value(suggestion.params))
        engine.tell(suggestion.number, "complete", value(suggestion.params))
        found.append(suggestion)
    return found


def test_suggestions_lie_in_the_space_and_are_numbered(make):
    found = finish(make(), 6)
    assert [s.number for s in found] == list(range(6))
    assert all(SPACE.contains(s.params) for s in found)


def test_the_same_seed_suggests_the_same(make, tmp_path):
    first = [s.params for s in finish(make(), 4)]
    (tmp_path / "study.db").rename(tmp_path / "first.db")
    assert [s.params for s in finish(make(), 4)] == first


def test_a_reopened_study_goes_on_with_other_points(make):
    before = [s.params for s in finish(make(), 4)]
    engine = make()
    assert engine.counts()["complete"] == 4
    after = finish(engine, 4)
    assert [s.number for s in after] == [4, 5, 6, 7]
    assert not [s for s in after if s.params in before]


def test_a_trial_left_running_is_failed_and_tried_again(make):
    lost = make(sampler="random").ask()
    engine = make(sampler="random")
    assert engine.counts()["failed"] == 1
    again = engine.ask()
    assert (again.number, again.params) == (1, lost.params)


def test_a_trial_recorded_but_not_told_is_told_on_reopening(make):
    lost = make().ask()
    record = Trial(lost.number, "complete", lost.params, 0.5, (), 1, "", 1.0)
    assert make(finished=[record]).counts() == {"complete": 1, "pruned": 0, "failed": 0}


def test_states_are_counted(make):
    engine = make()
    for state, value in (("complete", 0.5), ("pruned", 0.1), ("failed", None)):
        suggestion = engine.ask()
        engine.report(suggestion.number, 1, 0.5)
        engine.tell(suggestion.number, state, value)
    assert engine.counts() == {"complete": 1, "pruned": 1, "failed": 1}


@pytest.mark.parametrize("value", [None, math.inf, math.nan])
def test_a_complete_trial_needs_a_finite_value(make, value):
    engine = make()
    with pytest.raises(ValueError, match="needs a finite value"):
        engine.tell(engine.ask().number, "complete", value)


def test_enqueued_parameters_come_first(make):
    engine = make(sampler="tpe")
    engine.enqueue({"a": 9, "x": 0.5})
    assert engine.ask().params == {"a": 9, "x": 0.5}
    with pytest.raises(SpaceError, match="not inside the search space"):
        engine.enqueue({"a": 9, "x": 5.0})


def test_a_changed_space_is_refused_with_the_difference(make):
    make()
    with pytest.raises(SpaceError, match=r"x: .*high=1.0.* -> .*high=2.0"):
        make(SearchSpace((Int("a", 1, 9, step=4), Float("x", 0.001, 2.0, log=True))))


def test_a_hopeless_trial_is_pruned_unless_pruning_is_off(tmp_path):
    for prune, expected in ((True, False), (False, True)):
        engine = OptunaEngine(tmp_path / f"{prune}.db", SPACE, prune=prune)
        for _ in range(5):
            number = engine.ask().number
            assert [engine.report(number, step, 0.9) for step in (1, 2, 3)] == [True] * 3
            engine.tell(number, "complete", 0.9)
        number = engine.ask().number
        assert engine.report(number, 1, 0.1)
        assert engine.report(number, 2, 0.1) is expected
        engine.close()


def test_a_grid_is_walked_once_and_ends(tmp_path):
    engine = OptunaEngine(tmp_path / "s.db", SPACE, sampler="grid")
    seen = []
    while (suggestion := engine.ask()) is not None:
        seen.append(tuple(suggestion.params.values()))
        engine.tell(suggestion.number, "complete", 0.5)
    assert len(seen) == len(set(seen)) == 9
    assert engine.counts()["complete"] == 9
    engine.close()


def test_cma_es_says_that_categories_have_no_order(tmp_path):
    space = SearchSpace((Float("x", 0, 1), Categorical("c", ("u", "v"))))
    with pytest.warns(UserWarning, match="CMA-ES samples c at random"):
        OptunaEngine(tmp_path / "s.db", space, sampler="cmaes").close()


def test_the_study_is_a_plain_optuna_study(make, tmp_path):
    finish(make(), 3)
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/study.db")
    study = optuna.load_study(study_name="study", storage=storage)
    assert len(study.trials) == 3
    assert study.best_value == max(t.value for t in study.trials)
    storage.remove_session()
    storage.engine.dispose()
