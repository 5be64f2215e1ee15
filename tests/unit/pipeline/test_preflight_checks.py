import math

import pytest

from fmnist.backends import parallelism
from fmnist.config.config import Config
from fmnist.config.spaces import CORE
from fmnist.errors import UserError
from fmnist.models.size import size_of
from fmnist.pipeline import doctor, preflight_checks
from fmnist.pipeline.doctor import Check
from fmnist.pipeline.preflight_checks import ProbeResult
from fmnist.pipeline.space_bounds import largest_config, smallest_config
from fmnist.runs.folder import Run
from fmnist.runs.records import plan as records
from search.records import TrialError
from search.space import Categorical, Float, Int, SearchSpace

GOOD = {"accuracy": 0.2, "loss": 2.0, "val_accuracy": 0.2, "val_loss": 2.1}
GB = 1_000_000_000


@pytest.fixture
def machine(monkeypatch):
    """A machine on which all is well: change the dictionary to change it."""
    facts = {"memory": 8 * GB, "disk": 9e9, "PDF": Check("PDF", True, "renders")}
    monkeypatch.setattr(parallelism, "available_memory", lambda: facts["memory"])
    monkeypatch.setattr(doctor, "check_fonts", lambda: Check("fonts", True, "5 bundled fonts"))
    monkeypatch.setattr(doctor, "check_pdf", lambda: facts["PDF"])
    usage = type("usage", (), {"free": property(lambda self: facts["disk"])})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage())
    return facts


def fly(tmp_path, probe=lambda params: ProbeResult(2.0, GB, GOOD), **changes):
    given = {"jobs": 1, "trial_memory": None, "final_epochs": 8, **changes}
    space, base = given.pop("space", CORE), given.pop("base", Config())
    return preflight_checks.preflight(Run(tmp_path), space, base, probe=probe, **given)


def check_named(name, result):
    return next(c for c in result.checks if c.name == name)


def test_a_machine_on_which_all_is_well(machine, tmp_path):
    heard, asked = [], []

    def probe(params):
        asked.append(params)
        return ProbeResult(2.0, GB, GOOD)

    result = fly(tmp_path, probe, on_check=heard.append)
    assert [c.name for c in result.checks] == [c.name for c in heard]
    assert all(c.ok is True for c in result.checks)
    assert (result.smallest.params, result.largest.params) == tuple(asked)
    assert result.largest.peak_memory == GB
    assert result.slowness is None  # not measured
    assert asked[0] == {
        "filters_1": 16,
        "filters_2": 32,
        "filters_3": 64,
        "dropout": 0.0,
        "learning_rate": 1e-3,
        "batch_size": 64,
    }
    assert asked[1]["filters_3"] == 192
    assert asked[1]["batch_size"] == 256


def test_speed_and_slowness_are_recorded(machine, tmp_path):
    found = fly(tmp_path, speed=500.0, slowness=2.0)
    assert (found.speed, found.slowness) == (500.0, 2.0)
    assert fly(tmp_path).speed is None


def test_without_pango_there_is_a_warning_only(machine, tmp_path):
    machine["PDF"] = Check("PDF", False, "WeasyPrint cannot render", "apt install pango")
    assert check_named("PDF", fly(tmp_path)).ok is None


def test_little_memory_that_suffices_is_a_warning_only(machine, tmp_path):
    machine["memory"] = 2 * GB
    result = fly(tmp_path)
    assert check_named("memory", result).ok is None
    assert check_named("memory of the trials", result).ok is True


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"jobs": 8}, "8 × 1.5 GB of 8.0 GB available"),
        ({"trial_memory": GB}, "the largest needs 1.5 GB, --trial-memory is 1.0 GB"),
    ],
)
def test_trials_that_do_not_fit_into_memory(machine, tmp_path, changes, message):
    with pytest.raises(UserError, match=message) as error:
        fly(tmp_path, **changes)
    assert "narrow filters_1, filters_2, filters_3, batch_size" in str(error.value)


def test_fewer_trials_at_once_where_that_is_left_open(machine, tmp_path):
    result = fly(tmp_path, jobs=8, fewer=True)
    assert result.jobs == 5
    assert check_named("memory of the trials", result).found == "5 × 1.5 GB of 8.0 GB available"
    assert fly(tmp_path, jobs=2, fewer=True).jobs == fly(tmp_path, jobs=2).jobs == 2
    assert fly(tmp_path, lambda _: ProbeResult(2.0, None, GOOD), jobs=8, fewer=True).jobs == 8
    machine["memory"] = GB
    with pytest.raises(UserError, match=r"1 × 1\.5 GB of 1\.0 GB available\n    -> close programs"):
        fly(tmp_path, jobs=8, fewer=True)


def test_memory_that_could_not_be_measured(machine, tmp_path):
    result = fly(tmp_path, lambda _: ProbeResult(2.0, None, GOOD))
    assert check_named("memory of the trials", result).ok is None


