"""``fmnist doctor``: is this machine ready for a night's run? One finding a check."""

from __future__ import annotations

import gc
import importlib.metadata
import importlib.util
import io
import os
import re
import shutil
import sys
import time
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from fmnist import backends
from fmnist.backends import parallelism
from fmnist.backends.policy import PRECISION_VARIABLE, policy_for
from fmnist.data import first_ready, load
from fmnist.errors import UserError
from fmnist.runs.records.plan import Check

PROJECT = "fmnist-report"
OLDEST_PYTHON, FIRST_UNTRIED_PYTHON = (3, 11), (3, 14)
LEAST_DISK = 1e9
"""Bytes a night's run may write: study, checkpoints, logs, report."""
LEAST_MEMORY = 3e9
"""Bytes for the parent and one trial with 60,000 images on TensorFlow."""
# A line is typeset for so many seconds; what one takes on a fast machine.
_RENDERED_FOR, _FAST_LINE = 0.6, 0.048
PANGO_REMEDY = (
    "WeasyPrint needs Pango: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 "
    "(Debian, Ubuntu), or brew install pango (macOS)"
)


def check_all(results: Path, data: Path | None) -> list[Check]:
    """Every check, in the order of a run. Nothing is downloaded, TensorFlow is not imported.

    Args:
        results: folder the runs are to be written in; need not exist.
        data: the user's data (``--data``), or None for the published data set.
    """
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("Python", check_python),
        ("packages", check_packages),
        ("backend", check_backend),
        ("data", lambda: check_data(data)),
        ("cores", check_cores),
        ("memory", check_memory),
        ("disk", lambda: check_disk(results)),
        ("fonts", check_fonts),
        ("PDF", check_pdf),
    ]
    return [guarded(name, check) for name, check in checks]


def guarded(name: str, check: Callable[[], Check]) -> Check:
    """A check that itself breaks is a finding, not the end of the others."""
    try:
        return check()
    except Exception as error:
        return Check(name, False, f"{type(error).__name__}: {error}", "see the message")


def check_python() -> Check:
    """The interpreter's version against the project's range."""
    version = sys.version_info[:3]
    found = ".".join(map(str, version))
    if OLDEST_PYTHON <= version[:2] < FIRST_UNTRIED_PYTHON:
        return Check("Python", True, found)
    return Check("Python", False, found, "use Python 3.11, 3.12 or 3.13")


def check_packages() -> Check:
    """Installed versions against the project's own requirements."""
    requirements = _requirements()
    problems = [problem for text in requirements if (problem := _package_problem(text))]
    if not problems:
        return Check("packages", True, f"all {len(requirements)} required packages fit")
    names = " ".join(_name(problem) for problem in problems)
    return Check("packages", False, "; ".join(problems), f"pip install --upgrade {names}")


def _requirements() -> list[str]:
    """Requirement lines of this project, without its extras."""
    try:
        lines = importlib.metadata.requires(PROJECT) or []
    except importlib.metadata.PackageNotFoundError:  # run from a source tree
        pyproject = Path(__file__).parents[2] / "pyproject.toml"
        lines = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["dependencies"]
    return [line for line in lines if "extra ==" not in line]


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _package_problem(requirement: str) -> str:
    """Name first, then what is wrong; empty where the package fits."""
    name = _name(requirement)
    version = _version(name)
    if version is None:
        return f"{name} is missing"
    try:
        from packaging.requirements import Requirement
    except ImportError:  # then presence has to do
        return ""
    wanted = Requirement(requirement).specifier
    if wanted.contains(version, prereleases=True):
        return ""
    return f"{name} {version} is installed, {wanted} is required"


def _version(name: str) -> str | None:
    """The version of a distribution, or of another that brings the same import (tensorflow-cpu)."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        others = importlib.metadata.packages_distributions().get(name, [])
        return importlib.metadata.version(others[0]) if others else None


def check_backend() -> Check:
    """KERAS_BACKEND names a backend that is installed; it is not imported."""
    try:
        name = backends.chosen()
    except UserError as error:
        found, _, remedy = str(error).partition("; ")
        return Check("backend", False, found, remedy)
    try:
        precision = policy_for(name, "CPU").precision
    except UserError as error:
        return Check("backend", False, str(error), f"unset {PRECISION_VARIABLE}")
    found = f"{name} {_version(name) or ''}".rstrip()
    return Check("backend", True, f"{found}, trains in {precision} on this processor")


def check_data(data: Path | None) -> Check:
    """The user's data, read and checked; or the source the published data would come from."""
    if data is not None:
        return _check_own_data(data)
    source = first_ready()
    if source is None:
        remedy = "connect to a network and install keras, or name your own copy with --data PATH"
        return Check("data", False, "no source of Fashion-MNIST on this machine", remedy)
    if source.needs_network:
        remedy = "needs a network at the start of the first run; 30 MB, kept afterwards"
        return Check("data", None, f"not here yet; would come from {source.name}", remedy)
    return Check("data", True, f"Fashion-MNIST from {source.name}")


