"""Every file of a run is read, damage is found and named, and repaired where something knows."""

import pytest
from run_folders import finished

from fmnist.runs.artifacts import LEDGER, METRICS, SPACE, TRIALS
from fmnist.runs.check import check_run
from fmnist.runs.folder import Run
from fmnist.runs.records.run import LedgerRecord
from fmnist.runs.repair import repair_journals
from search.engines.sqlite_store import SqliteStore


@pytest.fixture
def run(tmp_path):
    made = finished(tmp_path)
    made.write_rows(TRIALS, (t.to_json() for t in made.trials()))
    return made


def test_a_whole_run(run, fmnist):
    assert check_run(run) == []
    assert repair_journals(run) == []
    assert fmnist("check", run.path) == (0, "")


def test_a_flipped_bit_is_found_and_the_trial_comes_back(run, fmnist):
    trials = {t.number: t for t in run.trials()}
    SqliteStore(run / "study.db", run.read(SPACE), finished=list(trials.values())).close()
    assert check_run(run) == []
    content = bytearray((run / TRIALS).read_bytes())
    content[content.index(b'"value": 0.') + 12] ^= 1
    (run / TRIALS).write_bytes(content)
    (problem,) = check_run(run)
    assert "trials.jsonl: line 1 is damaged: its checksum is another" in problem
    assert fmnist("check", run.path)[0] == 4
    assert fmnist("check", run.path, "--repair")[0] == 0
    back = {t.number: t for t in run.trials()}
    assert back.keys() == trials.keys()
    for number, trial in trials.items():
        again = back[number]
        assert (again.state, again.value, again.params) == (trial.state, trial.value, trial.params)


@pytest.mark.parametrize("file", ["metrics.json", "predictions.npz", "history.json"])
def test_a_file_that_is_cut_off_is_named(run, file):
    content = (run / file).read_bytes()
    (run / file).write_bytes(content[: len(content) // 2])
    assert [file in problem for problem in check_run(run)] == [True]


def test_results_without_a_reading_are_said(run):
    assert run.has(METRICS)
    run.write(LEDGER, LedgerRecord(()))
    (problem,) = check_run(run)
    assert "names no reading of the test set" in problem


def test_halves_of_files_that_a_killed_process_left_are_removed(tmp_path):
    half = tmp_path / "trials" / "0000" / (".writing-" + "0a" * 16 + ".npz")
    own = half.with_name(".writing-notes.txt")
    half.parent.mkdir(parents=True)
    half.touch()
    own.touch()
    repair_journals(Run(tmp_path))
    assert [p.name for p in half.parent.iterdir()] == [own.name]
