"""Whether a repeated run holds: the verdict, its exit code, and what may not be repeated."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from report_factory import write
from report_pages import Elements, render_html

from fmnist.analysis.intervals import mcnemar, newcombe
from fmnist.analysis.reproduction import changes, judged, read_recorded
from fmnist.cli.commands import reproduce as commands_after
from fmnist.cli.commands.reproduce import DIFFERS
from fmnist.cli.main import cli
from fmnist.pipeline.stages.reproduce import reproduce
from fmnist.report.load import load_facts
from fmnist.report.narrative.reproduction import verdict
from fmnist.report.render import render_report
from fmnist.runs.artifacts import ENVIRONMENT, REPRODUCTION
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run, RunError
from fmnist.runs.pdf_attachments import PdfError

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[2] / "data"
RECORDED = DATA / "short_run"


@pytest.fixture
def run(tmp_path):
    return Path(shutil.copytree(RECORDED, tmp_path / "run"))


@pytest.fixture(scope="module")
def pdf(tmp_path_factory):
    run = shutil.copytree(RECORDED, tmp_path_factory.mktemp("handed-in") / "run")
    return render_report(run).pdf


@pytest.fixture(scope="module")
def then():
    return read_recorded(RECORDED)


def predicted(then, wrong=0, right=0):
    """The recorded predictions with so many right ones made wrong, and wrong ones made right."""
    labels, classes = then.predictions
    found = classes.copy()
    hits, misses = np.flatnonzero(labels == classes), np.flatnonzero(labels != classes)
    found[hits[:wrong]] = (labels[hits[:wrong]] + 1) % 10
    found[misses[:right]] = labels[misses[:right]]
    return labels, found


def test_folder_and_pdf_record_the_same(then, pdf):
    handed_in = read_recorded(pdf)
    assert handed_in.config == then.config == load_config(RECORDED)
    assert handed_in.score == then.score
    assert handed_in.run == then.run
    assert handed_in.environment == then.environment
    assert (then.kind, handed_in.kind) == ("run folder", "PDF")
    assert handed_in.predictions is None
    assert then.predictions[0].shape == (then.score.n,)


def test_the_same_predictions_hold(then):
    found = judged(then, *then.predictions, 0.5, ())
    assert found.holds
    assert (found.difference, found.p, found.same_predictions) == (0, 1, then.score.n)
    assert "all 10,000 test images are given the same class" in verdict(found)


@pytest.mark.parametrize(("wrong", "right", "holds"), [(40, 35, True), (120, 20, False)])
def test_the_verdict_is_mcnemars(then, wrong, right, holds):
    labels, classes = predicted(then, wrong, right)
    found = judged(then, labels, classes, 0.5, ("Python: 3.11 then, 3.12 now",))
    paired = mcnemar(labels, classes, then.predictions[1])
    assert (found.p, found.interval) == (paired.p, paired.interval)
    assert found.holds is holds is (paired.p >= 0.05)
    assert found.repeated.correct == then.score.correct - wrong + right
    assert verdict(found).startswith("The numbers hold:" if holds else "The numbers do not hold:")
    assert ("not those of the recorded run" in verdict(found)) is not holds


@pytest.mark.parametrize(("wrong", "holds"), [(60, True), (300, False)])
def test_from_a_pdf_the_verdict_is_the_interval_of_two_proportions(then, pdf, wrong, holds):
    found = judged(read_recorded(pdf), *predicted(then, wrong), 0.5, ())
    low, high = found.interval
    assert found.method == "newcombe"
    assert found.p is None
    assert low < found.difference < high
    assert found.holds is holds is (low <= 0 <= high)
    assert "the PDF does not say which images were right" in verdict(found)


def test_newcombes_interval_is_the_published_one():
    # Newcombe 1998, table II, example (a): 56/70 and 48/80.
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe(0, 10, 0, 10)[0] == -newcombe(0, 10, 0, 10)[1]
    assert newcombe(10, 10, 0, 10)[1] == 1


def test_other_test_images_are_refused(then):
    labels, classes = then.predictions
    with pytest.raises(RunError, match="was tested on 10000 images, here are 9999"):
        judged(then, labels[1:], classes[1:], 0.5, ())
    with pytest.raises(RunError, match="was tested on other images"):
        judged(then, labels[::-1], classes[::-1], 0.5, ())


def test_what_differs_is_listed(then):
    now = Run(RECORDED).read(ENVIRONMENT)
    assert changes(then.environment, now, "0.1.0") == ()
    assert changes(then.environment, replace(now, device="unknown"), "0.1.0") == ()
    now = replace(now, cores=64, packages=now.packages | {"keras": "9.9"})
    found = changes(then.environment, now, "0.1.0")
    assert len(found) == 2
    assert found[0].endswith("then, 64 now")
    assert found[1].startswith("keras: ")
    assert changes(None, now, "0.1.0") == ("machine and package versions were not recorded",)


@pytest.mark.parametrize("name", ["run.toml", "metrics.json", "best_config.toml"])
def test_a_run_that_is_not_finished_is_refused(run, name):
    (run / name).unlink()
    with pytest.raises(RunError, match=f"has no {name}, so it is no finished run"):
        read_recorded(run)


def test_broken_records_are_refused(run, tmp_path):
    write(run, "metrics.json", {"schema": 1, "test": {"n": 5, "correct": 9}})
    with pytest.raises(RunError, match=r"metrics\.json: test"):
        read_recorded(run)
    (run / "metrics.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(RunError, match=r"metrics\.json: not valid JSON"):
        read_recorded(run)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-")
    with pytest.raises(PdfError, match="cannot be read as a PDF"):
        read_recorded(tmp_path / "a.pdf")
    with pytest.raises(
        RunError, match=r"expected the folder of a finished run, or its report\.pdf"
    ):
        read_recorded(run / "run.toml")


def test_predictions_of_another_run_are_refused(run):
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    metrics["test"]["correct"] -= 1
    write(run, "metrics.json", metrics)
    with pytest.raises(RunError, match="belong to different runs"):
        read_recorded(run)


def test_the_stage_writes_the_verdict_and_the_report_shows_it(then, run):
    reproduce(SimpleNamespace(run=Run(run), recorded=then))
    found = load_facts(run).reproduction
    assert found.holds
    assert found.source == then.run.name
    page = Elements(render_html(run).read_text(encoding="utf-8"))
    assert f"This run repeats the run {then.run.name}" in page.text
    assert found.sentence.replace("\u202f", " ") in page.text.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("holds", "code", "exit_code"), [(True, 0, 0), (True, 5, 5), (False, 0, 7)]
)
def test_exit_codes(then, tmp_path, monkeypatch, holds, code, exit_code):
    found = judged(then, *predicted(then, 0 if holds else 200), 0.5, ())

    def execute(job):
        assert job.request.kind == "train"
        assert job.request.seed == then.run.request.seed
        assert job.request.validation == then.run.splits.validation
        assert job.base == then.config
        job.run.path.mkdir(parents=True)
        job.run.write(REPRODUCTION, found)
        return code

    monkeypatch.setattr(commands_after, "execute", execute)
    monkeypatch.setattr(commands_after, "_check_data", lambda *_: None)
    arguments = ["reproduce", str(RECORDED), "--results", str(tmp_path), "--quiet"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == exit_code
    assert done.output.strip() == found.sentence
    assert DIFFERS == 7


def test_other_data_are_refused_before_anything_is_trained(tmp_path):
    command = [sys.executable, "-m", "fmnist", "reproduce", str(RECORDED)]
    command += ["--data", str(DATA / "sample"), "--results", str(tmp_path / "results")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 3
    assert "the data are not those of" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()
