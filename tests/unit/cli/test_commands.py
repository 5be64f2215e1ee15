from dataclasses import fields

import pytest
from run_folders import RECORDED

from fmnist.cli.commands.ablate import keys_of
from fmnist.cli.commands.run import SearchOptions, choose_sampler
from fmnist.cli.jobs import print_rendering_time, split_names
from fmnist.errors import UserError
from fmnist.runs.folder import Run


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


def test_experiments_are_named_by_key_or_by_factor():
    assert keys_of(("kernel, depth", "dropout")) == [
        "kernel_3", "kernel_5", "kernel_7", "deeper", "shallower", "dropout",
    ]  # fmt: skip
    assert keys_of(()) == []
    with pytest.raises(UserError, match="--only widths: expected one of augmentation"):
        keys_of(("dense,widths",))


def test_class_names_are_split_at_commas():
    assert split_names(" zero, one ,two") == ("zero", "one", "two")
    assert split_names("zero,one,") == ("zero", "one", "")  # which the data refuse
    assert split_names(None) is None


def test_who_makes_a_report_again_hears_how_long_it_took(tmp_path, capsys):
    print_rendering_time(Run(RECORDED))
    assert capsys.readouterr().out == "rendering      (at the end of the run it took 6 s)\n"
    print_rendering_time(Run(tmp_path))
    assert capsys.readouterr().out == ""
