"""What the report says of trials that were stopped early."""

import pytest

from fmnist.report.narrative.results import states
from fmnist.report.narrative.training import pruning
from fmnist.runs.records.run import RequestRecord
from search.records import Trial


def stopped(*by):
    return [Trial(n, "pruned", {}, 0.5, (), 1, "", 1.0, stopped_by=why) for n, why in enumerate(by)]


@pytest.mark.parametrize(
    ("by", "told"),
    [
        (["clock"], "because the time ran out"),
        (["pruner"], "because it fell behind"),
        (["pruner", "pruner"], "because they fell behind"),
        (["pruner", "clock", "pruner"], "2 because they fell behind"),
        ([""], "or the time ran out"),
    ],
)
def test_a_trial_cut_off_by_the_clock_is_not_said_to_have_fallen_behind(by, told):
    text = pruning(RequestRecord(seed=0, sampler="tpe", pruner="median"), stopped(*by))
    assert told in text
    assert ("fell behind" in text) == (set(by) != {"clock"})
    assert ("time ran out" in text) == (set(by) != {"pruner"})


def test_states_tell_them_apart():
    trials = stopped("pruner", "clock", "")
    assert states(trials) == {"pruned": 2, "cut off": 1}
