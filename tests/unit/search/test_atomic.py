import os
from pathlib import Path

import pytest

from search.atomic import write_bytes


@pytest.fixture
def calls(monkeypatch):
    """What waits for the disk, and what is renamed, in order."""
    made, sync, rename = [], os.fsync, Path.replace

    def fsync(handle):
        made.append(("sync", Path(f"/proc/self/fd/{handle}").resolve()))
        sync(handle)

    def fadvise(handle, start, length, advice):
        assert (start, length, advice) == (0, 0, os.POSIX_FADV_DONTNEED)
        made.append(("forget", Path(f"/proc/self/fd/{handle}").resolve()))

    def replace(self, target):
        made.append(("rename", self, target))
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "posix_fadvise", fadvise)
    monkeypatch.setattr(Path, "replace", replace)
    return made


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs the names of open files")
def test_the_content_is_on_the_disk_before_its_name_and_the_name_at_the_end(tmp_path, calls):
    path = tmp_path / "a.json"
    write_bytes(path, b"whole")
    (_, half), (_, forgotten), (_, renamed, target), last = calls
    assert [call[0] for call in calls] == ["sync", "forget", "rename", "sync"]
    assert half == forgotten == renamed
    assert half.parent == tmp_path
    assert target == path
    assert last == ("sync", tmp_path)
    assert path.read_bytes() == b"whole"
