import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.records import Epoch, Failure, Trial, TrialLog

fractions = st.floats(0, 1)
epochs = st.builds(
    Epoch,
    epoch=st.integers(1, 99),
    accuracy=fractions,
    loss=fractions,
    val_accuracy=fractions,
    val_loss=fractions,
    seconds=fractions,
    learning_rate=st.none() | fractions,
)
trials = st.builds(
    Trial,
    number=st.integers(0, 999),
    state=st.sampled_from(["complete", "pruned", "failed"]),
    params=st.dictionaries(st.text(max_size=5), st.integers() | fractions | st.text(max_size=5)),
    value=st.none() | fractions,
    epochs=st.lists(epochs, max_size=3).map(tuple),
    seed=st.integers(0, 2**31),
    started=st.just("2026-11-21T05:00:00+00:00"),
    seconds=fractions,
    failure=st.none() | st.builds(Failure, kind=st.sampled_from(["nan", "bug"]), message=st.text()),
)


@given(trials)
def test_a_trial_survives_json(trial):
    assert Trial.from_json(json.loads(json.dumps(trial.to_json()))) == trial


def trial(number, value, state="complete"):
    return Trial(number, state, {"x": 1}, value, (), 7, "2026-11-21T05:00:00+00:00", 1.0)


def test_another_schema_is_refused():
    with pytest.raises(ValueError, match="expected schema 1, found 2"):
        Trial.from_json({**trial(0, 0.5).to_json(), "schema": 2})


def test_best_is_the_earliest_of_the_highest_complete(tmp_path):
    log = TrialLog(tmp_path / "t.jsonl")
    assert log.best() is None
    for record in (trial(0, 0.5), trial(1, 0.9, "pruned"), trial(2, 0.7), trial(3, 0.7)):
        log.append(record)
    assert log.best().number == 2


@pytest.mark.parametrize("torn", [b'{"schema": 1, "num', b"\x00\x00\x00", b"{"])
def test_a_torn_last_line_is_cut_off(tmp_path, torn):
    path = tmp_path / "t.jsonl"
    TrialLog(path).append(trial(0, 0.5))
    with path.open("ab") as file:
        file.write(torn)
    log = TrialLog(path)
    assert [t.number for t in log.trials] == [0]
    log.append(trial(1, 0.6))
    assert [t.number for t in TrialLog(path).trials] == [0, 1]
