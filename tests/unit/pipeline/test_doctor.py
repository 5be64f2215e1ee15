import collections
import importlib.metadata
import sys
from pathlib import Path

import numpy as np
import pytest

from fmnist.backends import parallelism
from fmnist.data import Source
from fmnist.data.formats.idx import encode_images
from fmnist.pipeline import doctor
from fmnist.pipeline.doctor import Check


@pytest.fixture
def installed(monkeypatch):
    """Pretend versions: change the dictionary to change what is installed."""
    versions = {"numpy": "2.0.0", "tensorflow": "2.20.1"}

    def version(name):
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    lines = ["numpy>=1.26", "tensorflow<3,>=2.20", "pytest>=8; extra == 'test'"]
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda _: lines)
    monkeypatch.setattr(doctor.importlib.metadata, "packages_distributions", dict)
    return versions


def source(name, *, ready=True, network=False):
    return Source(name, lambda _: pytest.fail("read"), lambda _: ready, needs_network=network)


def test_every_check_reports(tmp_path, sample):
    checks = doctor.check_all(tmp_path, sample)
    names = ["Python", "packages", "backend", "data", "cores", "memory", "disk", "fonts", "PDF"]
    assert [c.name for c in checks] == names
    for check in checks:
        assert check.found
        assert bool(check.remedy) is (check.ok is not True), check


def test_a_check_that_breaks_is_a_finding(tmp_path, monkeypatch):
    def broken():
        raise RuntimeError("no such counter")

    monkeypatch.setattr(doctor, "check_memory", broken)
    checks = {c.name: c for c in doctor.check_all(tmp_path, None)}
    assert checks["memory"].ok is False
    assert checks["memory"].found == "RuntimeError: no such counter"
    assert "disk" in checks


@pytest.mark.parametrize(
    ("version", "ok"),
    [((3, 10, 9), False), ((3, 11, 0), True), ((3, 13, 5), True), ((3, 14, 0), False)],
)
def test_python(monkeypatch, version, ok):
    monkeypatch.setattr(doctor.sys, "version_info", version)
    check = doctor.check_python()
    assert check.ok is ok
    assert check.found == ".".join(map(str, version))


def test_the_range_is_the_one_of_the_project():
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    low, high = doctor.OLDEST_PYTHON, doctor.FIRST_UNTRIED_PYTHON
    assert f'">={low[0]}.{low[1]},<{high[0]}.{high[1]}"' in text


def test_packages_that_fit(installed):
    assert doctor.check_packages() == Check("packages", True, "all 2 required packages fit")


def test_a_missing_package(installed):
    del installed["numpy"]
    check = doctor.check_packages()
    assert (check.ok, check.found) == (False, "numpy is missing")
    assert check.remedy == "pip install --upgrade numpy"


def test_an_old_package(installed):
    installed["tensorflow"] = "2.19.0"
    check = doctor.check_packages()
    assert check.ok is False
    assert check.found == "tensorflow 2.19.0 is installed, <3,>=2.20 is required"


def test_another_distribution_of_the_same_package(installed, monkeypatch):
    installed["tensorflow-cpu"] = installed.pop("tensorflow")
    brought = {"tensorflow": ["tensorflow-cpu"]}
    monkeypatch.setattr(doctor.importlib.metadata, "packages_distributions", lambda: brought)
    assert doctor.check_packages().ok is True


def test_without_packaging_presence_has_to_do(installed, monkeypatch):
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    installed["numpy"] = "1.0"
    assert doctor.check_packages().ok is True
    del installed["numpy"]
    assert doctor.check_packages().ok is False


def test_requirements_of_a_source_tree(monkeypatch):
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.importlib.metadata, "requires", requires)
    names = {doctor._name(line) for line in doctor._requirements()}
    assert {"tensorflow", "optuna", "weasyprint"} <= names
    assert "pytest" not in names


def test_backend(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: object())
    assert doctor.check_backend().found.startswith("tensorflow")
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    check = doctor.check_backend()
    assert check.ok is False
    assert "KERAS_BACKEND=theano" in check.found
    assert "tensorflow or jax" in check.remedy


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_precision_of_the_backend(monkeypatch, precision):
    monkeypatch.setenv("FMNIST_PRECISION", precision)
    check = doctor.check_backend()
    assert check.ok is True
    assert f"{precision} on this processor" in check.found


def test_an_unknown_precision(monkeypatch):
    monkeypatch.setenv("FMNIST_PRECISION", "float16")
    check = doctor.check_backend()
    assert (check.ok, check.remedy) == (False, "unset FMNIST_PRECISION")
    assert "'float16'" in check.found
    assert "float32, bfloat16" in check.found


