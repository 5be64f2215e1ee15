import pytest

from fmnist.cli.commands.run import _class_names, _sampler, _time
from fmnist.errors import UserError


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
