import numpy as np
import pytest

from fmnist.config.config import RULES, Config
from fmnist.config.spaces import CORE, SPACES, load_space
from fmnist.errors import UserError
from search.space import Categorical, Float, Int


def test_the_core_space_is_the_four_of_the_order():
    assert [p.name for p in CORE] == [
        "filters_1",
        "filters_2",
        "filters_3",
        "dropout",
        "learning_rate",
        "batch_size",
    ]


def test_every_corner_of_the_core_space_is_a_configuration():
    for params in CORE.grid(2):
        assert Config().replace(**params).to_dict().items() >= params.items()


@pytest.mark.parametrize("name", SPACES)
def test_points_of_every_space_are_configurations_that_are_searched_on_purpose(name):
    space, rng = SPACES[name], np.random.default_rng(0)
    points = {p.name: p.grid(4) for p in space}
    base = Config(optimizer="adamw")
    for _ in range(300):
        params = {k: v[rng.integers(len(v))] for k, v in points.items()}
        assert base.replace(**params).to_dict().items() >= params.items()
    assert all(len(v) > 1 for v in points.values())
    assert all(p.help for p in space)


def test_the_spaces_grow():
    core, extended, full = ({p.name for p in SPACES[n]} for n in ("core", "extended", "full"))
    assert core < extended
    assert extended - {"filters_1", "filters_2", "filters_3"} < full


def test_the_default_configuration_lies_in_the_core_space():
    values = Config().to_dict()
    assert CORE.contains({p.name: values[p.name] for p in CORE})


def test_a_space_file_may_search_any_field(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(
        "[filters_1]\ntype = 'int'\nlow = 8\nhigh = 24\nstep = 8\n"
        "[weight_decay]\ntype = 'float'\nlow = 1e-5\nhigh = 0.01\nlog = true\n"
        "[pooling]\ntype = 'categorical'\nchoices = ['max', 'average']\n"
    )
    first, second, third = load_space(path)
    assert first == Int("filters_1", 8, 24, step=8, help=RULES["filters_1"].help)
    assert second == Float("weight_decay", 1e-5, 0.01, log=True, help=RULES["weight_decay"].help)
    assert isinstance(third, Categorical)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[filter]\ntype = 'int'", r"unknown field \[filter\]"),
        ("filters_1 = 3", r"expected a table such as \[filters_1\]"),
        (
            "[dropout]\ntype = 'float'\nlow = 0\nhigh = 2",
            r"dropout = 2: must be within|dropout = 2",
        ),
        ("[dropout]\ntype = 'float'\nlow = 1\nhigh = 0", r"low <= high must hold"),
        ("[pooling]\ntype = 'categorical'\nchoices = ['min']", r"pooling = 'min': must be one of"),
        ("[dropout]\ntype = 'float'", r"float takes low, high, log"),
        ("", r"at least one parameter"),
        ("[", r"not valid TOML"),
    ],
)
def test_a_broken_space_file_names_file_and_rule(tmp_path, text, message):
    path = tmp_path / "space.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"space\.toml: .*({message})"):
        load_space(path)
