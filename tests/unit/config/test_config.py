import dataclasses
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmnist.config.config import RULES, Config, ConfigError, augmentations, fields_help, from_dict
from fmnist.config.fields import Rule
from fmnist.config.toml_text import dump_config, parse_config
from fmnist.importers import parameter_mapping
from fmnist.report import bibliography
from fmnist.report.narrative import training
from fmnist.runs.config_source import load_config


def values(field):
    rule = field.metadata["rule"]
    if rule.choices:
        return st.sampled_from(rule.choices)
    if field.type == "bool":
        return st.booleans()
    if field.type == "int":
        return st.integers(int(rule.low), int(rule.high))
    return st.floats(rule.low, rule.high)


raw = st.fixed_dictionaries({f.name: values(f) for f in dataclasses.fields(Config)})


def consistent(found):
    for number in (2, 3):
        if not found[f"filters_{number}"]:
            found = {**found, f"filters_{number + 1}": 0}
    return {**found, "weight_decay": 0.0} if found["optimizer"] == "adam" else found


@given(raw.map(consistent))
def test_a_configuration_survives_toml_and_dict(found):
    config = from_dict(found)
    assert parse_config(dump_config(config, {"trial": 3})) == config
    assert from_dict(config.to_dict()) == config


def test_every_field_has_a_rule_and_a_help_sentence():
    assert list(RULES) == [f.name for f in dataclasses.fields(Config)]
    assert all(text.endswith(".") for text in fields_help().values())
    assert all(rule.section in ("model", "training") for rule in RULES.values())


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("dropout", 1.5, r"dropout = 1.5: must be within 0 to 0.9"),
        ("dropout", float("nan"), r"dropout = nan: must be within 0 to 0.9"),
        ("ema", 1.0, r"ema = 1.0: must be within 0 to 0.9999"),
        ("filters_1", 0, r"filters_1 = 0: must be within 1 to 512"),
        ("filters_1", 32.0, r"filters_1 = 32.0: expected int \(1 to 512\), found float"),
        ("batch_size", True, r"batch_size = True: expected int .* found bool"),
        ("pooling", "min", r"pooling = 'min': must be one of max, average, strided"),
        ("flip", 1, r"flip = 1: expected bool \(true or false\), found int"),
        ("learning_rate", "fast", r"learning_rate = 'fast': expected float"),
    ],
)
def test_a_bad_value_names_field_value_and_rule(field, value, message):
    with pytest.raises(ConfigError, match=message):
        Config(**{field: value})


def test_combinations_that_cannot_be_built_are_refused():
    with pytest.raises(ConfigError, match="filters_3 = 128 needs a stage before it"):
        Config(filters_2=0)
    with pytest.raises(
        ConfigError, match=r"weight_decay = 0\.1 does nothing with optimizer = 'adam'"
    ):
        Config(weight_decay=0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[model]\nfilter_1 = 3", r"unknown field 'filter_1'; the fields are stages, filters_1"),
        ("[model]\nlearning_rate = 0.1", r"learning_rate belongs in \[training\]"),
        ("dropout = 0.1", r"unexpected entry 'dropout'"),
        ("[model", r"not valid TOML"),
        ("[training]\nepochs = 0", r"epochs = 0: must be within 1 to 10000"),
    ],
)
def test_a_broken_file_is_named_with_its_rule(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"mine.toml: {message}"):
        load_config(path)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "no.toml")
    (tmp_path / "best_config.toml").write_text("[model]\nfilters_1 = 8\n")
    assert load_config(tmp_path).filters_1 == 8


def test_blocks_of_zero_filters_are_left_out():
    assert Config(filters_3=0).filters == (32, 64)
    assert Config(filters_2=0, filters_3=0).filters == (32,)


def test_replace_refuses_unknown_names():
    with pytest.raises(ConfigError, match="unknown field 'units'"):
        Config().replace(units=3)


def test_a_new_field_is_enough_for_every_list_of_fields(monkeypatch):
    rule = Rule(
        "training", "Sharpness.", 0, 1, recompiles=False, augments=True, aliases=("crispness",),
        regulariser="sharpness of {}", source="random erasing",
    )  # fmt: skip
    monkeypatch.setitem(RULES, "sharpness", rule)
    assert augmentations()[-1] == "sharpness"
    assert training.regularisers({"sharpness": 0.5}) == ["sharpness of 0.5", "augmentation"]
    assert "--map crispness=sharpness" in parameter_mapping._unknown("crispness", "crispness")
    facts = SimpleNamespace(best=SimpleNamespace(values=lambda: {"sharpness": 0.5}))
    assert bibliography._network(facts) == ["random erasing"]


def test_a_method_is_cited_where_it_is_named_and_the_others_at_the_end():
    values = {**Config().to_dict(), "stages": 3, "batch_norm": True, "optimizer": "adamw"}
    values |= {"dropout": 0.2, "erasing": 0.2, "label_smoothing": 0.0, "residual": False}
    facts = SimpleNamespace(
        best=SimpleNamespace(values=lambda: values),
        by_search=False,
        run=SimpleNamespace(
            request=SimpleNamespace(engine="optuna"),
            data=SimpleNamespace(name="mine", mirrors=False),
        ),
    )
    references = bibliography.References(facts)
    told = references.cite_methods("AdamW with dropout; dropout and batch normalisation")
    assert told == "AdamW [1] with dropout [2]; dropout and batch normalisation [3]"
    assert references.sources == [
        bibliography.NETWORK[title]
        for title in ("decoupled weight decay", "simple way to prevent", "internal covariate shift")
    ]
    assert references.cite_methods("AdamW") == "AdamW"
    assert references.cite_further_methods().startswith(" [4")


def test_every_cited_title_is_in_the_bibliography():
    sources = [r.source for r in RULES.values()]
    titles = {t for s in sources for t in ([s] if isinstance(s, str) else s.values())} - {""}
    assert titles == set(bibliography.NETWORK)
