"""The house has three floors: imports go down, never up, never round."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = {"fmnist": {"fmnist", "search", "report_templates"}, "search": {"search"}}
OURS = {"fmnist", "search", "report_templates", "tests"}
HEAVY = {"tensorflow", "keras", "keras_tuner", "optuna"}
NETWORKS = {"keras", "tensorflow", "fmnist"}


def imports(path):
    """(module, at module level) of every import in a file, ``TYPE_CHECKING`` blocks left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def files(package):
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, package
    return found


@pytest.mark.parametrize("package", FLOORS)
def test_imports_go_down(package):
    for path in files(package):
        for module in imports(path):
            top = module.partition(".")[0]
            assert top not in OURS or top in FLOORS[package], f"{path} imports {module}"


def module(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def uses(path, known):
    """Our modules that a file imports, at any level and for typing too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


def test_imports_never_go_round():
    known = {module(path): path for package in FLOORS for path in files(package)}
    graph = {name: set(uses(path, known)) - {name} for name, path in known.items()}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert set(order) == set(known)


def test_the_search_engine_knows_no_network():
    for path in files("search"):
        tops = {m.partition(".")[0] for m in imports(path)}
        assert not tops & {"keras", "tensorflow"}, path


@pytest.mark.parametrize("library", ["tensorflow", "jax"])
def test_only_one_room_imports_a_backend(library):
    using = [p for p in files("fmnist") if library in {m.split(".")[0] for m in imports(p)}]
    rooms = {p.parent.name for p in using if p.name != "formats.py"}  # exports are what it says
    assert rooms == {"backends"}


def test_report_templates_hold_no_logic():
    assert [p.name for p in files("report_templates")] == ["__init__.py"]
    tree = ast.parse((ROOT / "report_templates" / "__init__.py").read_text())
    assert all(isinstance(node, ast.Expr) for node in tree.body)


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("fmnist.cli.main, fmnist.cli.commands.run, fmnist.report.render, fmnist.data", HEAVY),
        ("search.study.study, search.engines.optuna, search.analysis.importance", NETWORKS),
    ],
)
def test_light_rooms_load_no_heavy_library(modules, heavy):
    code = f"import sys, {modules}; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