def test_checkpoints_that_do_not_fit_on_the_disk(machine, tmp_path):
    wide = SearchSpace((Int("dense_units", 128, 4096),))
    machine["disk"] = 2.1e9
    fly(tmp_path, space=wide, final_epochs=20)
    with pytest.raises(UserError, match=r"disk: 2\.1 GB free"):
        fly(tmp_path, space=wide, final_epochs=100)


def test_all_problems_are_listed_at_once(machine, tmp_path):
    machine["disk"] = 1e8
    with pytest.raises(UserError) as error:
        fly(tmp_path, lambda _: _out_of_memory())
    text = str(error.value)
    assert error.value.exit_code == 2
    assert "disk: 0.1 GB free" in text
    assert text.count("memory: held 3000 MB, over its limit of 2000 MB") == 2
    assert text.count("narrow filters_1, filters_2, filters_3, batch_size, or raise --trial-") == 2


@pytest.mark.parametrize("broken", ["smallest", "largest"])
@pytest.mark.parametrize("how", ["raises", "returns"])
def test_a_loss_that_is_no_number(machine, tmp_path, broken, how):
    asked = []

    def probe(params):
        asked.append(params)
        if (len(asked) == 1) is (broken == "smallest"):
            if how == "raises":
                raise TrialError("nan", "the loss became nan in epoch 1")
            return ProbeResult(2.0, GB, {**GOOD, "val_loss": math.inf})
        return ProbeResult(2.0, GB, GOOD)

    if broken == "smallest":
        with pytest.raises(UserError, match="lower the high end of learning_rate"):
            fly(tmp_path, probe)
        return
    result = fly(tmp_path, probe)
    check = check_named("largest network", result)
    assert check.ok is None
    assert check.remedy == "lower the high end of learning_rate"
    assert (result.largest is None) is (how == "raises")


def test_without_a_space_the_one_configuration_is_tried(machine, tmp_path):
    result = fly(tmp_path, space=None)
    assert result.smallest is None
    assert result.largest == records.Probe({}, 2.0, GB)
    with pytest.raises(UserError, match="network: val_loss is nan"):
        fly(tmp_path, lambda _: ProbeResult(2.0, GB, {**GOOD, "val_loss": math.nan}), space=None)
    with pytest.raises(UserError, match="-> take a smaller network, or raise --trial-memory"):
        fly(tmp_path, lambda _: _out_of_memory(), space=None)


def _out_of_memory():
    raise TrialError("memory", "held 3000 MB, over its limit of 2000 MB")


def test_a_metric_under_another_name(machine, tmp_path):
    metrics = {k: v for k, v in GOOD.items() if k != "val_accuracy"}
    with pytest.raises(UserError, match="largest network: no metric val_accuracy"):
        fly(tmp_path, lambda _: ProbeResult(2.0, GB, {**metrics, "val_acc": 0.2}))


def test_a_bug_points_to_the_logs(machine, tmp_path):
    def probe(params):
        raise TrialError("bug", "ValueError: shapes")

    with pytest.raises(UserError, match=r"bug: ValueError: shapes\n    -> see run.log and childr"):
        fly(tmp_path, probe)


def test_ends_of_a_space_that_its_rules_refuse():
    space = SearchSpace(
        (
            Int("filters_2", 0, 64, step=32),
            Int("filters_3", 64, 128, step=64),
            Float("weight_decay", 0.0, 0.1),
            Categorical("optimizer", ("adam", "sgd")),
            Categorical("batch_norm", (True, False)),
            Categorical("pooling", ("max", "average")),
        )
    )
    base = Config(pooling="average")
    small, large = smallest_config(space, base), largest_config(space, base)
    # A third block needs a second one, weight decay another optimiser than adam.
    assert (small["filters_2"], small["filters_3"], small["weight_decay"]) == (32, 64, 0.0)
    assert (large["filters_2"], large["filters_3"]) == (64, 128)
    assert (large["optimizer"], large["weight_decay"]) == ("adam", 0.0)
    assert (small["optimizer"], small["batch_norm"], large["batch_norm"]) == ("sgd", False, True)
    assert small["pooling"] == large["pooling"] == "average"
    for params in (small, large):
        assert space.contains(params)
        Config().replace(**params)


def test_a_space_in_which_nothing_is_allowed():
    space = SearchSpace((Int("filters_3", 64, 128, step=64),))
    with pytest.raises(UserError, match="needs a stage before it"):
        largest_config(space, Config(filters_2=0, filters_3=0))


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(filters_2=0, filters_3=0, dense_units=0, kernel_size=5),
        Config(filters_1=7, filters_3=0, batch_norm=False, dense_units=33),
        Config(stem=8, convolutions=3, residual=True, width=0.5, stages=4, head="max"),
        Config(image_size=32, convolutions=2, pool_first=False, stages=2),
        Config(stages=0, stem=8, head="average"),
    ],
)
def test_the_size_is_that_of_the_network(config):
    from fmnist.models.builder import build_model

    assert size_of(config, classes=7).parameters == build_model(config, 7).count_params()
