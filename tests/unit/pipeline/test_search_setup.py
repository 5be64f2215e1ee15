import pytest

from fmnist.config.config import Config, ConfigError
from fmnist.config.overrides import parse_settings
from fmnist.config.spaces import CORE, SPACES
from fmnist.config.toml_text import dump_config
from fmnist.errors import UserError
from fmnist.pipeline.planner.profiles import profile_for
from fmnist.pipeline.request import Request
from fmnist.pipeline.search_setup import build_search_setup, load_or_make_profile
from fmnist.runs import artifacts
from fmnist.runs.folder import Run
from fmnist.runs.records.plan import Plan

PLAN = profile_for(600)


def start(plan=PLAN, space=None, warm_start=None, **settings):
    return build_search_setup(plan, space=space, warm_start=warm_start, settings=settings)


@pytest.mark.parametrize("seconds", [60, 600, 7200, 8 * 3600, None])
def test_every_plan_starts_from_its_own_configuration_in_its_own_space(seconds):
    plan = profile_for(seconds)
    found = start(plan)
    assert found.space == SPACES[plan.space]
    assert found.base == Config(**plan.base)
    values = found.base.to_dict()
    assert found.first_trials == ({p.name: values[p.name] for p in found.space},)


def test_a_field_that_is_set_is_not_searched_and_holds_in_the_base():
    found = start(batch_size=256, erasing=0.5)
    assert {p.name for p in found.space} == {p.name for p in CORE} - {"batch_size"}
    assert (found.base.batch_size, found.base.erasing) == (256, 0.5)
    assert "batch_size" not in found.first_trials[0]


def test_a_configuration_to_start_from_takes_the_place_of_the_plans(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(dump_config(Config(filters_1=48)))
    found = start(warm_start=path)
    assert found.base == Config(filters_1=48)
    path.write_text(dump_config(Config(filters_1=47)))
    assert start(warm_start=path).first_trials == ()


def test_a_space_is_a_name_or_a_file(tmp_path):
    assert start(space="full").space == SPACES["full"]
    path = tmp_path / "space.toml"
    path.write_text("[shift]\ntype = 'int'\nlow = 0\nhigh = 3\n")
    assert [p.name for p in start(space=str(path)).space] == ["shift"]
    with pytest.raises(UserError, match=r"--space huge: neither a space \(core, extended, full\)"):
        start(space="huge")


def test_something_must_be_left_to_search(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text("[shift]\ntype = 'int'\nlow = 0\nhigh = 3\n")
    with pytest.raises(UserError, match="nothing is left to search"):
        start(space=str(path), shift=1)


def test_settings_are_read_as_toml_or_as_words():
    texts = ["erasing=0.25", "flip = false", "head=max", "batch_size=64", 'optimizer="sgd"']
    assert parse_settings(texts) == {
        "erasing": 0.25,
        "flip": False,
        "head": "max",
        "batch_size": 64,
        "optimizer": "sgd",
    }


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["erasing"], r"--set erasing: expected FIELD=VALUE"),
        (["erasing="], r"expected FIELD=VALUE"),
        (["erase=1"], r"--set erase=1: unknown field; the fields are stages"),
        (["shift=1", "shift=2"], r"shift is set twice"),
    ],
)
def test_a_bad_setting_names_itself_and_the_rule(texts, message):
    with pytest.raises(UserError, match=message):
        parse_settings(texts)


def test_a_value_against_its_rule_is_refused():
    with pytest.raises(ConfigError, match=r"erasing = 2.0: must be within 0 to 1"):
        start(erasing=2)


def test_a_run_taken_up_again_keeps_the_plan_it_began_with(tmp_path):
    run = Run.named(tmp_path, "night")
    assert load_or_make_profile(run, 600, Request()) == profile_for(600)
    run.path.mkdir(parents=True, exist_ok=True)
    profile = profile_for(8 * 3600)
    run.write(artifacts.PLAN, Plan(sizes=profile, jobs=1, threads=None, planned=()))
    assert load_or_make_profile(run, 60, Request()) == profile_for(8 * 3600)


def test_a_run_taken_up_again_has_the_narrowed_space_that_it_began_with(tmp_path):
    profile = profile_for(600, 1_500, jobs=2)
    first = start(profile)
    run = Run(tmp_path)
    run.write(artifacts.PLAN, Plan(sizes=profile, jobs=2, threads=1, planned=()))
    again = start(load_or_make_profile(run, 600, Request()))
    assert again.space == first.space != CORE
    assert again.first_trials == first.first_trials != ()
