from dataclasses import fields

import pytest

from fmnist.cli.commands.run import SearchOptions, choose_sampler
from fmnist.cli.jobs import split_names
from fmnist.errors import UserError


def seconds(**options):
    return SearchOptions(**{f.name: None for f in fields(SearchOptions)} | options).seconds()


def test_ten_minutes_unless_time_or_trials_are_given():
    assert seconds() == 600.0
    assert seconds(trials=30) is None
    assert seconds(time_text="8h", trials=30) == 28_800.0


def test_every_engine_has_samplers_of_its_own():
    assert choose_sampler("optuna", None) == "tpe"
    assert choose_sampler("keras-tuner", None) == "bayesian"
    assert choose_sampler("keras-tuner", "hyperband") == "hyperband"
    with pytest.raises(UserError, match="--engine optuna has tpe, random, grid, cmaes"):
        choose_sampler("optuna", "hyperband")


def test_class_names_are_split_at_commas():
    assert split_names(" zero, one ,two") == ("zero", "one", "two")
    assert split_names("zero,one,") == ("zero", "one", "")  # which the data refuse
    assert split_names(None) is None
