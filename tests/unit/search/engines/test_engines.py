"""One suite for every engine and each of its samplers."""

import subprocess
import sys

import pytest
from engine_bench import FILES, NONE, PAIRS, SPACE, Bench, counts
from engine_contract import EngineContract

from search.engines import open_engine
from search.records import Trial
from search.space import SpaceError

# The others keep the same contract in the slow suite.
FAST = (("optuna", "tpe"), ("optuna", "grid"), ("keras-tuner", "random"))


@pytest.fixture(
    params=[p if p in FAST else pytest.param(p, marks=pytest.mark.slow) for p in PAIRS],
    ids="-".join,
)
def bench(request, tmp_path):
    bench = Bench(tmp_path, *request.param)
    yield bench
    bench.close()


class TestEveryEngine(EngineContract):
    """On a file."""


def test_what_is_refused_leaves_no_file(bench):
    with pytest.raises(ValueError, match="pruner must be one of"):
        bench.open(pruner="x")
    assert not bench.path.exists()


def test_a_log_of_another_space_is_refused(bench):
    outside = Trial(0, "failed", {"a": 2, "x": 0.5}, None, (), 1, "", 1.0)
    with pytest.raises(SpaceError, match="trial 0 of the log searched another space"):
        bench.open(finished=[outside])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("resumed", [False, True])
def test_a_grid_is_walked_once_and_ends(tmp_path, name, jobs, resumed):
    bench = Bench(tmp_path, name, "grid")
    bench.open().enqueue({"a": 5, "x": 0.25})
    seen, running = [], []
    while (suggestion := bench.engine.ask()) is not None or running:
        if suggestion is not None:
            seen.append(tuple(suggestion.params.values()))
            running.append(suggestion)
        if suggestion is None or len(running) == jobs:
            bench.end(running.pop(len(running) // 2))
        if resumed:
            bench.open(seed=len(seen), finished=bench.log)
    assert len(seen) == len(set(seen)) == 1 + 9
    assert counts(bench.engine) == {**NONE, "complete": 10}
    bench.close()


@pytest.mark.parametrize("name", FILES)
def test_a_grid_gives_a_point_out_again_that_was_lost(tmp_path, name):
    bench = Bench(tmp_path, name, "grid")
    bench.open()
    first, second = bench.ask(2)
    bench.end(second)
    bench.close()
    bench.path.unlink()
    bench.open(finished=bench.log)
    assert bench.ask(1)[0].params == first.params
    bench.close()


def test_only_known_engines_and_samplers_are_opened(tmp_path):
    with pytest.raises(ValueError, match="engine must be one of optuna, keras-tuner, but got 'x'"):
        open_engine("x", tmp_path, SPACE)
    with pytest.raises(ValueError, match="hyperband, grid, but got 'tpe'"):
        open_engine("keras-tuner", tmp_path, SPACE, sampler="tpe")
    engine = open_engine("optuna", tmp_path, SPACE)
    assert engine.ask().number == 0
    engine.close()


@pytest.mark.parametrize(
    ("module", "libraries"), [("search.engines", set()), ("search.engines.optuna", {"optuna"})]
)
def test_an_engine_loads_only_its_own_library(module, libraries):
    heavy = {"optuna", "keras_tuner", "keras", "sklearn"}
    code = f"import sys, {module}; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == libraries
