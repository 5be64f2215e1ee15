"""The wheel carries everything a report needs, and nothing of the workshop."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests" / "data" / "short_run"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_contents(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {"search", "fmnist", "report_templates"} == {t for t in tops if ".dist-info" not in t}
    for suffix in (".html.j2", ".css", ".ttf", ".md"):
        assert [n for n in names if n.startswith("report_templates/") and n.endswith(suffix)]
    assert len([n for n in names if n.startswith("report_templates/concepts/")]) == 8
    assert len([n for n in names if n.startswith("report_templates/rubrics/")]) == 5
    assert [n for n in names if n.endswith("README.md")] == ["report_templates/fonts/README.md"]
    assert not [n for n in names if "/examples/" in n]
    recipes = [n for n in names if n.startswith("fmnist/config/recipes/")]
    assert len([n for n in recipes if n.endswith(".toml")]) == 5


HIDING = """
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] not in {hidden}:
            return PathFinder.find_spec(name, path, target)

sys.meta_path = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
"""


@pytest.mark.slow
def test_the_tests_are_found_without_the_packages_of_the_extras(tmp_path):
    """As after ``pip install ".[test]"``: what needs one of them is skipped, nothing fails."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lacking = [re.match(r"[\w-]+", line)[0] for line in extras["optional-dependencies"]["test-all"]]
    hidden = {m for m, names in packages_distributions().items() if set(names) <= set(lacking)}
    assert {"tenacity", "compose_spec", "psycopg"} <= hidden
    (tmp_path / "sitecustomize.py").write_text(HIDING.replace("{hidden}", repr(hidden)))
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    environment = {k: v for k, v in os.environ.items() if k != "CI"} | {"PYTHONPATH": paths}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-m", ""]
    command += ["-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "tenacity is not installed" in done.stdout


@pytest.mark.slow
def test_the_installed_wheel_makes_a_report_from_another_folder(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    run = tmp_path / "elsewhere" / "run"
    shutil.copytree(RECORDED, run)
    code = (
        "import fmnist, sys; from fmnist.cli.main import main\n"
        f"assert fmnist.__file__.startswith({str(site)!r}), fmnist.__file__\n"
        "sys.argv = ['fmnist', 'report', 'run']; main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=run.parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (run / "report.html").stat().st_size > 100_000
    assert (run / "report.pdf").read_bytes().startswith(b"%PDF")