def test_a_backend_that_is_not_installed(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    found = "jax, which Keras is to run on, is not installed"
    assert doctor.check_backend() == Check("backend", False, found, "pip install jax")


@pytest.mark.parametrize(
    ("first", "ok", "found"),
    [
        (source("local cache"), True, "Fashion-MNIST from local cache"),
        (source("the net", network=True), None, "not here yet; would come from the net"),
        (None, False, "no source of Fashion-MNIST on this machine"),
    ],
)
def test_where_the_data_would_come_from(monkeypatch, first, ok, found):
    monkeypatch.setattr(doctor, "first_ready", lambda: first)
    check = doctor.check_data(None)
    assert (check.ok, check.found) == (ok, found)


def test_data_of_the_user(sample, tmp_path):
    check = doctor.check_data(sample)
    assert check.ok is True
    assert "2000 training, 500 test images, 10 classes of your own" in check.found
    for path in sample.glob("*.gz"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert doctor.check_data(tmp_path).ok is True
    wrong = encode_images(np.zeros((1, 5, 5), np.uint8))
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(wrong)
    check = doctor.check_data(tmp_path)
    assert check.ok is False
    assert "found 5 x 5" in check.found


@pytest.mark.parametrize(("cores", "ok"), [({0}, None), ({0, 1}, True)])
def test_cores(monkeypatch, cores, ok):
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda _: cores, raising=False)
    assert doctor.check_cores().ok is ok


@pytest.mark.parametrize(("available", "ok"), [(2.9e9, False), (3e9, True)])
def test_memory(monkeypatch, available, ok):
    import psutil

    answer = collections.namedtuple("answer", "available")(available)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: answer)
    check = doctor.check_memory()
    assert check.ok is ok
    assert check.found == f"{available / 1e9:.1f} GB available"


@pytest.mark.parametrize(
    ("limit", "used", "free"),
    [("4000", "1000", 3000), ("max", "1000", 9000), ("", "", 9000), ("900", "1000", 0)],
)
def test_memory_of_a_container(monkeypatch, tmp_path, limit, used, free):
    import psutil

    answer = collections.namedtuple("answer", "available")(9000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: answer)
    files = (tmp_path / "memory.max", tmp_path / "memory.current")
    for path, text in zip(files, (limit, used), strict=True):
        path.write_text(text)
    absent = (tmp_path / "limit_in_bytes", tmp_path / "usage_in_bytes")
    monkeypatch.setattr(parallelism, "_CONTAINER_MEMORY", (absent, files))
    assert parallelism.available_memory() == free


@pytest.mark.parametrize(("free", "ok"), [(9e8, False), (1e9, True)])
def test_disk(monkeypatch, tmp_path, free, ok):
    answer = collections.namedtuple("answer", "free")(free)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: answer)
    check = doctor.check_disk(tmp_path / "not" / "there" / "yet")
    assert check.ok is ok
    assert check.found.endswith(f"GB free in {tmp_path}")
    assert list(tmp_path.iterdir()) == []


def test_results_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert doctor.check_disk(tmp_path / "file" / "results").ok is False
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    check = doctor.check_disk(tmp_path)
    assert (check.ok, check.found) == (False, f"{tmp_path} cannot be written")


def test_fonts():
    check = doctor.check_fonts()
    assert check.ok is True
    assert check.found == f"{len(doctor.font_files())} bundled fonts"


def test_fonts_that_are_missing_or_damaged(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "font_files", list)
    assert doctor.check_fonts().ok is False
    (tmp_path / "x.ttf").write_bytes(b"not a font at all")
    monkeypatch.setattr(doctor, "font_files", lambda: [tmp_path / "x.ttf"])
    check = doctor.check_fonts()
    assert check.ok is False
    assert str(tmp_path / "x.ttf") in check.found


def test_pdf_without_pango(monkeypatch):
    import weasyprint

    def write_pdf(self):
        raise OSError("cannot load library 'libpango-1.0-0'\nmore")

    monkeypatch.setattr(weasyprint.HTML, "write_pdf", write_pdf)
    check = doctor.check_pdf()
    assert check.ok is False
    assert "apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in check.remedy
    assert "brew install pango" in check.remedy
    assert "more" not in check.remedy


def test_pdf_with_a_broken_weasyprint(monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    remedy = doctor.pango_available()
    assert remedy is not None
    assert "ModuleNotFoundError" in remedy


def test_pdf_works_here():
    pytest.importorskip("weasyprint", exc_type=OSError)
    assert doctor.pango_available() is None


@pytest.mark.parametrize("slower", [1, 3])
def test_typesetting_is_timed(monkeypatch, slower):
    now = iter(np.arange(1000) * 0.048 * slower)
    monkeypatch.setattr(doctor.time, "perf_counter", lambda: float(next(now)))
    monkeypatch.setattr(doctor, "_render_line", lambda: b"%PDF-1.7")
    assert slower <= doctor.rendering_slowness() <= 1.3 * slower


def test_where_nothing_can_be_typeset_nothing_is_timed(monkeypatch):
    monkeypatch.setattr(doctor, "pango_available", lambda: "install Pango")
    assert doctor.rendering_slowness() == 1.0
