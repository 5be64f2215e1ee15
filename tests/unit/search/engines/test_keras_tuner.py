"""What only the keras-tuner engine has: its oracles, their state in one file, Hyperband."""

import json

import pytest
from engine_bench import NONE, SPACE, Bench, counts

from search.checksums import keep_checksums
from search.engines.keras_tuner_oracles import Oracle
from search.space import Float, Int, SearchSpace

# Three rounds from nine trials on: 9 of one epoch, 3 of three, 1 of nine.
ROUNDS = [1] * 9 + [3] * 3 + [9]


def make(tmp_path, sampler):
    return Bench(tmp_path, "keras-tuner", sampler)


def bracket(bench, *, reopen=False, jobs=1):
    """Runs the first bracket of Hyperband; all its suggestions."""
    bench.open(pruner="median")
    found, running = [], []
    while len(found) < len(ROUNDS):
        found += (asked := bench.ask(min(jobs, len(ROUNDS) - len(found))))
        running += asked
        if reopen:
            bench.open(epochs=9, finished=bench.log, seed=7)
            assert bench.engine.running() == tuple(running)
        while running:
            bench.end(running.pop())
    return found


def test_hyperband_says_how_long_and_goes_on_with_the_best(tmp_path):
    bench = make(tmp_path, "hyperband")
    found = bracket(bench)
    assert [s.epochs for s in found] == ROUNDS
    assert all(set(s.params) == {"a", "x"} for s in found)
    best = sorted(bench.log[:9], key=lambda t: -t.value)[:3]
    assert [s.params for s in found[9:12]] == [t.params for t in best]
    assert found[12].params == best[0].params


def test_brackets_go_on_after_reopening(tmp_path):
    for name in ("once", "often"):
        (tmp_path / name).mkdir()
    once = bracket(make(tmp_path / "once", "hyperband"))
    assert bracket(make(tmp_path / "often", "hyperband"), reopen=True) == once


def test_hyperband_fills_brackets_with_several_trials_running(tmp_path):
    bench = make(tmp_path, "hyperband")
    bracket(bench, jobs=3)
    epochs = [s.epochs for s in bench.ask(3)]
    assert set(epochs) <= {1, 3, 9}
    assert sum(len(t.params) for t in bench.log) == 2 * len(ROUNDS)


def test_a_failed_trial_does_not_hold_up_its_bracket(tmp_path):
    bench = make(tmp_path, "hyperband")
    bench.open()
    found = []
    for number in range(len(ROUNDS)):
        found += bench.ask(1)
        bench.end(found[-1], "failed" if number in (2, 4) else "complete")
    assert [s.epochs for s in found] == ROUNDS
    failed = [found[2].params, found[4].params]
    assert not [s for s in found[9:] if s.params in failed]


def test_an_enqueued_trial_stands_outside_the_brackets(tmp_path):
    bench = make(tmp_path, "hyperband")
    bench.open().enqueue({"a": 9, "x": 0.25})
    first = bench.ask(1)[0]
    assert (first.params, first.epochs) == ({"a": 9, "x": 0.25}, None)
    bench.end(first)
    assert [s.epochs for s in bench.run(len(ROUNDS))] == ROUNDS


@pytest.mark.parametrize("sampler", ["random", "bayesian", "hyperband", "grid"])
def test_everything_is_in_one_file_of_plain_json(tmp_path, sampler, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bench = make(tmp_path, sampler)
    bench.open().enqueue({"a": 9, "x": 0.25})
    for state in ("complete", "pruned", "failed"):
        bench.end(bench.ask(1)[0], state)

    def refuse(constant):
        raise AssertionError(constant)

    stored = json.loads(bench.path.read_text(), parse_constant=refuse)
    assert [row["state"] for row in stored["trials"]] == ["complete", "pruned", "failed"]
    assert [p.name for p in tmp_path.iterdir()] == ["engine.json"]
    assert capsys.readouterr().out == ""


def test_a_file_that_was_changed_is_set_aside(tmp_path):
    keep_checksums(tmp_path)
    bench = make(tmp_path, "random")
    bench.open()
    bench.run(2)
    bench.close()
    changed = bench.path.read_bytes() + b" "
    bench.path.write_bytes(changed)
    assert counts(bench.open(finished=bench.log)) == {**NONE, "complete": 2}
    assert bench.path.with_name("engine.json.damaged-1").read_bytes() == changed


def test_another_sampler_knows_what_was_tried(tmp_path):
    space = SearchSpace((Int("a", 1, 3), Int("x", 1, 2)))
    bench = make(tmp_path, "random")
    bench.open(space)
    before = [s.params for s in bench.run(3)]
    running = bench.ask(1)
    bench.sampler = "grid"
    engine = bench.open(space)
    assert engine.running() == tuple(running)
    bench.end(running[0])
    after = [s.params for s in bench.ask(2)]
    assert engine.ask() is None
    assert all(p not in after for p in [*before, running[0].params])
    assert counts(engine) == {**NONE, "complete": 4}


def test_a_random_search_ends_when_the_space_is_used_up(tmp_path):
    bench = make(tmp_path, "random")
    engine = bench.open(SearchSpace((Int("a", 1, 2), Float("x", 0.5, 0.5))))
    assert [s.params["a"] for s in sorted(bench.ask(2), key=lambda s: s.params["a"])] == [1, 2]
    assert engine.ask() is None


def test_rounding_never_leaves_the_range():
    space = SearchSpace((Int("a", 2, 300, log=True), Float("x", 1e-4, 0.1, log=True)))
    codes = Oracle("bayesian", space, 1, 1, None)._codes
    for share in (0.0, 0.5, 1.0):
        params = {name: code.decode(code.hp.prob_to_value(share)) for name, code in codes.items()}
        assert space.contains(params), params


def test_bayesian_search_learns_in_a_short_search_too():
    points = {
        trials: Oracle("bayesian", SPACE, 1, 1, trials)._oracle.num_initial_points
        for trials in (4, 10, 100)
    }
    assert points == {4: 3, 10: 5, 100: 6}
