import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.space import Categorical, Float, Int, SearchSpace, SpaceError, parameter

names = st.text("abcdefgh", min_size=1, max_size=5)


@st.composite
def parameters(draw, name):
    kind = draw(st.sampled_from(["int", "float", "categorical"]))
    if kind == "categorical":
        choices = draw(st.lists(st.integers() | st.text(max_size=3), min_size=1, unique=True))
        return Categorical(name, tuple(choices))
    log = draw(st.booleans())
    low = draw(st.integers(1, 50))
    if kind == "int":
        step = 1 if log else draw(st.integers(1, 7))
        return Int(name, low, low + step * draw(st.integers(0, 20)), step=step, log=log)
    return Float(name, float(low), low + draw(st.floats(0, 100)), log=log)


@st.composite
def spaces(draw):
    found = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    return SearchSpace(tuple(draw(parameters(name)) for name in found))


@given(spaces())
def test_json_round_trip_gives_an_equal_space(space):
    assert SearchSpace.from_json(space.to_json()) == space
    assert space.differences(SearchSpace.from_json(space.to_json())) == []


@given(spaces(), st.integers(2, 4))
def test_every_grid_point_is_in_the_space(space, points):
    grid = list(space.grid(points))
    assert grid
    assert all(space.contains(point) for point in grid)


def test_grid_keeps_the_ends_of_the_range():
    assert Int("n", 16, 64, step=16).grid(3) == [16, 48, 64]
    assert Float("x", 1e-4, 1e-2, log=True).grid(3) == pytest.approx([1e-4, 1e-3, 1e-2])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"type": "int", "low": 5, "high": 2}, r"n: low <= high must hold.*low=5, high=2"),
        ({"type": "int", "low": 1, "high": 6, "step": 2}, r"step=2 must divide high - low = 5"),
        ({"type": "int", "low": 2, "high": 8, "step": 2, "log": True}, r"log and step=2"),
        ({"type": "int", "low": 1.5, "high": 8}, r"low must be a whole number, but got 1.5"),
        ({"type": "float", "low": 0, "high": 1, "log": True}, r"low > 0 must hold"),
        ({"type": "float", "low": 0, "high": float("inf")}, r"high must be finite"),
        ({"type": "float", "low": "a", "high": 1}, r"low must be a number, but got 'a'"),
        ({"type": "categorical", "choices": []}, r"choices must not be empty"),
        ({"type": "categorical", "choices": [1, 1]}, r"choices must differ"),
        ({"type": "real", "low": 0, "high": 1}, r"type must be one of int, float, categorical"),
        ({"type": "int", "low": 0, "high": 1, "stride": 2}, r"int takes low, high, step, log"),
    ],
)
def test_a_broken_parameter_names_rule_and_value(entry, message):
    with pytest.raises(SpaceError, match=message):
        parameter({"name": "n", **entry})


def test_a_name_may_stand_once():
    with pytest.raises(SpaceError, match="'a' stands twice"):
        SearchSpace((Int("a", 1, 2), Float("a", 0, 1)))


def test_differences_name_what_changed():
    before = SearchSpace((Int("a", 1, 2), Float("b", 0, 1)))
    after = SearchSpace((Int("a", 1, 3), Categorical("c", ("x",))))
    lines = "\n".join(before.differences(after))
    assert "a: type=int, low=1, high=2" in lines
    assert "b: " in lines
    assert "-> (absent)" in lines
    assert "c: (absent) ->" in lines


def test_contains_tells_types_apart():
    space = SearchSpace((Int("a", 1, 9, step=2), Categorical("c", (1, "1"))))
    assert space.contains({"a": 3, "c": "1"})
    assert not space.contains({"a": 4, "c": "1"})
    assert not space.contains({"a": True, "c": 1})
    assert not space.contains({"a": 3})
