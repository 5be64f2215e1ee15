import dataclasses
import importlib
import shutil
import socket
import subprocess
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest

from fmnist.data import Source, checksums, first_ready, load
from fmnist.data.formats import idx
from fmnist.data.sources import SOURCES, cache, debian, keras
from fmnist.errors import DataError


@pytest.fixture(autouse=True)
def no_home(tmp_path, monkeypatch):
    """Nothing of this user is read or written."""
    monkeypatch.setenv("FMNIST_CACHE", str(tmp_path / "user-cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras-home"))


@pytest.fixture
def published_sample(raw_sample, monkeypatch):
    """Take the sample for the published data."""
    monkeypatch.setattr(checksums, "TRAIN_SHA256", checksums.part_sha256(raw_sample.train))
    monkeypatch.setattr(checksums, "TEST_SHA256", checksums.part_sha256(raw_sample.test))


def failing(reason):
    def read(_):
        raise DataError(reason)

    return read


def source(name, read, **options):
    return Source(name, read, lambda _: True, **options)


# The order and the messages


def test_the_order_of_the_sources():
    names = [s.name for s in SOURCES]
    assert names[:2] == ["local cache", "installed Debian package"]
    assert [s.needs_network for s in SOURCES] == [False, False, False, True, True]
    assert [s.keep for s in SOURCES] == [False, False, True, True, True]


@pytest.mark.usefixtures("published_sample")
def test_the_first_that_delivers_wins(raw_sample, tmp_path):
    chain = [
        source("one", failing("not here")),
        source("two", lambda _: dataclasses.replace(raw_sample, source="the second")),
        source("three", failing("never asked")),
    ]
    data = load(cache=tmp_path, sources=chain)
    assert data.source == "the second"
    assert data.verified
    assert not cache.is_filled(tmp_path)


def test_when_all_fail_every_reason_is_told(tmp_path):
    chain = [source("one", failing("no file")), source("two", failing("no network"))]
    with pytest.raises(DataError) as caught:
        load(cache=tmp_path, sources=chain)
    message = str(caught.value)
    assert "one: no file" in message
    assert "two: no network" in message
    assert "--data PATH" in message


def test_a_source_with_other_data_is_passed_over(raw_sample, tmp_path):
    with pytest.raises(DataError, match=r"SHA-256 check failed: expected the published training"):
        load(cache=tmp_path, sources=[source("one", lambda _: raw_sample, keep=True)])
    assert not cache.is_filled(tmp_path)


def test_first_ready_reads_nothing(tmp_path):
    chain = [
        Source("no", failing("read"), lambda _: False),
        Source("yes", failing("read"), lambda folder: folder == tmp_path),
    ]
    ready = first_ready(tmp_path, chain)
    assert ready is not None
    assert ready.name == "yes"
    assert first_ready(tmp_path, chain[:1]) is None


# The cache


@pytest.mark.usefixtures("published_sample")
def test_what_was_fetched_is_kept(raw_sample, tmp_path):
    fetched = dataclasses.replace(raw_sample, source="far away")
    load(cache=tmp_path, sources=[source("far", lambda _: fetched, keep=True)])
    data = load(cache=tmp_path, sources=SOURCES[:1])
    assert data.source == "local cache, from far away"
    assert data.verified
    names = sorted(p.name for p in cache.data_folder(tmp_path).iterdir())
    assert len(names) == 5
    assert [n for n in names if n.startswith(".")] == []


@pytest.mark.usefixtures("published_sample")
def test_a_damaged_cache_is_mended(raw_sample, tmp_path):
    cache.keep(tmp_path, raw_sample)
    broken = cache.data_folder(tmp_path) / "train-labels-idx1-ubyte.gz"
    broken.write_bytes(broken.read_bytes()[:50])
    far = source("far", lambda _: raw_sample, keep=True)
    load(cache=tmp_path, sources=[SOURCES[0], far])
    assert load(cache=tmp_path, sources=SOURCES[:1]).verified


