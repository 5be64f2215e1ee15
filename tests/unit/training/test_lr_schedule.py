import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmnist.config.config import Config
from fmnist.training.lr_schedule import LearningRateSchedule, learning_rate

COSINE = Config(learning_rate=0.1)


def test_cosine_warms_up_and_ends_at_zero():
    rates = [learning_rate(COSINE, p) for p in (0, 0.05, 0.1, 0.55, 1.0)]
    assert rates == pytest.approx([0.005, 0.0525, 0.1, 0.05, 0.0])


def test_one_cycle_rises_and_falls_straight():
    one_cycle = COSINE.replace(schedule="one-cycle")
    rates = [learning_rate(one_cycle, p) for p in (0, 0.15, 0.3, 0.65, 1.0)]
    assert rates == pytest.approx([0.005, 0.0525, 0.1, 0.05, 0.0])


def test_constant_is_constant():
    flat = COSINE.replace(schedule="constant")
    assert {learning_rate(flat, p) for p in (0, 0.3, 1)} == {0.1}


def walk(pace, lengths, steps=10):
    """Rates of every batch when ``remaining`` before each epoch is as ``lengths`` says."""
    rates = []
    for remaining in lengths:
        pace.remaining = remaining
        rates += pace.rates(steps).tolist()
        pace.advance()
    return rates


def test_an_undisturbed_training_follows_the_curve():
    rates = walk(LearningRateSchedule(COSINE, 4), [4, 3, 2, 1])
    assert rates == pytest.approx([learning_rate(COSINE, i / 40) for i in range(40)])


@pytest.mark.parametrize("lengths", [[4, 1], [2, 5, 4, 3, 2, 1], [8, 7, 3, 2, 1]])
def test_a_training_cut_short_or_stretched_still_ends_at_zero(lengths):
    pace = LearningRateSchedule(COSINE, lengths[0])
    rates = walk(pace, lengths)
    assert pace.progress == pytest.approx(1)
    peak = rates.index(max(rates))
    assert all(a >= b for a, b in zip(rates[peak:], rates[peak + 1 :], strict=False))
    assert rates[-1] < 0.03


@given(st.lists(st.integers(1, 20), min_size=1, max_size=20))
def test_progress_never_goes_back(lengths):
    pace = LearningRateSchedule(COSINE, lengths[0])
    before = 0.0
    for remaining in lengths:
        walk(pace, [remaining], steps=3)
        assert before <= pace.progress <= 1 + 1e-9
        before = pace.progress


def test_looking_at_the_rates_changes_nothing():
    pace = LearningRateSchedule(COSINE, 2)
    assert (pace.rates(7) == pace.rates(7)).all()
    assert (pace.progress, pace.remaining) == (0, 2)


def test_epochs_are_counted_down():
    pace = LearningRateSchedule(COSINE, 2)
    pace.advance()
    assert (pace.progress, pace.remaining) == (0.5, 1)
    pace.advance()
    assert (pace.progress, pace.remaining) == (1, 0)
    pace.advance()  # one more than planned stays at the end
    assert pace.progress == 1
    assert pace.rates(3) == pytest.approx([0, 0, 0])
