"""Run folders as a search leaves them: begun, stopped, finished."""

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

from fmnist.runs.artifacts import RUN, STAGES
from fmnist.runs.folder import Run
from fmnist.runs.records.plan import Stage, Stages
from search.records import Trial, TrialLog

RECORDED = Path(__file__).parents[1] / "data" / "short_run"


LOG = "2026-11-21 22:00:00,000 "


class ReadOnlyLock:
    """As for a user who may not write the file."""

    def __init__(self, path, **_):
        self._path = path

    def acquire(self):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self._path))


def begun(results, name, created="2026-11-20T20:00:00+00:00", log=""):
    """A run whose search has begun: one trial, no report."""
    run = Run(results / name)
    run.path.mkdir(parents=True)
    write_run_toml(run, created=created, command="")
    run.write(STAGES, Stages((Stage("search", "", 10.0),)))
    TrialLog(run / "trials.jsonl").append(Trial(0, "complete", {}, 0.9, (), 0, "", 1.0))
    if log:
        run.write_text("run.log", log)
    return run


def write_run_toml(run, **changes):
    """That of the recorded run, but for the ``changes``."""
    run.write(RUN, replace(Run(RECORDED).read(RUN), **changes))


def finished(results, name="recorded"):
    run = Run(shutil.copytree(RECORDED, results / name))
    run.write_text("report.html", "<p>a report</p>")
    return run


def snapshot(folder):
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*") if p.is_file()}
