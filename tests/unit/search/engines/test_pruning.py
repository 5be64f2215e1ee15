"""Pruners: what each does to curves by hand, and to curves that were recorded."""

import random
from pathlib import Path

import pytest
from benchmarks.replay import correlation, curves_in, epochs_run, finals, replay

from fmnist.cli.commands.run import choose_pruner, run
from fmnist.cli.display.plain import QuietDisplay
from fmnist.config.config import Config
from fmnist.errors import UserError
from fmnist.pipeline.job import Job, Request
from fmnist.runs.folder import Run, RunError
from search.engines import DEFAULT_PRUNER, PRUNERS
from search.engines.pruning import Pruning, pruner_of

CURVES = curves_in(Path(__file__).parents[3] / "data" / "curves.json")


def falling(n, epochs=4):
    """Curves each of which is worse than the one before, all along."""
    return [tuple(0.9 - i / 100 + e / 1000 for e in range(epochs)) for i in range(n)]


def lengths(curves, pruner):
    return [length for _, length in epochs_run(curves, pruner)]


def test_the_median_rule_waits_for_eight_trials_and_two_epochs():
    assert lengths(falling(11), "median") == [4] * 8 + [2] * 3
    assert lengths(falling(11)[::-1], "median") == [4] * 11
    assert lengths(falling(7, epochs=3), "median") == [3] * 7


def test_halving_lets_the_best_third_go_on_after_half_of_the_epochs():
    assert lengths(falling(7), "halving") == [4, 2, 2, 2, 2, 2, 2]
    assert lengths(falling(7)[::-1], "halving") == [4] * 7
    # The second best of six, and of nine the third best.
    places = [0, 5, 4, 3, 2, 1]
    assert lengths([falling(6)[i] for i in places], "halving") == [4, 2, 2, 2, 2, 4]
    assert lengths(falling(3, epochs=10), "halving") == [10, 5, 5]
    assert lengths(falling(3, epochs=1), "halving") == [1, 1, 1]


def test_hyperband_judges_some_after_one_epoch_and_leaves_others_alone_for_longer():
    found = lengths(falling(40, epochs=9), "hyperband")
    assert set(found) == {1, 3, 9}
    # The first of a group always goes on, and the last group is left alone.
    assert found[0] == 9
    assert found.count(1) > found.count(3) > 0
    assert found.count(9) > 3


def test_without_pruning_every_trial_runs_to_its_end():
    assert lengths(falling(7), "none") == [4] * 7


def test_only_known_pruners_are_made():
    with pytest.raises(ValueError, match="one of median, halving, hyperband, none, but got 'x'"):
        pruner_of("x", 4)


def test_a_trial_given_up_stays_given_up_when_its_step_is_reported_again():
    for pruner in ("median", "halving"):
        pruning = Pruning(pruner, 4)
        for number, curve in enumerate(falling(9)):
            verdicts = [pruning.report(number, step, v) for step, v in enumerate(curve[:2], 1)]
            if all(verdicts):
                pruning.report(number, 3, curve[2])
                pruning.report(number, 4, curve[3])
                pruning.end(number, "complete")
        assert not verdicts[-1]
        assert not pruning.report(8, 2, 0.99)
        assert not pruning.report(8, 1, 0.99)


@pytest.mark.parametrize("pruner", PRUNERS)
def test_what_was_replayed_is_judged_as_if_nothing_had_happened(pruner):
    """Three trials go on side by side; before each report another process takes over."""
    chance, through, verdicts = random.Random(0), Pruning(pruner, 4), []
    reports, states, running = [], [], []
    while len(verdicts) < 40:
        while len(running) < 3:
            running.append(len(reports))
            reports.append({})
            states.append(None)
        again = Pruning(pruner, 4)
        for number in sorted(range(len(states)), key=lambda n: states[n] is None):
            again.replay(number, reports[number], states[number])
        number = chance.choice(running)
        step = len(reports[number]) + 1
        value = reports[number][step] = CURVES[number % 16][step - 1]
        verdicts.append(through.report(number, step, value))
        assert again.report(number, step, value) is verdicts[-1]
        if step == 4 or not verdicts[-1]:
            states[number] = "complete" if step == 4 else "pruned"
            through.end(number, states[number])
            running.remove(number)
    assert all(verdicts) is (pruner == "none")


