from dataclasses import replace

import numpy as np
import optuna
import pytest
from engine_bench import SPACE as SMALL
from engine_bench import Bench
from prior_simulation import SPACE, MemoryStore, case, gains, search

from search.engines.optuna import OptunaEngine
from search.engines.prior import Prior, PriorStudy, PriorTrial, rank_trials, thin_out
from search.records import Epoch, Trial

SEEDS = 20
PRIOR = Prior(
    (PriorStudy("night", 12),),
    ({"a": 5, "x": 0.1}, {"a": 1, "x": 0.2}),
    tuple(PriorTrial({"a": 5, "x": 0.1 + n / 100}, 1 - (n + 0.5) / 12) for n in range(12)),
)


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path, "optuna", "tpe")
    yield bench
    bench.close()


def trial(number, value, state="complete", epochs=1):
    found = tuple(Epoch(e, 0.5, 1.0, value or 0.0, 1.0, 1.0) for e in range(1, epochs + 1))
    return Trial(number, state, {"x": number}, value, found, 1, "", 1.0)


@pytest.mark.slow
def test_a_helpful_prior_finds_better_ones_in_ten_trials():
    found = gains("helpful", SEEDS, trials=10)
    assert np.median(found) > 0
    assert np.mean(found) > 0.001


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["misleading", "noise"])
def test_a_misleading_prior_costs_less_than_a_tenth_of_a_point(kind):
    found = gains(kind, SEEDS, trials=10)
    assert np.median(found) > -0.0005
    assert np.mean(found) > -0.001


def test_without_a_prior_nothing_changes():
    objective, start, _ = case(0, "helpful")
    nothing = Prior((), (), ())
    with_it, without = (search(objective, start, 0, 12, p) for p in (nothing, None))
    assert with_it == without
    assert not any(t.prior for t in without)


def test_a_prior_that_lags_behind_is_asked_no_more(bench):
    prior = replace(PRIOR, best=({"a": 9, "x": 1.0}, {"a": 9, "x": 0.001}))
    engine = bench.open(SMALL, prior=prior)
    engine.enqueue({"a": 1, "x": 0.1})  # the best point of all
    assert [s.number for s in bench.run(7) if s.prior] == [1, 2]


def test_the_start_comes_first_then_the_best_then_every_third_is_our_own(bench):
    engine = bench.open(SMALL, prior=PRIOR, max_trials=None)
    engine.enqueue({"a": 9, "x": 0.9})
    found = []
    for _ in range(9):
        found.append(engine.ask())
        bench.end(found[-1], steps=1)
    assert [s.params for s in found[:3]] == [{"a": 9, "x": 0.9}, *PRIOR.best]
    # Near its best point nothing else leads, so every trial in its turn is by the prior.
    assert [s.number for s in found if not s.prior] == [0, 5, 8]


def test_what_was_by_the_prior_is_known_after_a_kill_and_in_a_study_rebuilt_from_the_log(bench):
    bench.open(SMALL, prior=PRIOR)
    first = bench.run(1)[0]
    second = bench.ask(1)[0]
    assert (first.prior, second.prior) == (True, True)
    assert bench.open(SMALL, prior=PRIOR).running() == (second,)
    bench.end(second)
    bench.log = [Trial.from_json({**t.to_json(), "prior": True}) for t in bench.log]
    bench.close()
    bench.path.unlink()
    engine = bench.open(SMALL, prior=PRIOR, finished=bench.log)
    assert all("prior" in t.user_attrs for t in engine._store.trials())
    assert engine.ask().number == 2


def test_old_trials_are_no_trials_of_the_study(bench):
    engine = bench.open(SMALL, prior=PRIOR)
    found = bench.run(5)
    assert [s.number for s in found] == list(range(5))
    assert len(engine._store.trials()) == 5


def test_the_best_is_not_tried_where_it_is_above_a_limit(bench):
    bench.open(SMALL, prior=PRIOR, accepts=lambda params: params["a"] == 1)
    assert bench.run(1)[0].params == PRIOR.best[1]


def test_only_tpe_has_a_prior():
    store = MemoryStore()
    engine = OptunaEngine(store, sampler="random", prior=case(0, "helpful")[2])
    assert not engine.ask().prior
    assert SPACE.contains(store.all[0].params)


def test_ranks_put_pruned_trials_below_complete_ones_and_leave_failures_out():
    trials = [trial(0, 0.6), trial(1, 0.9), trial(2, 0.95, "pruned"), trial(3, None, "failed")]
    ranked = [(t.number, round(rank, 3)) for t, rank in rank_trials(trials)]
    assert ranked == [(1, 0.833), (0, 0.5), (2, 0.167)]


def test_thinning_keeps_the_ends_and_the_mean():
    trials = [PriorTrial({"x": n}, (n + 0.5) / 50) for n in range(50)]
    kept = thin_out(trials, 9)
    assert (kept[0], kept[-1], len(kept)) == (trials[49], trials[0], 9)
    assert np.mean([t.rank for t in kept]) == pytest.approx(0.5, abs=0.02)
    assert thin_out(trials, 0) == thin_out([], 5) == []
