"""The layout that the house keeps: few modules at a root, small folders, one home for a name."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [p for top in ("fmnist", "search") for p in sorted((ROOT / top).rglob("*.py"))]


def places(text):
    return sorted(str(p.relative_to(ROOT)) for p in MODULES if text in p.read_text("utf-8"))


def test_few_modules_stand_at_the_root():
    assert len(list((ROOT / "fmnist").glob("*.py"))) <= 5


def test_no_folder_is_crowded():
    sizes = Counter(p.parent for p in MODULES)
    assert {str(folder): n for folder, n in sizes.items() if n > 20} == {}


def test_no_module_is_long():
    lengths = {str(p): len(p.read_text("utf-8").splitlines()) for p in MODULES}
    assert {path: n for path, n in lengths.items() if n > 350} == {}


def test_a_class_name_has_one_home():
    names = Counter(
        node.name
        for path in MODULES
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert sum(n > 1 for n in names.values()) <= 5, [n for n in names if names[n] > 1]


@pytest.mark.parametrize("name", ["run.toml", "metrics.json"])
def test_a_file_of_a_run_is_named_in_one_module(name):
    assert places(f'"{name}"') == ["fmnist/runs/artifacts.py"]


def test_every_room_says_what_it_is_for():
    for package in sorted({p.parent for p in MODULES}):
        text = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8")))
        assert text, package
        assert not re.search(r"\bTODO\b", text)
