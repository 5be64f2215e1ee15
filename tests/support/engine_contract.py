"""What holds for every engine: tests over a fixture ``bench`` of the module that inherits them."""

import json
import math

import pytest
from engine_bench import NONE, SPACE, counts

from search.engines import PRUNERS
from search.space import Categorical, Float, Int, SearchSpace, SpaceError

WIDE = SearchSpace(
    (
        Int("plain", 1, 3),
        Int("step", 16, 64, step=16),
        Int("log", 2, 300, log=True),
        Int("one", 5, 5),
        Float("line", -1, 1),
        Float("lograte", 1e-4, 0.1, log=True),
        Float("fixed", 0.5, 0.5),
        Categorical("flag", (True, False)),
        Categorical("mixed", ("adam", 1, 1.5, False)),
    )
)


class EngineContract:
    """On a file of one process and on a database of many workers alike."""

    def test_suggestions_lie_in_the_space_and_are_numbered(self, bench):
        bench.open()
        found = bench.run(8)
        assert [s.number for s in found] == list(range(8))
        assert all(SPACE.contains(s.params) for s in found)

    @pytest.mark.filterwarnings("ignore:CMA-ES samples")
    def test_every_kind_of_parameter_keeps_its_type_and_range(self, bench):
        engine = bench.open(WIDE)
        for number in range(8):
            params = engine.ask().params
            assert WIDE.contains(params), params
            assert json.loads(json.dumps(params)) == params
            engine.tell(number, "complete", params["line"])

    def test_the_same_seed_suggests_the_same(self, bench):
        bench.open()
        first = bench.run(7)
        bench.close()
        bench.path.rename(bench.folder / "first")
        bench.open()
        assert bench.run(7) == first

    def test_a_reopened_study_goes_on_with_other_points(self, bench):
        bench.open()
        before = [s.params for s in bench.run(4)]
        assert counts(bench.open()) == {**NONE, "complete": 4}
        after = bench.run(4)
        assert [s.number for s in after] == [4, 5, 6, 7]
        assert not [s for s in after if s.params in before]

    def test_several_trials_run_at_once_and_end_in_any_order(self, bench):
        bench.open()
        found = bench.ask(4)
        assert len({tuple(s.params.values()) for s in found}) == 4
        assert bench.engine.running() == tuple(found)
        for suggestion in (found[2], found[0], found[3]):
            bench.end(suggestion)
        assert [s.number for s in bench.ask(2)] == [4, 5]
        assert [s.number for s in bench.engine.running()] == [1, 4, 5]

    def test_states_are_counted(self, bench):
        bench.open()
        for state in ("complete", "pruned", "failed"):
            bench.end(bench.ask(1)[0], state)
        assert counts(bench.engine) == {"complete": 1, "pruned": 1, "failed": 1}
        assert counts(bench.open()) == {"complete": 1, "pruned": 1, "failed": 1}
        assert bench.ask(1)[0].number == 3

    @pytest.mark.parametrize("value", [None, math.inf, math.nan])
    def test_a_complete_trial_needs_a_finite_value(self, bench, value):
        number = bench.open().ask().number
        with pytest.raises(ValueError, match="needs a finite value"):
            bench.engine.tell(number, "complete", value)
        bench.engine.tell(number, "complete", 0.5)

    def test_only_a_running_trial_is_told_of(self, bench):
        bench.open()
        bench.run(1)
        for number in (0, 1):
            with pytest.raises(KeyError, match=f"trial {number} does not run"):
                bench.engine.tell(number, "complete", 0.5)

    def test_enqueued_parameters_come_first_and_once(self, bench):
        given = {"a": 9, "x": 0.25}
        bench.open().enqueue(given)
        bench.engine.enqueue(given)
        engine = bench.open()
        assert engine.ask().params == given
        engine.enqueue(given)
        assert engine.ask().params != given
        engine.enqueue(given, again=True)
        third = engine.ask()
        assert (third.number, third.params) == (2, given)
        with pytest.raises(SpaceError, match="not inside the search space"):
            engine.enqueue({"a": 9, "x": 5.0})

    @pytest.mark.parametrize("pruner", PRUNERS)
    def test_a_hopeless_trial_is_pruned_unless_pruning_is_off(self, bench, pruner):
        # Hyperband has two groups of trials with three, the median rule does nothing then.
        options = {"pruner": pruner, "epochs": 3 if pruner == "hyperband" else 4}
        engine = bench.open(**options)
        for number in range(8):
            engine.ask()
            assert all(engine.report(number, step, 0.9) for step in (1, 2, 3))
            engine.tell(number, "complete", 0.9)
        # Which group a trial is in follows from the study's name, and that may be any.
        numbers = range(8, 24 if pruner == "hyperband" else 12)
        went_on = []
        for number in numbers:
            if engine.ask() is None:  # a grid ends
                break
            went_on.append(all(engine.report(number, step, 0.1) for step in (1, 2)))
        engine = bench.open(**options)
        # A step that was reported is not taken again, so what was given up stays so.
        again = [
            all(engine.report(number, step, 0.1) for step in (1, 2))
            for number in numbers[: len(went_on)]
        ]
        assert again == went_on
        if pruner == "none" or bench.sampler == "hyperband":  # which has its own way
            assert all(went_on)
        elif pruner != "hyperband" or len(went_on) > 8:  # so few may all be in the patient group
            assert not (all if pruner == "hyperband" else any)(went_on)

    def test_reports_may_be_replayed(self, bench):
        bench.open()
        lost = bench.ask(1)[0]
        for step, value in ((1, 0.5), (2, 0.6)):
            bench.engine.report(lost.number, step, value)
        engine = bench.open()
        assert all(engine.report(lost.number, step, 0.1) for step in (1, 2, 2, 3))
        engine.tell(lost.number, "complete", 0.6)
        assert bench.open().running() == ()

    def test_a_changed_space_is_refused_with_the_difference(self, bench):
        bench.open()
        with pytest.raises(SpaceError, match=r"x: .*high=1.0.* -> .*high=2.0"):
            bench.open(SearchSpace((Int("a", 1, 9, step=4), Float("x", 0.001, 2.0, log=True))))

    def test_only_known_pruners_are_taken(self, bench):
        with pytest.raises(ValueError, match=r"one of median, .*, none, but got 'x'"):
            bench.open(pruner="x")
