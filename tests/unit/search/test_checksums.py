"""The SHA-256 of each whole file is noted before it has its name, and compared."""

import os
from pathlib import Path

import pytest

from search.atomic import write_bytes
from search.checksums import (
    CHECKSUMS,
    ChecksumError,
    keep_checksums,
    noted_files,
    sha256,
    verify_checksum,
    was_written,
)


@pytest.fixture
def file(tmp_path):
    keep_checksums(tmp_path)
    write_bytes(tmp_path / "facts.json", b"first")
    return tmp_path / "facts.json"


def test_a_file_is_as_it_was_written(file):
    verify_checksum(file)
    assert noted_files(file.parent) == ["facts.json"]


def test_a_changed_file_is_found(file):
    file.write_bytes(b"fIrst")
    with pytest.raises(ChecksumError, match="another than when it was written"):
        verify_checksum(file)


def test_a_file_that_is_replaced_while_it_is_compared_is_whole(file, monkeypatch):
    """A run that goes on rewrites its plan while its status is read."""

    def replaced(path):
        monkeypatch.undo()
        write_bytes(path, b"second")
        return sha256(path)

    monkeypatch.setattr("search.checksums.sha256", replaced)
    verify_checksum(file)
    assert file.read_bytes() == b"second"


def test_a_process_killed_between_note_and_file_leaves_the_earlier_content_whole(file, monkeypatch):
    monkeypatch.setattr(Path, "replace", lambda *_: None)
    write_bytes(file, b"second")
    assert file.read_bytes() == b"first"
    verify_checksum(file)
    assert was_written(file, b"second")


@pytest.mark.parametrize("killed", ["search.atomic.note_checksum", "pathlib.Path.replace"])
def test_killed_at_the_note_or_the_renaming_the_file_is_as_it_was(file, monkeypatch, killed):
    def kill(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(killed, kill)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(file, b"second")
    assert file.read_bytes() == b"first"
    verify_checksum(file)


def test_folders_that_keep_none_and_journals_have_none(tmp_path, file):
    write_bytes(tmp_path / "other" / "facts.json", b"{}")
    write_bytes(tmp_path / "trials.jsonl", b"")
    write_bytes(tmp_path / "live.html", b"", noted=False)
    assert noted_files(tmp_path) == ["facts.json"]
    assert not (tmp_path / "other" / CHECKSUMS).exists()
    verify_checksum(tmp_path / "other" / "facts.json")


def test_a_damaged_line_agrees_with_no_file(file):
    kept = file.with_name(CHECKSUMS)
    kept.write_bytes(kept.read_bytes().replace(sha256(file).encode(), b"0" * 64))
    with pytest.raises(ChecksumError):
        verify_checksum(file)
    assert noted_files(file.parent) == []


def test_what_does_not_come_back_from_the_disk_is_no_file(file, monkeypatch):
    def lose(handle):
        (half,) = file.parent.glob(".writing-*")
        half.write_bytes(b"sec0nd")

    monkeypatch.setattr(os, "fsync", lose)
    with pytest.raises(OSError, match="reads back other than it was written"):
        write_bytes(file, b"second")
    assert file.read_bytes() == b"first"
    assert not list(file.parent.glob(".writing-*"))
