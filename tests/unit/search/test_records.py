import json
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.records import (
    Epoch,
    EpochLog,
    Failure,
    JsonLines,
    RecordError,
    Trial,
    TrialLog,
    read_rows,
    read_trials,
)

fractions = st.floats(0, 1)
epochs = st.builds(
    Epoch,
    epoch=st.integers(1, 99),
    accuracy=fractions,
    loss=fractions,
    val_accuracy=fractions,
    val_loss=fractions,
    seconds=fractions,
    learning_rate=st.none() | fractions,
)
failures = st.builds(
    Failure, kind=st.sampled_from(["nan", "bug"]), message=st.text(), detail=st.text()
)
trials = st.builds(
    Trial,
    number=st.integers(0, 999),
    state=st.sampled_from(["complete", "pruned", "failed"]),
    params=st.dictionaries(st.text(max_size=5), st.integers() | fractions | st.text(max_size=5)),
    value=st.none() | fractions,
    epochs=st.lists(epochs, max_size=3).map(tuple),
    seed=st.integers(0, 2**31),
    started=st.just("2026-11-21T05:00:00+00:00"),
    seconds=fractions,
    failure=st.none() | failures,
    retries=st.lists(failures, max_size=2).map(tuple),
    resumed=st.lists(st.integers(1, 9), max_size=2).map(tuple),
    replicate_of=st.none() | st.integers(0, 9),
    retry_of=st.none() | st.integers(0, 9),
    peak_memory=st.none() | st.integers(0, 2**40),
    stopped_by=st.sampled_from(["", "pruner", "clock"]),
)


@given(trials)
def test_a_trial_survives_json(trial):
    assert Trial.from_json(json.loads(json.dumps(trial.to_json()))) == trial


def trial(number, value, state="complete"):
    return Trial(number, state, {"x": 1}, value, (), 7, "2026-11-21T05:00:00+00:00", 1.0)


def test_another_schema_is_refused():
    with pytest.raises(ValueError, match="expected schema 1, found 2"):
        Trial.from_json({**trial(0, 0.5).to_json(), "schema": 2})


def test_best_is_the_earliest_of_the_highest_complete(tmp_path):
    log = TrialLog(tmp_path / "t.jsonl")
    assert log.best() is None
    for record in (trial(0, 0.5), trial(1, 0.9, "pruned"), trial(2, 0.7), trial(3, 0.7)):
        log.append(record)
    assert log.best().number == 2


def test_a_last_line_with_a_block_that_never_came_is_cut_off(tmp_path):
    path = tmp_path / "a.jsonl"
    JsonLines(path).append({"n": 1})
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"n": \0\0\0\0, "crc32": "00000000"}\n')
    assert read_rows(path) == [{"n": 1}]
    JsonLines(path)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("torn", [b'{"schema": 1, "num', b"\x00\x00\x00", b"{"])
def test_a_torn_last_line_is_cut_off(tmp_path, torn):
    path = tmp_path / "t.jsonl"
    TrialLog(path).append(trial(0, 0.5))
    with path.open("ab") as file:
        file.write(torn)
    log = TrialLog(path)
    assert [t.number for t in log.trials] == [0]
    log.append(trial(1, 0.6))
    assert [t.number for t in TrialLog(path).trials] == [0, 1]


def test_a_record_of_the_first_version_is_read():
    old = trial(0, 0.5).to_json()
    for name in ("retries", "resumed", "replicate_of", "retry_of", "peak_memory"):
        del old[name]
    assert Trial.from_json(old) == trial(0, 0.5)


@pytest.mark.parametrize(
    ("line", "message"),
    [(b"nonsense", "line 2 is not JSON"), (b"[1]", "line 2 holds no object"), (b"{}", "line 2 is")],
)
def test_a_broken_line_in_the_middle_is_named(tmp_path, line, message):
    path = tmp_path / "t.jsonl"
    TrialLog(path).append(trial(0, 0.5))
    with path.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(RecordError, match=message):
        TrialLog(path)


def test_a_line_that_does_not_fit_is_taken_back(tmp_path, monkeypatch):
    lines = JsonLines(tmp_path / "t.jsonl")
    lines.append({"a": 1})
    before = lines.path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        lines.append({"a": 2})
    assert lines.path.read_bytes() == before


def test_half_a_line_on_a_full_disk_is_taken_back(tmp_path):
    lines = JsonLines(tmp_path / "t.jsonl")
    lines.append({"a": 1})
    before = lines.path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 5, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            lines.append({"a": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert lines.path.read_bytes() == before


def test_the_journal_knows_the_epochs_of_every_trial(tmp_path):
    first, second = (Epoch(n, 0.5, 1.0, 0.5, 1.0, 1.0) for n in (1, 2))
    log = EpochLog(tmp_path / "e.jsonl")
    log.append(0, first)
    log.append(3, first)
    log.append(0, second)
    for journal in (log, EpochLog(tmp_path / "e.jsonl")):
        assert journal.of(0) == (first, second)
        assert journal.of(3) == (first,)
        assert journal.of(1) == ()
        assert journal.min_next_number() == 4
        assert journal.unrecorded([trial(0, 0.5)]) == (3,)
    log.forget(0)
    assert log.of(0) == ()


@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_of_a_line_is_found_or_changes_nothing(tmp_path, bit):
    path = tmp_path / "t.jsonl"
    log = TrialLog(path)
    log.append(trial(0, 0.5))
    log.append(trial(1, 0.625))
    whole, found = path.read_bytes(), 0
    for place in range(whole.index(b"\n")):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        try:
            trials = read_trials(path)
        except RecordError:
            found += 1
        else:
            assert trials == log.trials
    assert found > 0.95 * whole.index(b"\n")  # all but the name of the checksum


def test_a_file_that_is_new_is_found_after_a_power_cut(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("search.json_lines.sync_folder", synced.append)
    lines = JsonLines(tmp_path / "t.jsonl")
    lines.append({"a": 1})
    lines.append({"a": 2})
    assert synced == [tmp_path]
    assert read_rows(lines.path) == [{"a": 1}, {"a": 2}]
