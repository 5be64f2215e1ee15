from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmnist.config import Config
from fmnist.schedule import Pace, learning_rate

COSINE = Config(learning_rate=0.1)


def test_cosine_warms_up_and_ends_at_zero():
    rates = [learning_rate(COSINE, p) for p in (0, 0.05, 0.1, 0.55, 1.0)]
    assert rates == pytest.approx([0.005, 0.0525, 0.1, 0.05, 0.0])


def test_constant_is_constant():
    flat = COSINE.replace(schedule="constant")
    assert {learning_rate(flat, p) for p in (0, 0.3, 1)} == {0.1}


def walk(pace, lengths, steps=10):
    """Rates of every batch when ``remaining`` before each epoch is as ``lengths`` says."""
    pace.params = {"steps": steps}
    pace.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=None)))
    rates = []
    for epoch, remaining in enumerate(lengths):
        pace.remaining = remaining
        pace.on_epoch_begin(epoch)
        for batch in range(steps):
            pace.on_train_batch_begin(batch)
            rates.append(pace.model.optimizer.learning_rate)
        pace.on_epoch_end(epoch)
    return rates


def test_an_undisturbed_training_follows_the_curve():
    rates = walk(Pace(COSINE, 4), [4, 3, 2, 1])
    assert rates == pytest.approx([learning_rate(COSINE, i / 40) for i in range(40)])


@pytest.mark.parametrize("lengths", [[4, 1], [2, 5, 4, 3, 2, 1], [8, 7, 3, 2, 1]])
def test_a_training_cut_short_or_stretched_still_ends_at_zero(lengths):
    pace = Pace(COSINE, lengths[0])
    rates = walk(pace, lengths)
    assert pace.progress == pytest.approx(1)
    peak = rates.index(max(rates))
    assert all(a >= b for a, b in zip(rates[peak:], rates[peak + 1 :], strict=False))
    assert rates[-1] < 0.03


@given(st.lists(st.integers(1, 20), min_size=1, max_size=20))
def test_progress_never_goes_back(lengths):
    pace = Pace(COSINE, lengths[0])
    before = 0.0
    for remaining in lengths:
        walk(pace, [remaining], steps=3)
        assert before <= pace.progress <= 1 + 1e-9
        before = pace.progress
