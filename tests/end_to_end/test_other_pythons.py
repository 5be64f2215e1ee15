"""The whole job under the other versions of Python that are promised, where they are installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PROMISED = ("3.11", "3.12", "3.13")
PARTS = ("fmnist", "search", "report_templates", "pyproject.toml", "README.md", "LICENSE")


def interpreters():
    """One of each other version: of the system, or of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in PROMISED:
        if version != "{}.{}".format(*sys.version_info[:2]):
            own = shutil.which(f"python{version}")
            places = [*filter(None, [own]), *map(str, pyenv.glob(f"{version}.*/bin/python"))]
            yield from [place for place in places if is_python(place)][:1]


def is_python(place):
    """Whether it runs and can make environments: pyenv's stand-ins may do neither."""
    return not subprocess.run([place, "-c", "import ensurepip"], capture_output=True).returncode


@pytest.mark.parametrize("interpreter", list(interpreters()))
def test_the_job_runs_under_it_from_installing_to_the_pdf(tmp_path, interpreter):
    source = tmp_path / "source"
    source.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, source / part)
    python = tmp_path / "environment" / "bin" / "python"
    subprocess.run([interpreter, "-m", "venv", tmp_path / "environment"], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", source], check=True)
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-m", "fmnist", "try", "--name", "one"],
        cwd=tmp_path, env=alone, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert (tmp_path / "results" / "one" / "report.pdf").read_bytes().startswith(b"%PDF")
