"""``fmnist try`` from its command to its PDF; and that no command prints what is not ours."""

import json
import re
import subprocess
import sys

import pytest

from fmnist.data import SAMPLE, load

pytestmark = pytest.mark.slow
FOREIGN = re.compile(
    r"absl|cudart|cuda|oneDNN|onednn|WARNING|Warning|alembic|cpu_feature_guard|[IWEF]0000|Traceback"
)


def ended(folder, *arguments):
    command = [sys.executable, "-m", "fmnist", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def shared(built_once):
    """The folder of a trial run; only to be read. What it printed is kept."""

    def fill(folder):
        done = ended(folder, "try", "--name", "one")
        said = {"code": done.returncode, "out": done.stdout, "err": done.stderr}
        (folder / "said.json").write_text(json.dumps(said))

    return built_once("try", fill)


@pytest.fixture(scope="module")
def said(shared):
    return json.loads((shared / "said.json").read_text())


def test_the_whole_job_ends_with_a_pdf_and_the_two_commands_to_go_on_with(shared, said):
    assert said["code"] == 0, said["out"] + said["err"]
    run = shared / "results" / "one"
    assert (run / "report.pdf").read_bytes().startswith(b"%PDF")
    last = said["out"].splitlines()[-2:]
    assert [re.search(r"fmnist run --\w+ \S+", line)[0] for line in last] == [
        "fmnist run --time 10m",
        "fmnist run --until 07:00",
    ]
    assert json.loads((run / "confirmation.json").read_text())["candidates"]
    assert json.loads((run / "metrics.json").read_text())["test"]["n"] == 500
    assert json.loads((run / "metrics.json").read_text())["test"]["accuracy"] > 0.6


def test_the_report_says_first_that_it_is_a_trial(shared):
    run = shared / "results" / "one"
    found = json.loads((run / "findings.json").read_text())["findings"]
    assert found[0]["code"] == "trial"
    assert found[0]["title"] == "A trial on 2,500 images"
    html = (run / "report.html").read_text()
    assert "A trial on 2,500 images of Fashion-MNIST" in html
    assert '<a href="report.html">' in (run / "live.html").read_text()


def test_nothing_that_is_not_ours_is_printed(shared, said):
    assert said["err"] == ""
    assert not FOREIGN.search(said["out"])
    run = shared / "results" / "one"
    for command in (
        ("report", run),
        ("status", run),
        ("watch", run),
        ("export", "--run", run, "--format", "tflite"),
        ("doctor",),
        ("plan", "--time", "2m", "--data", SAMPLE),
    ):
        done = ended(shared, *command)
        assert done.stderr == "", command
        assert not FOREIGN.search(done.stdout), command


def test_the_sample_is_a_real_one():
    data = load(SAMPLE)
    assert (len(data.train_labels), data.test.n) == (2000, 500)
    assert data.name == SAMPLE.name
