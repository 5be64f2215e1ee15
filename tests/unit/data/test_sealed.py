import copy
import dataclasses
import gc
import json
import pickle

import numpy as np
import pytest

from fmnist.data import Ledger, SealedTest, load
from fmnist.errors import DataError, SealError


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "run" / "ledger.json")


@pytest.fixture
def sealed():
    return SealedTest(np.full((3, 28, 28, 1), 7, np.uint8), np.array([0, 1, 2]))


def test_opens_in_the_evaluation_and_says_so_in_the_ledger(sealed, ledger):
    images, labels = sealed.open("evaluate", "final accuracy", ledger)
    assert images.shape == (3, 28, 28, 1)
    assert labels.tolist() == [0, 1, 2]
    (entry,) = ledger.entries
    assert (entry.stage, entry.split, entry.n) == ("evaluate", "test", 3)
    assert entry.purpose == "final accuracy"


@pytest.mark.parametrize("stage", ["search", "retrain", "report", "", "Evaluate"])
def test_no_other_stage_may_read(sealed, ledger, stage):
    with pytest.raises(SealError, match=f"stage '{stage}' tried to read the test set"):
        sealed.open(stage, "peek", ledger)
    assert ledger.entries == ()


def test_needs_a_ledger_and_a_purpose(sealed, ledger):
    with pytest.raises(SealError, match="a ledger and a purpose"):
        sealed.open("evaluate", "final accuracy")
    with pytest.raises(SealError, match="a ledger and a purpose"):
        sealed.open("evaluate", " ", ledger)


def test_uses_the_ledger_it_was_made_with(ledger):
    sealed = SealedTest(np.zeros((1, 28, 28, 1), np.uint8), np.zeros(1, np.int64), ledger)
    sealed.open("evaluate", "a")
    sealed.open("evaluate", "b")
    assert [e.purpose for e in ledger.entries] == ["a", "b"]


def test_stays_shut_where_the_ledger_cannot_be_written(sealed, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError):
        sealed.open("evaluate", "final accuracy", Ledger(tmp_path / "file" / "ledger.json"))


def test_no_attribute_leads_to_the_arrays(sealed):
    assert sealed.n == 3
    public = [getattr(sealed, name) for name in dir(sealed) if not name.startswith("_")]
    assert not any(isinstance(value, np.ndarray) for value in public)
    assert not any(isinstance(value, np.ndarray) for value in gc.get_referents(sealed))
    assert repr(sealed) == "SealedTest(n=3)"
    assert not hasattr(sealed, "__dict__")


@pytest.mark.parametrize("copying", [pickle.dumps, copy.copy, copy.deepcopy])
def test_cannot_be_carried_away(sealed, copying):
    with pytest.raises(SealError, match="cannot be pickled or copied"):
        copying(sealed)


def test_a_data_set_shows_no_pixels_and_keeps_its_seal(sample):
    data = load(sample)
    assert "array" not in repr(data)
    assert "SealedTest(n=500)" in repr(data)
    with pytest.raises(SealError):
        dataclasses.asdict(data)
    with pytest.raises(ValueError, match="read-only"):
        data.train_images[0] = 0


def test_opened_arrays_are_read_only(sealed, ledger):
    images, labels = sealed.open("evaluate", "final accuracy", ledger)
    for array in (images, labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_ledger_grows_over_re_openings(ledger):
    ledger.record("search", "train", 55_000, "fit the trials")
    ledger.record("search", "validation", 5_000, "choose the best trial")
    again = Ledger(ledger.path)
    again.record("evaluate", "test", 10_000, "final accuracy")
    assert [e.split for e in ledger.entries] == ["train", "validation", "test"]
    assert [p.name for p in ledger.path.parent.iterdir()] == ["ledger.json"]


def test_the_ledger_file_follows_its_schema(ledger):
    ledger.record("search", "train", 5, "größer")
    document = json.loads(ledger.path.read_text(encoding="utf-8"))
    (entry,) = document["entries"]
    assert document["schema"] == 1
    assert list(entry) == ["at", "stage", "split", "n", "purpose"]
    assert entry["at"].endswith("+00:00")
    assert entry["purpose"] == "größer"


def test_a_failed_write_leaves_the_old_ledger(ledger, monkeypatch):
    ledger.record("search", "train", 5, "fit")

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("search.atomic.os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        ledger.record("search", "train", 6, "fit")
    assert [e.n for e in ledger.entries] == [5]
    assert [p.name for p in ledger.path.parent.iterdir()] == ["ledger.json"]


def test_an_unknown_split_is_a_bug(ledger):
    with pytest.raises(ValueError, match="split 'tset'"):
        ledger.record("search", "tset", 1, "typo")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a ledger"),
        ('{"schema": 2, "entries": []}', "expected ledger schema 1, found 2"),
        ('{"entries": []}', "not a ledger"),
        ('{"schema": 1, "entries": [{"at": "now"}]}', "not a ledger"),
    ],
)
def test_a_broken_ledger_is_named(tmp_path, text, message):
    path = tmp_path / "ledger.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        _ = Ledger(path).entries
