"""Every file of a run is read, damage is found and named, and repaired where something knows."""

import pytest
from pypdf import PdfWriter
from run_folders import finished

from fmnist.runs.artifacts import HISTORY, LEDGER, METRICS, SPACE, TRIALS
from fmnist.runs.check import check_run
from fmnist.runs.folder import Run, RunError
from fmnist.runs.records.run import LedgerRecord
from fmnist.runs.repair import repair_journals, repair_run
from search.atomic import write_bytes
from search.checksums import keep_checksums
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


@pytest.fixture
def kept(run):
    """The run with checksums, and a file of it that its report carries a copy of."""
    keep_checksums(run.path)
    for name in ("metrics.json", "history.json"):
        write_bytes(run / name, (run / name).read_bytes())
    return run


def test_a_file_that_was_edited_is_refused_until_it_is_accepted(kept, fmnist):
    text = (kept / "history.json").read_text().replace("0", "1", 1)
    (kept / "history.json").write_text(text)
    (problem,) = check_run(kept)
    assert problem.endswith("take it from a backup; --accept history.json if it was edited")
    with pytest.raises(RunError, match=f"history.json: .*see fmnist check {kept.path}"):
        kept.read(HISTORY)
    assert fmnist("check", kept.path, "--accept", "history.json")[0] == 0
    kept.read(HISTORY)


@pytest.mark.parametrize("name", ["none.json", "../recorded/history.json", ""])
def test_only_files_of_the_run_are_accepted(kept, fmnist, name):
    code, error = fmnist("check", kept.path, "--accept", name)
    assert code == 4
    assert "has no such file" in error


def test_a_damaged_file_comes_back_from_the_pdf(kept, fmnist):
    whole = (kept / "metrics.json").read_bytes()
    pdf = PdfWriter()
    pdf.add_blank_page(100, 100)
    pdf.add_attachment("metrics.json", whole)
    pdf.write(kept / "report.pdf")
    (kept / "metrics.json").write_bytes(whole[:-9] + b"1" + whole[-8:])
    (problem,) = check_run(kept)
    assert (
        "metrics.json: is not as it was written: --repair takes the copy in report.pdf" in problem
    )
    assert fmnist("check", kept.path, "--repair") == (0, "")
    assert (kept / "metrics.json").read_bytes() == whole


def test_a_copy_in_the_pdf_that_is_another_is_not_taken(kept):
    pdf = PdfWriter()
    pdf.add_blank_page(100, 100)
    pdf.add_attachment("metrics.json", b"{}")
    pdf.write(kept / "report.pdf")
    (kept / "metrics.json").write_bytes(b"[]")
    assert list(repair_run(kept)) == []
    assert (kept / "metrics.json").read_bytes() == b"[]"


def test_a_torn_last_line_is_said_and_cut_off(run):
    whole = (run / TRIALS).read_bytes()
    (run / TRIALS).write_bytes(whole[:-20])
    (problem,) = check_run(run)
    assert "its last line is torn" in problem
    assert [repair.damaged for repair in repair_journals(run)] == [(whole.count(b"\n"),)]


def test_a_damaged_study_is_built_anew(run):
    trials = run.trials()
    SqliteStore(run / "study.db", run.read(SPACE), finished=trials).close()
    (run / "study.db").write_bytes(b"no database" * 100)
    (problem,) = check_run(run)
    assert "study.db: file is not a database; fmnist check --repair builds it anew" in problem
    assert list(repair_run(run)) == ["study.db: built anew from trials.jsonl"]
    assert check_run(run) == []
