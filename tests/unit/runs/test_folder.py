import json
import logging
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from run_folders import ReadOnlyLock

from fmnist.errors import DataError, UserError
from fmnist.runs.artifacts import METRICS, STAGES
from fmnist.runs.folder import Run, RunError, new_name, unfinished
from fmnist.runs.records.plan import Stage, Stages
from search.atomic import atomic_write
from search.folders import make_folder


def test_files_are_written_whole_or_not_at_all(tmp_path):
    run = Run(tmp_path)
    run.write_text("a.json", "whole")

    def fail(path):
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        atomic_write(run / "a.json", fail)
    assert (run / "a.json").read_text() == "whole"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        Run(tmp_path).write(STAGES, Stages((Stage("search", "", float("nan")),)))
    assert not (tmp_path / "stages.json").exists()


def test_toml_leaves_out_none(tmp_path):
    run = Run(tmp_path)
    run.write_toml("run.toml", {"schema": 1, "request": {"seed": 0, "trials": None}})
    assert run.read_toml("run.toml") == {"schema": 1, "request": {"seed": 0}}


def test_arrays_round_trip(tmp_path):
    Run(tmp_path).write_arrays("a.npz", x=np.arange(5))
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["x"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("text", ["", "{", "[1, 2"])
def test_a_broken_file_is_named(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(RunError, match=r"metrics\.json: (not valid JSON|expected schema)"):
        Run(tmp_path).read(METRICS)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 101])
def test_a_name_is_a_plain_file_name(tmp_path, name):
    with pytest.raises(UserError, match="letters, digits"):
        Run.named(tmp_path, name)


def test_new_names_are_names(tmp_path):
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-[0-9a-f]{4}", new_name())
    assert Run.named(tmp_path, new_name()).path.parent == tmp_path


def test_a_folder_without_run_toml_is_no_run(tmp_path):
    with pytest.raises(RunError, match=r"not a run folder \(it has no run.toml\)"):
        Run.existing(tmp_path)


def test_a_second_process_is_refused_with_the_first_ones_number(tmp_path, monkeypatch):
    code = (
        "import sys; from pathlib import Path; from fmnist.runs.folder import Run\n"
        f"with Run(Path({str(tmp_path)!r})).locked():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as other:
        assert other.stdout.readline() == b"held\n"
        assert Run(tmp_path).busy()
        with monkeypatch.context() as patched:
            patched.setattr("fmnist.runs.folder.FileLock", ReadOnlyLock)
            assert Run(tmp_path).busy()
        with (
            pytest.raises(RunError, match=f"in use by process {other.pid}"),
            Run(tmp_path).locked(),
        ):
            pass
        other.kill()  # a killed holder leaves no lock behind
        other.wait()
    with Run(tmp_path).locked():
        pass


def test_unfinished_finds_the_newest_run_of_the_same_request(tmp_path):
    def make(name, created, request, *files):
        folder = tmp_path / name
        folder.mkdir()
        Run(folder).write_toml("run.toml", {"created": created, "request": request})
        for file in files:
            (folder / file).write_text("")

    make("old", "2026-01-01", {"seed": 1})
    make("new", "2026-01-02", {"seed": 1})
    make("done", "2026-01-03", {"seed": 1}, "report.html")
    make("other", "2026-01-04", {"seed": 2})
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "run.toml").write_text("request = [")
    assert unfinished(tmp_path, {"seed": 1}).path.name == "new"
    assert unfinished(tmp_path, {"seed": 3}) is None
    assert json.dumps(unfinished(tmp_path / "nowhere", {})) == "null"


def test_a_folder_that_may_only_be_read_is_seen_and_left_alone(tmp_path, monkeypatch):
    run = Run(tmp_path / "ann")
    run.path.mkdir()
    run.write_toml("run.toml", {"created": "2026-01-01", "request": {"seed": 1}})
    monkeypatch.setattr("fmnist.runs.folder.FileLock", ReadOnlyLock)
    assert not run.busy()  # no lock was ever taken
    (run / ".lock").write_text("")
    assert not run.busy()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert unfinished(tmp_path, {"seed": 1}) is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RunError, match=r"file/run: cannot be made: .*--results"),
        Run(tmp_path / "file" / "run").locked(),
    ):
        pass


def test_a_cover_is_renewed_where_it_says_something_else(tmp_path):
    run = Run(tmp_path)
    run.write_toml("run.toml", {"document": {"author": "Ada", "date": "today"}})
    assert run.renew_cover({"author": "", "course": "", "date": "today"}) == {}
    assert run.renew_cover({"author": "Bob", "course": "DL"}) == {"author": "Bob", "course": "DL"}
    said = run.read_toml("run.toml")["document"]
    assert said == {"author": "Bob", "course": "DL", "date": "today"}


def test_who_may_read_a_file_does_not_change_when_it_is_written_again(tmp_path):
    run = Run(tmp_path)
    run.write_text("report.html", "old")
    (run / "report.html").chmod(0o600)
    run.write_text("report.html", "new")
    assert (run / "report.html").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(5, "Input/output error"), "OSError: [Errno 5] Input/output error"),
        (DataError("a.csv: line 2:\n  no number"), "a.csv: line 2: no number"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_the_log_says_in_a_line_what_ended_the_run(tmp_path, error, line):
    run = Run(tmp_path)
    run.write_text("run.toml", "")
    with pytest.raises(type(error)), run.logging(logging.getLogger("fmnist.test")):
        raise error
    assert f"ERROR stopped: {line}\n" in (run / "run.log").read_text()


def test_a_folder_is_made_so_that_a_power_cut_leaves_it(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("search.folders.sync_folder", synced.append)
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert synced == [tmp_path, tmp_path / "a"]
    make_folder(tmp_path / "a" / "b")
    assert len(synced) == 2
