import pytest

from fmnist.commands import _class_names, _first_trials, _sampler, _time
from fmnist.config import Config
from fmnist.errors import UserError
from fmnist.space import CORE


def test_a_configuration_inside_the_space_is_tried_first():
    best = Config(filters_1=48, dropout=0.125, epochs=9)
    (first,) = _first_trials(CORE, best)
    assert first == {
        "filters_1": 48,
        "filters_2": 64,
        "filters_3": 128,
        "dropout": 0.125,
        "learning_rate": 2e-3,
        "batch_size": 128,
    }


def test_a_configuration_outside_the_space_is_not():
    assert _first_trials(CORE, Config(filters_1=40)) == ()


def test_ten_minutes_unless_time_or_trials_are_given():
    assert _time(None, None) == 600.0
    assert _time(None, 30) is None
    assert _time("8h", 30) == 28_800.0


def test_every_engine_has_samplers_of_its_own():
    assert _sampler("optuna", None) == "tpe"
    assert _sampler("keras-tuner", None) == "bayesian"
    assert _sampler("keras-tuner", "hyperband") == "hyperband"
    with pytest.raises(UserError, match="--engine optuna has tpe, random, grid, cmaes"):
        _sampler("optuna", "hyperband")


def test_class_names_are_split_at_commas():
    assert _class_names(" zero, one ,two,") == ("zero", "one", "two")
    assert _class_names(None) is None