def _check_own_data(path: Path) -> Check:
    try:
        data = load(path)
    except UserError as error:
        return Check("data", False, str(error), "mend the file, or leave --data out")
    found = f"{data.source}: {len(data.train_labels)} training, {data.test.n} test images"
    if data.published:
        return Check("data", True, f"{found}, verified as {data.published}")
    return Check("data", True, f"{found}, {len(data.class_names)} classes of your own")


def check_cores() -> Check:
    """Logical processors this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if cores and cores > 1:
        return Check("cores", True, str(cores))
    return Check("cores", None, str(cores or "unknown"), "one core works; give it a longer night")


def check_memory() -> Check:
    """Memory that is free for use now."""
    available = parallelism.available_memory()
    found = f"{available / 1e9:.1f} GB available"
    if available >= LEAST_MEMORY:
        return Check("memory", True, found)
    return Check(
        "memory", False, found, f"close programs until {LEAST_MEMORY / 1e9:g} GB are available"
    )


def check_disk(results: Path, least: float = LEAST_DISK) -> Check:
    """Room for ``least`` bytes, and leave to write, where the results go."""
    folder = next(p for p in (results.absolute(), *results.absolute().parents) if p.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return Check("disk", False, f"{folder} cannot be written", "choose another with --results")
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free in {folder}"
    if free >= least:
        return Check("disk", True, found)
    return Check(
        "disk", False, found, f"free {least / 1e9:.3g} GB, or choose another with --results"
    )


def font_files() -> list[Path]:
    """The fonts that come with the report."""
    folder = Path(str(resources.files("report_templates"))) / "fonts"
    return sorted(folder.glob("*.ttf"))


def check_fonts() -> Check:
    """The bundled fonts are there and can be read."""
    from fontTools.ttLib import TTFont, TTLibError

    remedy = f"install {PROJECT} again: its own fonts are missing or damaged"
    fonts = font_files()
    for path in fonts:
        try:
            with TTFont(io.BytesIO(path.read_bytes()), lazy=True) as font:
                font.getBestCmap()
        except (TTLibError, OSError, AssertionError, KeyError) as error:
            return Check("fonts", False, f"{path}: {error}", remedy)
    return Check("fonts", bool(fonts), f"{len(fonts)} bundled fonts", "" if fonts else remedy)


def check_pdf() -> Check:
    """WeasyPrint renders a line."""
    remedy = pango_available()
    if remedy is None:
        return Check("PDF", True, "WeasyPrint renders")
    return Check("PDF", False, "WeasyPrint cannot render; the report would be HTML only", remedy)


def pango_available() -> str | None:
    """Render one line with WeasyPrint: None when that works, otherwise what to do."""
    try:
        pdf = _render_line()
    except OSError as error:
        return f"{PANGO_REMEDY} ({str(error).splitlines()[0]})"
    except Exception as error:
        return f"WeasyPrint fails with {type(error).__name__}: {error}; pip install -U weasyprint"
    return None if pdf.startswith(b"%PDF") else "WeasyPrint wrote no PDF; pip install -U weasyprint"


def rendering_slowness() -> float:
    """How many times a fast machine's time typesetting takes here; 1 where it does not work.

    Of what is not training the report takes longest, and it gains nothing from several cores.
    """
    if pango_available() is not None:
        return 1.0
    rendered, since = 0, time.perf_counter()
    while (took := time.perf_counter() - since) < _RENDERED_FOR:
        _render_line()
        rendered += 1
    gc.collect()  # fonts of WeasyPrint, which keeps them in a folder while it lives
    return round(took / rendered / _FAST_LINE, 2)


def _render_line() -> bytes:
    """A PDF of one line in the bundled font, since a bare machine has none."""
    import weasyprint

    faces = "".join(
        f"@font-face {{ font-family: Bundled; src: url('{path.as_uri()}') }}"
        for path in font_files()[:1]
    )
    page = f"<style>{faces} p {{ font-family: Bundled }}</style><p>One line.</p>"
    return bytes(weasyprint.HTML(string=page).write_pdf())
