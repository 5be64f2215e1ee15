"""One configuration for a time: as many epochs for each seed, the mean and its noise."""

from itertools import count

import json_output
import numpy as np
import pytest
from click.testing import CliRunner
from small_job import SAMPLE

from fmnist.cli.main import cli
from fmnist.config.config import Config
from fmnist.data import load
from fmnist.errors import UserError
from fmnist.pipeline import single_trial
from fmnist.training import fit as fitting
from search.records import Epoch


@pytest.fixture
def trained(monkeypatch):
    """Replace training by one whose epochs take so many seconds of a clock."""
    asked = []

    def replace(seconds):
        now = [0.0]

        def fit(config, training, validation, *, classes, seed, on_epoch):
            for number in count(1):
                now[0] += seconds(len(asked)) if callable(seconds) else seconds
                value = 0.9 + 0.001 * seed
                if on_epoch(Epoch(number, value, 0.3, value, 0.3, 10.0)) <= 0:
                    break
            asked.append((config.epochs, number, len(training[0]), len(validation[0]), classes))

        monkeypatch.setattr(fitting, "fit", fit)
        return lambda: now[0], asked

    return replace


def score(clock, **more):
    usual = {"seconds": 300.0, "seeds": 3, "clock": clock}
    return single_trial.score_trial(Config(), load(SAMPLE), **(usual | more))


def test_every_seed_has_the_epochs_that_fit_into_the_share_of_the_first(trained):
    clock, asked = trained(10.0)
    found = score(clock)
    assert [made for _, made, *_ in asked] == [10, 10, 10]
    assert [planned for planned, *_ in asked] == [8, 10, 10]
    assert found.epochs == found.config["epochs"] == 10
    assert [s.accuracy for s in found.seeds] == [0.9, 0.901, 0.902]
    assert found.accuracy == pytest.approx(0.901)
    assert found.sd == pytest.approx(0.001)
    # t(0.975, 2) = 4.303
    assert found.interval == pytest.approx((0.901 - 0.002484, 0.901 + 0.002484), abs=1e-5)
    assert {(train, held_out) for _, _, train, held_out, _ in asked} == {(1600, 400)}
    assert found.test_set == "not opened"


def test_a_seed_that_did_not_end_in_time_does_not_count(trained):
    clock, asked = trained(lambda done: 10.0 if done < 2 else 40.0)
    found = score(clock)
    assert len(asked) == 3
    assert [s.seed for s in found.seeds] == [0, 1]


def test_one_seed_says_nothing_of_noise(trained):
    found = score(trained(10.0)[0], seeds=1, validation=100)
    assert (found.sd, found.interval, found.validation_images) == (None, None, 100)


def test_the_command_prints_one_object_and_leaves_nothing(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained(0.0)
    monkeypatch.setattr(single_trial, "_LONGEST", 3)
    arguments = ["trial", "--data", str(SAMPLE), "--set", "dropout=0.1", "--seeds", "2", "--json"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    (record,) = json_output.lines("trial", done.stdout)
    assert record["config"]["dropout"] == 0.1
    assert record["epochs"] == 3
    assert len(record["seeds"]) == 2
    assert record["accuracy"] == pytest.approx(np.mean([s["accuracy"] for s in record["seeds"]]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--budget", "soon"], "--budget soon: expected a duration"),
        (["--set", "dropouts=1"], "dropouts"),
        (["--seeds", "0"], "--seeds"),
    ],
)
def test_a_wrong_option_is_named(arguments, said):
    done = CliRunner().invoke(cli, ["trial", *arguments], standalone_mode=False)
    error = done.exception
    assert said in (error.format_message() if hasattr(error, "format_message") else str(error))
    assert error.exit_code == 2


def test_no_training_in_time_is_an_error(trained):
    with pytest.raises(UserError, match="no training ended in time"):
        single_trial._result(Config(), load(SAMPLE), 0, [], None, 1.0)
