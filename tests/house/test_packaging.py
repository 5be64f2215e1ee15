"""The wheel carries everything a report needs, and nothing of the workshop."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests" / "data" / "recorded_run"


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
