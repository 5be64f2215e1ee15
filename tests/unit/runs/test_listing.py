import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from run_folders import LOG, ReadOnlyLock, begun, finished, snapshot

from fmnist.cli.display.runs import runs_table
from fmnist.cli.main import cli
from fmnist.runs.artifacts import RUN
from fmnist.runs.folder import Run
from fmnist.runs.listing import bytes_in, count_test_reads, list_runs
from search.records import TrialLog


def states(results):
    return {run.name: run.state for run in list_runs(results)}


def test_each_state_is_told_apart_and_nothing_is_written(tmp_path):
    finished(tmp_path)
    begun(tmp_path, "stopped", log=f"{LOG}ERROR stopped: KeyboardInterrupt()\n")
    begun(
        tmp_path, "failed", log=f"{LOG}INFO stage search begins\n{LOG}ERROR stopped: OSError(5)\n"
    )
    again = f"{LOG}ERROR stopped: OSError(5)\n{LOG}INFO stage search begins\n"
    begun(tmp_path, "killed", log=again)
    begun(tmp_path, "cut-off")
    (tmp_path / "cut-off" / "run.toml").write_text("created = ")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    before = snapshot(tmp_path)
    assert states(tmp_path) == {
        "recorded": "finished",
        "stopped": "stopped",
        "failed": "failed",
        "killed": "stopped",
        "cut-off": "damaged",
    }
    assert snapshot(tmp_path) == before


def test_a_run_that_another_process_holds_is_running(tmp_path):
    run = begun(tmp_path, "night")
    code = (
        "import sys; from pathlib import Path; from fmnist.runs.folder import Run\n"
        "with Run(Path(sys.argv[1])).locked():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, run.path], **pipes) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert states(tmp_path) == {"night": "running"}
    assert states(tmp_path) == {"night": "stopped"}


def test_a_run_of_another_user_is_read_as_any_other(tmp_path, monkeypatch):
    run = finished(tmp_path)
    (run / ".lock").write_text("")
    begun(tmp_path, "night")
    monkeypatch.setattr("fmnist.runs.folder.FileLock", ReadOnlyLock)
    assert states(tmp_path) == {"recorded": "finished", "night": "stopped"}
    assert [r.accuracy for r in list_runs(tmp_path) if r.accuracy] == [
        json.loads((run / "metrics.json").read_text())["test"]["accuracy"]
    ]


def test_numbers_are_those_of_the_records(tmp_path):
    run = finished(tmp_path)
    (listed,) = list_runs(tmp_path)
    test = json.loads((run / "metrics.json").read_text())["test"]
    assert (listed.accuracy, list(listed.interval)) == (test["accuracy"], test["interval"])
    assert listed.trials == len(TrialLog(run / "trials.jsonl").trials)
    assert listed.bytes == sum(f.stat().st_size for f in run.path.iterdir())


def test_the_newest_comes_first(tmp_path):
    begun(tmp_path, "b", "2026-11-20T20:00:00+00:00")
    begun(tmp_path, "a", "2026-11-21T20:00:00+00:00")
    begun(tmp_path, "c", "2025-01-01T20:00:00+00:00")
    assert [run.name for run in list_runs(tmp_path)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.json", "[1, 2]"),
        ("metrics.json", '{"test": {"accuracy": "high"}}'),
        ("metrics.json", '{"test": {"accuracy": 0.9, "interval": 3}}'),
        ("trials.jsonl", "no JSON\n"),
        ("stages.json", '{"stages": 3}'),
        ("run.toml", 'created = "yesterday"\n'),
        ("run.toml", "\0\xff"),
    ],
)
def test_damage_is_named_and_hides_no_other_run(tmp_path, name, content):
    finished(tmp_path, "damaged-one")
    (tmp_path / "damaged-one" / name).write_text(content)
    finished(tmp_path, "good")
    assert states(tmp_path) == {"damaged-one": "damaged", "good": "finished"}
    (problem,) = [r.problem for r in list_runs(tmp_path) if r.state == "damaged"]
    assert problem
    assert f"damaged-one damaged: {problem}" in runs_table(list_runs(tmp_path))


def test_a_folder_with_traces_but_without_its_record_is_damaged(tmp_path):
    begun(tmp_path, "gone")
    (tmp_path / "gone" / "run.toml").unlink()
    assert states(tmp_path) == {"gone": "damaged"}


def test_the_table_fits_a_terminal_and_cuts_no_name(tmp_path):
    finished(tmp_path, "2026-11-21-7f3a")
    long = "a-name-that-is-much-longer-than-others"
    begun(tmp_path, long)
    done = CliRunner().invoke(cli, ["runs", "--results", str(tmp_path)])
    assert done.exit_code == 0
    lines = done.output.splitlines()
    row = next(line for line in lines if line.endswith("2026-11-21-7f3a"))
    assert " ".join(row.split()).startswith("2026-11-21 finished 92.45 % 91.92–92.95 16 1 MB 2026-")
    assert len(row) <= 80
    assert any(line.endswith(f"best 90.00 %       1    1 kB  {long}") for line in lines)
    assert lines[-1] == "best: highest validation accuracy so far; the test set was not read"


def test_json_is_one_object_a_run(tmp_path):
    finished(tmp_path)
    begun(tmp_path, "night")
    done = CliRunner().invoke(cli, ["runs", "--results", str(tmp_path), "--json"])
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert [(r["name"], r["state"], r["schema"]) for r in rows] == [
        ("recorded", "finished", 1),
        ("night", "stopped", 1),
    ]


def test_no_runs(tmp_path):
    missing = tmp_path / "nowhere"
    done = CliRunner().invoke(cli, ["runs", "--results", str(missing)])
    assert (done.exit_code, done.output) == (0, f"no runs in {missing}\n")
    assert not missing.exists()


def test_links_count_as_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"1234")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "link").symlink_to(tmp_path / "a")
    (tmp_path / "b" / "file").symlink_to(tmp_path / "a" / "file")
    assert (bytes_in(tmp_path / "a"), bytes_in(tmp_path / "b")) == (4, 0)


def test_runs_that_were_tested_on_the_same_images_are_counted(tmp_path):
    finished(tmp_path)
    digest = Run(tmp_path / "recorded").read(RUN).data.digest
    begun(tmp_path, "not-tested")
    begun(tmp_path, "damaged")
    (tmp_path / "damaged" / "run.toml").write_text("created = ")
    (tmp_path / "damaged" / "metrics.json").write_text("{}")
    assert count_test_reads(tmp_path / "not-tested", digest) == 1
    assert count_test_reads(tmp_path / "not-tested", "another") == 0
    assert count_test_reads(tmp_path / "recorded", digest) == 0  # itself
