import json
import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from fmnist.data import load, split
from fmnist.data.detect import read_path

for name, examples in (("short", 30), ("thorough", 100)):  # no test depends on speed
    settings.register_profile(name, max_examples=examples, deadline=None)
settings.load_profile("thorough" if os.environ.get("CI") else "short")


# What a test without the marker slow may take, its fixtures included: five seconds of a fast
# processor; a slow and busy one, with the examples of CI, takes up to twelve times as long.
LIMIT = 60.0
UNLIMITED = {"slow", "full"}
shared_seconds = 0.0


def cpu_seconds():
    """CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    item.begun = cpu_seconds() - shared_seconds
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    seconds = cpu_seconds() - shared_seconds - item.begun
    marked = UNLIMITED & {mark.name for mark in item.iter_markers()}
    if os.environ.get("CI") and seconds > LIMIT and not marked:
        pytest.fail(f"{seconds:.0f} CPU seconds: make it faster, or mark it slow")
    return result


@pytest.fixture(scope="session")
def sample():
    """The folder of the small real sample: 2,000 training and 500 test images."""
    return Path(__file__).parent / "data" / "sample"


@pytest.fixture(scope="session")
def raw_sample(sample):
    return read_path(sample)


@pytest.fixture(scope="session")
def parts(sample):
    """Images and labels of the sample: 1,600 to train on, 400 to validate with."""
    data = load(sample)
    splits = split(data.train_labels, validation=400, seed=0)
    images, labels = data.train_images, data.train_labels
    return [(images[i], labels[i]) for i in (splits.train, splits.validation)]


@pytest.fixture
def fmnist(tmp_path, monkeypatch, capsys):
    """Runs ``fmnist`` in this process: its exit code and what it wrote to standard error."""
    from fmnist.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["fmnist", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, capsys.readouterr().err

    return run


@pytest.fixture(scope="session")
def built_once(tmp_path_factory, request):
    """Gives the folder of a name; the first worker that asks for it fills it, the others read."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if hasattr(request.config, "workerinput") else root

    def folder_of(name, fill):
        global shared_seconds
        begun = cpu_seconds()
        folder, filled = root / "shared" / name, root / "shared" / f"{name}.filled"
        folder.parent.mkdir(exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not filled.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                filled.touch()
        shared_seconds += cpu_seconds() - begun
        return folder

    return folder_of


@pytest.fixture(scope="session")
def recorded_report(built_once):
    """The recorded run with the statistics of today, and its reports; only to be read."""
    from report_factory import with_statistics

    from fmnist.report.render import render_report

    return built_once("recorded", lambda folder: render_report(with_statistics(folder))) / "run"


@pytest.fixture(scope="session")
def printed_pages(recorded_report, built_once):
    """The text of each page of its appendix."""

    def fill(folder):
        from pypdf import PdfReader

        pages = [page.extract_text() for page in PdfReader(recorded_report / "appendix.pdf").pages]
        (folder / "pages.json").write_text(json.dumps(pages), encoding="utf-8")

    return json.loads((built_once("pages", fill) / "pages.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def whole_report(built_once):
    """A run with everything that a night adds, and its HTML report; only to be read."""
    from report_factory import complete_run
    from report_pages import render_html

    return built_once("whole", lambda folder: render_html(complete_run(folder))) / "run"


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    from browser import chromium  # only these tests need it

    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def recorded_html(recorded_report):
    return recorded_report / "report.html"


@pytest.fixture
def page(browser, recorded_html):
    """That report, opened; it may not log an error."""
    from browser import opened

    with opened(browser, recorded_html) as shown:
        yield shown
        assert shown.problems == []


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL server of the tests' own."""
    from postgres import Server  # only these tests need it

    server = Server()
    yield server
    server.stop()


@pytest.fixture
def storage(postgres_server):
    """An open storage in the database of all tests that name their study anew."""
    from search.distributed import connect

    opened_storage = connect(postgres_server.common())
    yield opened_storage
    opened_storage.close()
