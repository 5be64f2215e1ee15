"""Each documented exit code is what really comes, and no other one is in the code."""

import errno
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from report_pages import without_plots
from run_folders import ReadOnlyLock

from fmnist.cli.commands import reproduce
from fmnist.cli.main import cli
from fmnist.errors import EXIT_CODES
from fmnist.runs.artifacts import REPRODUCTION
from fmnist.runs.folder import Run
from fmnist.runs.records.reproduction import Reproduction
from fmnist.runs.records.score import Score

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parents[1] / "data"
STORAGE = "postgresql+psycopg://ada@127.0.0.1/none"


@pytest.fixture
def recorded(tmp_path):
    return Run(shutil.copytree(DATA / "short_run", tmp_path / "recorded"))


def staged(monkeypatch, work):
    """Have ``work`` stand for all stages of a job."""
    monkeypatch.setattr("fmnist.pipeline.job.Job._stages", work)


def test_0_done(fmnist):
    assert fmnist("recipes") == (0, "")


def test_1_a_check_of_doctor_fails(fmnist, monkeypatch):
    from fmnist.pipeline.doctor import Check

    failing = [Check("data", False, "none found", "install them")]
    monkeypatch.setattr("fmnist.pipeline.doctor.check_all", lambda *_: failing)
    assert fmnist("doctor") == (1, "")


def test_1_a_training_fails(fmnist, monkeypatch):
    from fmnist.errors import TrainingError

    def diverges(job):
        raise TrainingError("the loss became nan")

    staged(monkeypatch, diverges)
    assert fmnist("run", "--trials", 1) == (1, "fmnist: the loss became nan\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--time", "soon"],
        ["run", "--seed", "x"],
        ["rnu"],
        ["run", "--author", "Ad\udce9"],
        ["run", "--title", "\udce9"],
        ["run", "--class-names", "\udce9,b"],
    ],
)
def test_2_a_wrong_option(fmnist, arguments):
    code, error = fmnist(*arguments)
    assert code == 2
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["train", "--recipe", "task-brief"], ["plan"], ["reproduce", "recorded"]],
)
def test_2_a_path_that_no_file_can_hold(fmnist, recorded, tmp_path, arguments):
    folder = tmp_path / os.fsdecode(b"donn\xe9es")
    folder.mkdir()
    code, error = fmnist(*arguments, "--data", folder)
    assert code == 2
    assert error.endswith("/donn\\xe9es: is not UTF-8, so no run can record it; rename it\n")


def test_3_data_that_cannot_be_used(fmnist, tmp_path):
    (tmp_path / "photos").mkdir()
    code, error = fmnist("run", "--data", "photos", "--trials", 1)
    assert (code, error[:7]) == (3, "fmnist:")


def test_4_no_run_folder(fmnist):
    code, error = fmnist("status", ".")
    assert (code, error) == (4, "fmnist: .: not a run folder (it has no run.toml)\n")


def test_4_a_folder_that_may_only_be_read(fmnist, recorded, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "recorded/report.html")

    monkeypatch.setattr("fmnist.report.render.render_report", refuse)
    code, error = fmnist("report", recorded.path)
    assert code == 4
    assert error == (
        "fmnist: recorded/report.html: Permission denied; "
        "write into another folder with --output DIR\n"
    )


@pytest.mark.parametrize(
    ("arguments", "work", "remedy"),
    [
        (
            ["export", "--run", "recorded", "--format", "onnx"],
            "fmnist.integrations.model_export.export_run",
            "write into another folder with --to DIR",
        ),
        (["experiment", "recorded"], None, "copy the run to a folder of your own first"),
        (["run", "--trials", 1], None, "choose another with --results"),
    ],
)
def test_4_where_another_folder_is_given_depends_on_the_command(
    fmnist, recorded, monkeypatch, arguments, work, remedy
):
    if work is None:
        monkeypatch.setattr("fmnist.runs.folder.FileLock", ReadOnlyLock)
    else:
        monkeypatch.setattr(work, lambda *_, **__: ReadOnlyLock("recorded/export").acquire())
    code, error = fmnist(*arguments)
    assert code == 4
    assert error.endswith(f": Permission denied; {remedy}\n")


