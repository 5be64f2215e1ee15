import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from fmnist.data import load, split
from fmnist.data.detect import read_path

settings.register_profile("house", deadline=None)  # no test depends on speed
settings.load_profile("house")


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


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium."""
    from browser import chromium  # only these tests need it

    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def recorded_html(tmp_path_factory):
    """The HTML report of a copy of the recorded run, in a folder of its own."""
    from fmnist.report.render import render_report

    folder = tmp_path_factory.mktemp("shown")
    run = shutil.copytree(Path(__file__).parent / "data" / "recorded_run", folder / "recorded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fmnist.report.render._pdf", lambda *_: b"%PDF-")
        return render_report(run).html


@pytest.fixture
def page(browser, recorded_html):
    """That report, opened; it may not log an error."""
    from browser import opened

    with opened(browser, recorded_html) as shown:
        yield shown
        assert shown.problems == []


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL server of the tests' own; fails where none is installed."""
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
