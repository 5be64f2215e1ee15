"""Names, values and spaces of strangers: what fits is taken, what does not is told at once."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmnist.config.config import RULES, Config, ConfigError
from fmnist.errors import UserError
from fmnist.importers.external import (
    Axis,
    ExternalStudy,
    ExternalTrial,
    ForeignError,
    numbered,
    plain,
)
from fmnist.importers.objective_values import accuracies
from fmnist.importers.parameter_mapping import Wishes, match, read_mapping
from fmnist.importers.search_space import cast_to_field, parameter
from search.space import Categorical, Float, Int

USUAL = Config().to_dict()


def study(params, values=None, axes=None, **options):
    values = values or [0.5 + i / 100 for i in range(len(params))]
    trials = tuple(
        ExternalTrial(i, "complete", p, value=v)
        for i, (p, v) in enumerate(zip(params, values, strict=True))
    )
    usual = {
        "kind": "Optuna study",
        "engine": "optuna",
        "source": "study.db",
        "name": "s",
        "direction": "maximize",
        "metric": "",
    }
    return ExternalStudy(axes=axes or {}, trials=trials, **{**usual, **options})


def matched(params, wishes=None, **options):
    found = study(params, **options)
    return match(found, found.trials, wishes or Wishes())


def refusal(params, wishes=None, **options):
    with pytest.raises(ForeignError) as caught:
        matched(params, wishes, **options)
    return str(caught.value)


def test_every_problem_with_a_name_is_listed_with_what_to_do():
    text = refusal(
        [{"lr": 0.1, "batchsize": 32, "aug": "x", "dropout": 0.1}],
        Wishes({"gone": "flip"}, frozenset({"lost"}), {"dropout": 0.2}),
    )
    for line in (
        "parameter 'lr': no field; give --map lr=learning_rate or --drop lr",
        "parameter 'batchsize': no field; give --map batchsize=batch_size or --drop batchsize",
        "parameter 'aug': no field; give --map aug=FIELD or --drop aug",
        "--map gone: the study has no such parameter",
        "--drop lost: the study has no such parameter",
        "--set dropout: the study searched it; give --drop dropout",
    ):
        assert line in text


def test_two_parameters_cannot_be_one_field():
    text = refusal([{"a": 1, "flip": True}], Wishes({"a": "flip"}))
    assert "a, flip would all be flip" in text


def test_every_value_against_a_rule_is_listed():
    text = refusal([{"dropout": d, "filters_1": f} for d, f in [(0.95, 8), (-1.0, 8.5), (0.2, 0)]])
    assert "'dropout': must be 0 to 0.9, found 0.95, -1.0 in 2 trials; give --drop dropout" in text
    assert "'filters_1': must be 1 to 512, found 8.5, 0 in 2 trials" in text


@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, math.nan, 10**400, -(10**30), None, "x" * 10**6, [1], {}, True]
)
def test_no_value_of_a_stranger_is_taken_for_a_batch_size(value):
    text = refusal([{"batch_size": 32}, {"batch_size": value}])
    assert "'batch_size': must be 1 to 8192" in text
    assert len(text) < 2000


def test_values_that_do_not_go_together_say_what_to_set():
    params = [{"weight_decay": 0.1, "flip": True}, {"weight_decay": 0.2, "flip": False}]
    assert "use optimizer = 'adamw'" in refusal(params)
    assert matched(params, Wishes(settings={"optimizer": "adamw"})).base.optimizer == "adamw"


def test_numbers_and_words_become_those_of_our_fields():
    assert cast_to_field("filters_1", 64.0) == 64
    assert type(cast_to_field("filters_1", 64.0)) is int
    assert type(cast_to_field("dropout", 0)) is float
    assert cast_to_field("flip", 1) is True
    assert cast_to_field("optimizer", "AdamW") == "adamw"


@given(
    st.sampled_from(list(RULES)), st.one_of(st.integers(), st.floats(), st.text(), st.booleans())
)
def test_a_cast_value_is_one_that_the_field_may_have(field, value):
    try:
        found = cast_to_field(field, value)
    except ConfigError:
        return
    assert type(found) is type(USUAL[field])
    assert cast_to_field(field, found) == found


def test_a_parameter_covers_the_ranges_and_every_value():
    two = (Axis(16, 64, 16), Axis(32, 96, 16))
    assert parameter("filters_1", two, [16, 96]) == Int(
        "filters_1", 16, 96, 16, help=RULES["filters_1"].help
    )
    assert parameter("filters_1", (Axis(16, 64, 16),), [20]).step == 1
    assert parameter("filters_1", (Axis(8, 63, 8),), [8]).high == 56
    wide = parameter("dropout", (Axis(0.0, 0.99),), [0.1])
    assert (wide.low, wide.high) == (0.0, 0.9)  # as far as our field goes
    log = parameter("learning_rate", (Axis(1e-5, 1.0, None, True),), [0.1])
    assert isinstance(log, Float)
    assert log.log
    assert not parameter("learning_rate", (Axis(0.0, 1.0, None, True),), [1e-7]).contains(0.0)
    choices = parameter("batch_size", (Axis(choices=(32, 64, "many", 10**9)),), [64])
    assert choices == Categorical("batch_size", (32, 64), RULES["batch_size"].help)
    assert parameter("flip", (Axis(0, 1, 1),), [True]).choices == (True, False)
    assert parameter("dropout", (), [0.1, 0.4]).high == 0.4


huge = st.one_of(st.none(), st.floats(allow_nan=False), st.integers(-(10**20), 10**20).map(float))


@given(
    st.sampled_from(["filters_1", "dropout", "learning_rate", "shift", "epochs"]),
    st.lists(st.builds(Axis, huge, huge, huge, st.booleans()), max_size=3),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
def test_whatever_the_ranges_are_the_space_holds_the_values(field, axes, shares):
    rule = RULES[field]
    values = [
        cast_to_field(field, type(USUAL[field])(rule.low + s * (rule.high - rule.low)))
        for s in shares
    ]
    found = parameter(field, axes, values)
    assert all(found.contains(v) for v in values)
    cast_to_field(field, found.low)
    cast_to_field(field, found.high)


def test_what_a_study_had_fixed_is_no_part_of_the_space():
    params = [{"pooling": "max", "shift": s, "l2": 0.1} for s in (0, 1, 2)]
    axes = {"pooling": (Axis(choices=("max",)),), "l2": (Axis(0.0, 0.5),)}
    found = matched(params, Wishes(settings={"flip": False}), axes=axes)
    assert [p.name for p in found.space] == ["l2", "shift"]
    assert found.settings == {"flip": False, "pooling": "max"}
    assert found.params[1] == {"shift": 1, "l2": 0.1}
    assert "nothing was searched" in refusal([{"pooling": "max"}], axes=axes)
    assert [p.name for p in matched([{"shift": 0}, {"shift": 2}], axes=axes).space] == ["shift"]


def test_a_parameter_that_a_trial_lacks_is_no_part_of_it():
    found = matched(
        [
            {"stages": 2, "shift": 1},
            {"stages": 3, "shift": 2, "filters_3": 8},
            {"stages": 3, "shift": 2, "filters_3": 16},
        ]
    )
    assert found.params[0] == {"stages": 2, "shift": 1}
    assert found.notes == (
        "1 complete trial has no filters_3: the study did not ask for it there.",
    )


def test_a_range_beyond_our_field_is_noted():
    axes = {"dropout": (Axis(0.0, 0.95),), "shift": (Axis(0, 7, 2),)}
    found = matched([{"dropout": 0.1, "shift": 0}, {"dropout": 0.2, "shift": 2}], axes=axes)
    assert found.notes == ("dropout could be 0 to 0.95 in the study; our field is 0 to 0.9.",)
    assert [(p.low, p.high) for p in found.space] == [(0.0, 0.9), (0, 6)]


def test_trials_whose_numbers_make_no_sense_are_counted_anew():
    trials = study([{"shift": 1}] * 3).trials
    assert numbered(trials) == trials
    for odd in (1, -1, 10**18):
        twice = [*trials[:2], dataclasses.replace(trials[2], number=odd)]
        assert [t.number for t in numbered(twice)] == [0, 1, 2]


def test_a_mapping_comes_from_a_file_and_from_words(tmp_path):
    file = tmp_path / "map.toml"
    file.write_text('lr = "learning_rate"\n"a=b" = "flip"\n')
    assert read_mapping(file, ["x=y=shift", "lr=l2"]) == {
        "lr": "l2",
        "a=b": "flip",
        "x=y": "shift",
    }
    file.write_text("lr = 3")
    with pytest.raises(UserError, match="lr: expected lines such as"):
        read_mapping(file, [])
    with pytest.raises(UserError, match="expected NAME=FIELD"):
        read_mapping(None, ["lr"])


# ---- values ---------------------------------------------------------------------------------


def valued(values, *given, **options):
    return accuracies(study([{"shift": 1}] * len(values), values, **options), *given)


def numbers(found):
    return [t.value for t in found.trials]


def test_values_are_scaled_as_they_are_said_to_be():
    assert numbers(valued([0.5, 0.9])) == [0.5, 0.9]
    assert numbers(valued([50.0, 90.0], None, "percent")) == [0.5, 0.9]
    found = valued([0.5, 0.1], None, "error", direction="minimize")
    assert numbers(found) == [0.5, 0.9]
    assert "subtracted from 1" in found.sentence


@pytest.mark.parametrize(
    ("values", "scale", "options", "message"),
    [
        ([50.0, 90.0], None, {}, "give --value percent"),
        ([-3.0, 0.5], None, {}, "values from -3 to 0.5 are no fractions"),
        ([0.5, 250.0], "percent", {}, "values from 0.5 to 250 are no fractions"),
        (
            [0.5],
            None,
            {"direction": "minimize"},
            "its value is minimised, Optuna's default: say what",
        ),
        ([0.5], None, {"metric": "val_loss"}, "'val_loss' is a loss"),
        ([0.5], "error", {}, "the study maximises its values"),
    ],
)
def test_what_is_no_accuracy_is_refused(values, scale, options, message):
    with pytest.raises(ForeignError, match=message):
        valued(values, None, scale, **options)


def test_a_complete_trial_without_a_number_has_failed():
    found = valued([0.5, math.inf, math.nan, 0.7])
    assert [t.state for t in found.trials] == ["complete", "failed", "failed", "complete"]
    assert numbers(found) == [0.5, None, None, 0.7]
    assert found.notes == ("Complete trials without a finite value count as failed (1, 2).",)


def test_intermediate_values_that_are_no_fractions_are_left_out():
    base = study([{"shift": 1}])
    steps = {0: 0.2, 1: math.nan, 2: math.inf, 3: 7.0}
    whole = dataclasses.replace(base.trials[0], value=0.5)
    trial = dataclasses.replace(whole, state="pruned", value=7.0, steps=steps)
    _, found = accuracies(dataclasses.replace(base, trials=(whole, trial))).trials
    assert (found.value, found.steps) == (None, {0: 0.2})


def test_a_metric_that_not_every_trial_has_is_refused():
    with pytest.raises(ForeignError, match=r"'f1': no such number in 2 complete trials \(0, 1\)"):
        valued([0.5, 0.6], "f1")


def test_a_strangers_text_is_one_plain_line():
    assert plain("a\x1b[31m\nb\u202ec") == "a [31m b c"
    assert len(plain("x" * 10**6)) == 200