def test_5_no_pdf(fmnist, recorded, monkeypatch, tmp_path):
    (tmp_path / "path").mkdir()
    lacking = "raise OSError(\"cannot load library 'libpango-1.0-0'\")\n"
    (tmp_path / "path" / "weasyprint.py").write_text(lacking)
    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.syspath_prepend(tmp_path / "path")
    with without_plots():
        assert fmnist("report", recorded.path)[0] == 5
    assert recorded.has("report.html")


def test_6_the_disk_is_full(fmnist, monkeypatch):
    def full(job):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    staged(monkeypatch, full)
    code, error = fmnist("run", "--trials", 1)
    assert code == 6
    assert "nothing is lost" in error


def test_1_the_disk_fails(fmnist, monkeypatch):
    def broken(job):
        raise OSError(errno.EIO, os.strerror(errno.EIO), "study.db")

    staged(monkeypatch, broken)
    code, error = fmnist("run", "--trials", 1)
    assert code == 1
    assert "study.db: the disk fails (Input/output error)" in error


def test_7_the_numbers_do_not_hold(fmnist, recorded, monkeypatch):
    def execute(job):
        score = Score(10, 9, 0.9, (0.8, 0.95), 0.3)
        missed = Reproduction(
            source="recorded", kind="run folder", recorded=score, repeated=score, difference=-0.1,
            interval=(-0.2, -0.05), method="newcombe", holds=False, sentence="They do not hold.",
        )  # fmt: skip
        job.run.write(REPRODUCTION, missed)
        return 0

    monkeypatch.setattr(reproduce, "execute", execute)
    monkeypatch.setattr(reproduce, "_check_data", lambda *_: None)
    assert fmnist("reproduce", recorded.path, "--quiet")[0] == 7


def test_8_no_database(fmnist, monkeypatch):
    monkeypatch.delenv("FMNIST_STORAGE", raising=False)
    code, error = fmnist("worker", "--study", "night")
    assert (code, error[:28]) == (8, "fmnist: where is the study? ")


@pytest.mark.parametrize(
    ("code", "where"),
    [
        (9, "fmnist.distributed.compatibility:DisagreementError"),
        (10, "fmnist.distributed.worker:MachineError"),
    ],
)
def test_9_and_10_a_worker_that_cannot_take_part(fmnist, monkeypatch, code, where):
    module, name = where.split(":")
    error = getattr(__import__(module, fromlist=[name]), name)

    def refuses(asked):
        raise error("not here")

    monkeypatch.setattr("fmnist.distributed.worker_process.run_worker", refuses)
    given = ["--storage", STORAGE, "--study", "night"]
    assert fmnist("worker", *given) == (code, "fmnist: not here\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_130_a_signal(fmnist, monkeypatch, number):
    def stopped(job):
        os.kill(os.getpid(), number)
        job.interrupt.check()

    staged(monkeypatch, stopped)
    code, error = fmnist("run", "--trials", 1)
    assert code == 130
    assert "the same command goes on where this stopped" in error


def test_the_table_holds_every_code_of_an_error_and_no_other():
    sources = [p.read_text() for f in ("fmnist", "search") for p in (ROOT / f).rglob("*.py")]
    found = {int(code) for text in sources for code in re.findall(r"\bexit_code = (\d+)", text)}
    tested = {int(c) for n in globals() if n.startswith("test_") for c in re.findall(r"\d+", n)}
    assert found <= set(EXIT_CODES)
    assert tested == set(EXIT_CODES)


def test_the_help_shows_the_table():
    lines = CliRunner().invoke(cli, ["--help"]).output.splitlines()
    shown = [line.split(maxsplit=1) for line in lines[lines.index("Exit codes:") + 1 :]]
    assert {int(code): text for code, text in shown} == EXIT_CODES
