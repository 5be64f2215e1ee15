import json
import re
import subprocess
import sys

import numpy as np
import pytest

from fmnist.runs.artifacts import METRICS, STAGES
from fmnist.runs.folder import Run, RunError, new_name, unfinished
from fmnist.runs.records.plan import Stage, Stages
from search.atomic import atomic_write


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
    with pytest.raises(RunError, match="letters, digits"):
        Run.named(tmp_path, name)


def test_new_names_are_names(tmp_path):
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-[0-9a-f]{4}", new_name())
    assert Run.named(tmp_path, new_name()).path.parent == tmp_path


def test_a_folder_without_run_toml_is_no_run(tmp_path):
    with pytest.raises(RunError, match=r"not a run folder \(it has no run.toml\)"):
        Run.existing(tmp_path)


def test_a_second_process_is_refused_with_the_first_ones_number(tmp_path):
    code = (
        "import sys; from pathlib import Path; from fmnist.runs.folder import Run\n"
        f"with Run(Path({str(tmp_path)!r})).locked():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as other:
        assert other.stdout.readline() == b"held\n"
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