@pytest.mark.parametrize("pruner", ["halving", "hyperband"])
def test_the_verdict_of_a_trial_under_way_outlives_the_process(pruner):
    """A process died between the verdict and the end of the trial."""
    first, again = Pruning(pruner, 4), Pruning(pruner, 4)
    given_up = 0
    for number, curve in enumerate(falling(12)):
        reports = {}
        for step, value in enumerate(curve, start=1):
            reports[step] = value
            if not first.report(number, step, value):
                break
        again.replay(number, reports, None)
        # A verdict after the last epoch is none: nothing is left to be saved.
        if step < 4:
            given_up += 1
            assert not again.report(number, step, value)
    assert given_up > 3


def test_early_epochs_rank_the_configurations_as_recorded():
    found = [correlation(CURVES, epoch, "spearman", 200) for epoch in (1, 2, 3)]
    assert [round(r, 2) for r, _, _ in found] == [0.72, 0.89, 0.95]
    assert all(0.35 < low < r < high for r, low, high in found)
    kendall = [correlation(CURVES, epoch, "kendall", 2)[0] for epoch in (1, 2, 3)]
    assert [round(r, 2) for r in kendall] == [0.49, 0.74, 0.83]


def test_the_default_pruner_keeps_the_winner_of_the_recorded_trials():
    assert len(CURVES) == 16
    assert finals(CURVES).count(max(finals(CURVES))) == 1
    found = replay(CURVES, DEFAULT_PRUNER, 100)
    assert found.kept >= 0.97  # measured: always
    assert found.spent < 0.9
    others = replay(CURVES, DEFAULT_PRUNER, 200, drawn=10)
    assert others.kept >= 0.97  # measured: 0.998
    assert others.regret < 1e-4  # measured: 7e-7


def test_no_pruner_is_safer_or_dearer_than_none():
    outcomes = {pruner: replay(CURVES, pruner, 50, drawn=10) for pruner in PRUNERS}
    none = outcomes.pop("none")
    assert (none.kept, none.regret, none.worst, none.spent) == (1.0, 0.0, 0.0, 1.0)
    assert all(o.kept <= 1.0 and o.spent < 0.97 for o in outcomes.values())
    # What hyperband saves it pays for: it judges after one epoch, at a high learning rate.
    assert outcomes["hyperband"].kept < min(outcomes[p].kept for p in ("median", "halving"))


def test_a_short_budget_is_where_pruning_pays():
    regrets = {p: replay(CURVES, p, 200, share=0.5).regret for p in ("median", "halving", "none")}
    assert regrets["halving"] < regrets["median"] <= regrets["none"]


def test_one_way_of_saying_how_to_prune():
    assert choose_pruner(None, no_prune=False) == DEFAULT_PRUNER == "median"
    assert choose_pruner("halving", no_prune=False) == "halving"
    assert choose_pruner(None, no_prune=True) == "none"
    with pytest.raises(UserError, match="--pruner and --no-prune: give one of them"):
        choose_pruner("none", no_prune=True)


def test_the_command_line_knows_every_pruner():
    (option,) = [o for o in run.params if o.name == "pruner"]
    assert tuple(option.type.choices) == tuple(PRUNERS)


def test_a_run_goes_on_with_the_pruner_it_began_with(tmp_path):
    begun = Run(tmp_path / "r")
    begun.path.mkdir()
    begun.write_toml("run.toml", {"request": Request(pruner="halving").to_dict()})
    Job(
        run=begun, request=Request(pruner="halving"), display=QuietDisplay(), base=Config()
    )._resume()
    for other, said in (
        ("median", "pruner halving then, median now"),
        ("none", "pruner halving then, none now"),
    ):
        job = Job(run=begun, request=Request(pruner=other), display=QuietDisplay(), base=Config())
        with pytest.raises(RunError, match=said):
            job._resume()