@pytest.mark.usefixtures("published_sample")
def test_a_cache_that_cannot_be_written_costs_a_warning(raw_sample, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    far = source("far", lambda _: raw_sample, keep=True)
    assert load(cache=tmp_path / "file", sources=[far]).verified
    assert "could not be cached" in caplog.text


def test_where_the_cache_is(tmp_path, monkeypatch):
    assert cache.cache_folder(tmp_path) == tmp_path
    assert cache.cache_folder() == tmp_path / "user-cache"
    monkeypatch.delenv("FMNIST_CACHE")
    assert "fmnist-report" in str(cache.cache_folder())


# Keras


@pytest.fixture
def keras_module(monkeypatch, raw_sample):
    """A stand-in for ``keras.datasets.fashion_mnist``; its ``load_data`` is replaced by tests."""
    train, test = raw_sample.train, raw_sample.test
    module = types.ModuleType("keras.datasets.fashion_mnist")
    module.load_data = lambda: (
        (train.images, train.labels.astype(np.uint8)),
        (test.images, test.labels.astype(np.uint8)),
    )
    monkeypatch.setattr(keras, "_import", lambda: module)
    return module


def test_keras_folder_is_read_without_keras(sample, monkeypatch):
    with pytest.raises(DataError, match="Keras has not downloaded"):
        keras.read_cached()
    assert not keras.is_cached()
    shutil.copytree(sample, keras.keras_folder())
    assert keras.is_cached()
    assert len(keras.read_cached().train.labels) == 2000


def test_the_folder_is_the_one_into_which_keras_writes(tmp_path, monkeypatch):
    module = importlib.import_module("keras.src.datasets.fashion_mnist")

    def get_file(name, *, cache_subdir, **_):
        raise InterruptedError(cache_subdir)

    monkeypatch.setattr(module, "get_file", get_file)
    with pytest.raises(InterruptedError) as asked:
        module.load_data()
    assert keras.keras_folder() == tmp_path / "keras-home" / str(asked.value)


def test_without_a_home_keras_has_no_folder_and_the_cache_is_temporary(monkeypatch):
    """As for a user without an entry in the system's list, in a container say."""

    def unknown(_):
        raise KeyError("no such user")

    for name in ("FMNIST_CACHE", "KERAS_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    pwd = pytest.importorskip("pwd")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert not keras.is_cached()
    assert isinstance(cache.cache_folder(), Path)


def test_keras_download(keras_module, raw_sample, capsys):
    quiet = keras_module.load_data

    def load_data():
        print("Downloading data ━━━━━━")
        assert socket.getdefaulttimeout() is not None
        return quiet()

    keras_module.load_data = load_data
    raw = keras.fetch()
    assert (raw.train.images == raw_sample.train.images).all()
    assert raw.test.labels.dtype == np.int64
    assert capsys.readouterr().out == ""
    assert socket.getdefaulttimeout() is None


def test_half_a_file_of_an_earlier_download_is_named(keras_module, sample):
    shutil.copytree(sample, keras.keras_folder())
    torn = keras.keras_folder() / "train-labels-idx1-ubyte.gz"
    torn.write_bytes(torn.read_bytes()[:300])

    def load_data():
        raise EOFError("Compressed file ended")

    keras_module.load_data = load_data
    with pytest.raises(DataError, match=r"EOFError.*train-labels.* half a file .* delete it"):
        keras.fetch()


def test_keras_without_a_network(keras_module):
    def load_data():
        raise Exception("URL fetch failure on https://…: None -- [Errno -3] no name\nsecond line")

    keras_module.load_data = load_data
    with pytest.raises(DataError, match=r"the download failed: Exception: URL fetch.*no name$"):
        keras.fetch()


def test_keras_download_that_stalls(keras_module):
    release = threading.Event()
    keras_module.load_data = release.wait
    with pytest.raises(DataError, match=r"no bytes arrived for 0\.05 s"):
        keras.fetch(stall_seconds=0.05)
    release.set()


def test_keras_download_that_is_slow_but_moves(keras_module, raw_sample):
    folder, quiet, stop = keras.keras_folder(), keras_module.load_data, threading.Event()
    folder.mkdir(parents=True)

    def load_data():
        for i in range(8):
            (folder / "part").write_bytes(bytes(i))
            stop.wait(0.1)
        return quiet()

    keras_module.load_data = load_data
    assert len(keras.fetch(stall_seconds=0.5).train.labels) == 2000


def test_keras_that_cannot_be_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras.datasets.fashion_mnist", None)
    monkeypatch.setitem(sys.modules, "keras.datasets", None)
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(DataError, match="Keras cannot be imported"):
        keras.fetch()


# Debian


@pytest.fixture
def commands(monkeypatch, sample):
    """Record commands instead of running them; ``dpkg-deb`` unpacks the sample."""
    seen = []

    def run(command, *, cwd, **options):
        seen.append(command)
        assert options["timeout"] > 0
        if command[0] == "dpkg-deb":
            shutil.copytree(sample, Path(command[3]) / "usr/share/datasets/fashion-mnist")
        elif "download" in command and run.fails != len(seen):
            (cwd / "dataset-fashion-mnist_1_all.deb").write_bytes(b"")
        rc = 100 if run.fails == len(seen) or run.fails == "all" else 0
        return subprocess.CompletedProcess(command, rc, "", "Warning: x\nE: no candidate\n")

    run.fails = None
    run.seen = seen
    monkeypatch.setattr(debian.subprocess, "run", run)
    monkeypatch.setattr(debian.shutil, "which", lambda tool: f"/usr/bin/{tool}")
    return run


def test_apt_uses_the_package_lists_of_the_system(commands, tmp_path):
    raw = debian.fetch(tmp_path)
    assert raw.source == "Debian package dataset-fashion-mnist"
    assert len(raw.train.labels) == 2000
    download, unpack = commands.seen
    assert download[0] == "apt-get"
    assert download[-2:] == ["download", "dataset-fashion-mnist"]
    assert "APT::Sandbox::User=" in download
    assert not any("Lists" in word for word in download)
    assert unpack[:2] == ["dpkg-deb", "-x"]
    assert list(tmp_path.iterdir()) == []


def test_apt_fetches_lists_of_its_own_where_there_are_none(commands, tmp_path):
    commands.fails = 1
    assert len(debian.fetch(tmp_path).test.labels) == 500
    verbs = [[w for w in c if w in ("update", "download", "-x")] for c in commands.seen]
    assert verbs == [["download"], ["update"], ["download"], ["-x"]]
    for command in commands.seen[1:3]:
        (lists,) = [word for word in command if word.startswith("Dir::State::Lists=")]
        assert lists.startswith(f"Dir::State::Lists={tmp_path}")


def test_every_written_folder_is_below_the_cache(tmp_path):
    command = debian.apt_command(tmp_path, own_lists=True)
    folders = [word.split("=")[1] for word in command if word.startswith("Dir::")]
    assert folders == [str(tmp_path / "cache"), str(tmp_path / "lists")]
    assert command[2::2] == ["-o"] * len(command[2::2])


def test_apt_that_fails(commands, tmp_path):
    commands.fails = "all"
    with pytest.raises(DataError, match="apt-get update failed: E: no candidate"):
        debian.fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_apt_that_hangs(commands, tmp_path, monkeypatch):
    def run(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(debian.subprocess, "run", run)
    with pytest.raises(DataError, match="apt-get took longer than 600 s"):
        debian.fetch(tmp_path)


def test_a_cache_that_cannot_hold_the_package(commands, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="could not be stored"):
        debian.fetch(tmp_path / "file")


def test_no_apt(tmp_path, monkeypatch):
    monkeypatch.setattr(debian.shutil, "which", lambda tool: None)
    with pytest.raises(DataError, match="not Debian or Ubuntu"):
        debian.fetch(tmp_path)


def test_the_installed_package(sample, tmp_path):
    assert debian.is_installed(sample)
    assert debian.read_installed(sample).source == "Debian package dataset-fashion-mnist"
    assert not debian.is_installed(tmp_path)
    with pytest.raises(DataError, match="not installed"):
        debian.read_installed(tmp_path / "none")


# The real thing

needs_debian = pytest.mark.skipif(not debian.is_installed(), reason="the package is not installed")


@needs_debian
def test_the_installed_test_half_is_the_published_one():
    files = idx.find_files(debian.INSTALLED_FOLDER)
    images = idx.read_images(files["test images"])
    labels = idx.read_labels(files["test labels"])
    part = checksums.Part(images, labels, "images", "labels")
    assert checksums.compare(part) is checksums.Match.TEST


@pytest.mark.full
@needs_debian
def test_the_installed_package_is_the_published_data():
    data = load(sources=SOURCES[1:2])
    assert data.verified
    assert data.train_images.shape == (60_000, 28, 28, 1)
    assert data.test.n == 10_000


@pytest.mark.full
@needs_debian
def test_published_rows_in_another_order():
    raw = debian.read_installed()
    for part, match in (
        (raw.train, checksums.Match.TRAIN_REORDERED),
        (raw.test, checksums.Match.TEST_REORDERED),
    ):
        turned = checksums.Part(part.images[::-1], part.labels[::-1], "images", "labels")
        assert checksums.compare(turned) is match


@pytest.mark.full
@pytest.mark.skipif(not debian.can_fetch(), reason="no apt on this machine")
def test_apt_download(tmp_path):
    data = load(cache=tmp_path, sources=SOURCES[4:])
    assert data.verified
    assert load(cache=tmp_path, sources=SOURCES[:1]).verified
