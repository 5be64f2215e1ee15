"""The order of the stages and what a job goes on with; the stages themselves are stand-ins."""

import errno
from dataclasses import dataclass, field

import pytest

from fmnist.cli.display.plain import QuietDisplay
from fmnist.config.config import Config
from fmnist.errors import DiskError, DiskFullError
from fmnist.pipeline.job import Job, Request
from fmnist.runs.artifacts import METRICS, REPORT, RUN, Artifact
from fmnist.runs.folder import Run, RunError


@dataclass
class Stage:
    """Leaves its file, and says so in ``made``."""

    marker: Artifact
    made: list = field(default_factory=list)
    error: Exception | None = None

    @property
    def name(self):
        return self.marker.name

    def wanted(self, job):
        return True

    def work(self, job):
        if self.error is not None:
            raise self.error
        self.made.append(self.name)
        job.run.write_text(self.marker, "made")


@pytest.fixture
def begin(tmp_path, monkeypatch):
    """Runs a job with these stages on the same folder."""

    def execute(*stages):
        monkeypatch.setattr("fmnist.pipeline.job._STAGES", stages)
        monkeypatch.setattr("fmnist.pipeline.job.disable_flips", lambda job: None)
        monkeypatch.setattr("fmnist.pipeline.job.finish", lambda job: 0)
        request = Request(kind="train", validation=10)
        run = Run(tmp_path / "run")
        return Job(run=run, request=request, display=QuietDisplay(), base=Config()).execute()

    return execute


def test_a_stage_that_is_done_is_not_made_again(begin):
    evaluate = Stage(METRICS)
    assert [begin(evaluate), begin(evaluate)] == [0, 0]
    assert evaluate.made == ["metrics.json"]


def test_a_finished_run_is_refused(begin, tmp_path):
    run = Run(tmp_path / "run")
    run.path.mkdir()
    request = Request(kind="train", validation=10).to_dict()
    run.write_toml(RUN, {"request": request})
    run.write_text(REPORT, "<p>a report</p>")
    with pytest.raises(RunError, match="is finished and its test set was read"):
        begin()


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (errno.ENOSPC, DiskFullError, "the disk is full"),
        (errno.EDQUOT, DiskFullError, "the disk is full"),
        (errno.EIO, DiskError, "the disk fails"),
        (errno.EACCES, PermissionError, "denied"),
    ],
)
def test_a_disk_that_is_full_or_fails_is_named(begin, number, error, message):
    with pytest.raises(error, match=message):
        begin(Stage(METRICS, error=OSError(number, "denied")))
