"""Journals with damaged lines: set aside, refilled, and said."""

import dataclasses

import pytest

from search.engines.persistence import CorruptStoreError
from search.engines.sqlite_reading import read_finished
from search.engines.sqlite_store import SqliteStore
from search.records import Epoch, EpochLog, Trial, TrialLog, read_epochs, read_trials
from search.space import Float, SearchSpace
from search.study import repair
from search.study.repair import repair_epochs, repair_trials

SPACE = SearchSpace([Float("x", 0.0, 1.0)])


def trial(number, state="complete"):
    epochs = (Epoch(1, 0.5, 1.0, 0.25 * number, 1.0, 1.0),)
    value = 0.25 * number if state == "complete" else None
    return Trial(number, state, {"x": 0.5}, value, epochs, 7, "2026-11-28T10:00:00+00:00", 1.0)


@pytest.fixture
def log(tmp_path):
    made = TrialLog(tmp_path / "trials.jsonl")
    for number in range(3):
        made.append(trial(number))
    return made


def damage(path, line):
    lines = path.read_bytes().split(b"\n")
    lines[line] = lines[line].replace(b"0.5", b"0.7", 1)
    path.write_bytes(b"\n".join(lines))
    return lines[line] + b"\n"


def test_a_whole_journal_is_left_alone(log):
    before = log.path.read_bytes()
    assert repair_trials(log.path, lambda: 1 / 0) is None
    assert repair_epochs(log.path.with_name("none.jsonl")) is None
    assert log.path.read_bytes() == before
    assert len(list(log.path.parent.iterdir())) == 1


def test_a_damaged_trial_is_set_aside_and_refilled(log):
    line = damage(log.path, 1)
    found = repair_trials(log.path, lambda: [trial(0), trial(1)])
    assert str(found) == (
        "trials.jsonl: damaged, line 2: kept in trials.jsonl.damaged-1; "
        "trial 1 written anew from the study"
    )
    assert log.path.with_name("trials.jsonl.damaged-1").read_bytes() == line
    assert {t.number: t for t in read_trials(log.path)} == {n: trial(n) for n in range(3)}
    assert repair_trials(log.path) is None


def test_a_repair_that_was_killed_is_made_whole_by_the_next(log, monkeypatch):
    damage(log.path, 1)
    write = repair.write_bytes
    for count in (0, 1):  # writes before the process is killed
        left = iter(range(count))
        monkeypatch.setattr(repair, "write_bytes", lambda *a, left=left: (next(left), write(*a)))
        with pytest.raises(StopIteration):
            repair_trials(log.path, lambda: [trial(1)])
    monkeypatch.undo()
    assert repair_trials(log.path, lambda: [trial(1)]).refilled == (1,)
    assert {t.number for t in read_trials(log.path)} == {0, 1, 2}


def test_two_lines_that_run_together_are_both_refilled(log):
    log.path.write_bytes(log.path.read_bytes().replace(b"\n", b"\x0b", 1))
    found = repair_trials(log.path, lambda: [trial(n) for n in range(3)])
    assert (found.damaged, found.refilled) == ((1,), (0, 1))


def test_of_a_trial_with_a_gap_the_epochs_before_it_stay(tmp_path):
    journal = EpochLog(tmp_path / "epochs.jsonl")
    for number in (0, 1):
        for epoch in (1, 2, 3):
            journal.append(number, Epoch(epoch, 0.5, 1.0, 0.5, 1.0, 1.0))
    damage(tmp_path / "epochs.jsonl", 1)
    assert repair_epochs(tmp_path / "epochs.jsonl").damaged == (2,)
    made = read_epochs(tmp_path / "epochs.jsonl")
    assert {n: [e.epoch for e in epochs] for n, epochs in made.items()} == {0: [1], 1: [1, 2, 3]}


def test_the_study_knows_its_finished_trials(tmp_path):
    whole = [trial(1), trial(3, "failed")]
    SqliteStore(tmp_path / "study.db", SPACE, finished=whole, min_next_number=5).close()
    one, three = read_finished(tmp_path / "study.db", lambda number: 10 + number)
    assert one == dataclasses.replace(
        trial(1), epochs=(), seed=11, started=one.started, seconds=one.seconds
    )
    assert (three.number, three.state, three.failure.kind) == (3, "failed", "unknown")
    (tmp_path / "study.db").write_bytes(b"no database" * 1000)
    with pytest.raises(CorruptStoreError, match="not a database"):
        read_finished(tmp_path / "study.db", int)
    assert read_finished(tmp_path / "none.db", int) == []
