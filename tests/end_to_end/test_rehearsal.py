"""A run of an hour is rehearsed: what would fail at its end fails at its beginning."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from small_disk import small_disk
from small_job import SAMPLE

from fmnist.data import Ledger

pytestmark = pytest.mark.slow


@pytest.fixture
def command(tmp_path):
    sizes = ("--set", "filters_1=8", "--set", "filters_2=8", "--set", "filters_3=8")
    return [
        *(sys.executable, "-m", "fmnist", "run", "--time", "1h", "--data", str(SAMPLE)),
        *("--results", str(tmp_path), "--name", "night", *sizes),
    ]


def test_a_run_begins_once_its_rehearsal_ended_well(command, tmp_path):
    night = tmp_path / "night"
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while process.poll() is None and not (night / "epochs.jsonl").exists():
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert json.loads((night / "rehearsal.json").read_text())["images"] == 2000
    assert "rehearsed in" in said
    assert not (night / "rehearsal").exists()
    splits = {entry.split for entry in Ledger(night / "ledger.json").entries}
    assert splits == {"train", "validation"}
    assert "rehearse" in [
        s["name"] for s in json.loads((night / "stages.json").read_text())["stages"]
    ]


def test_a_template_that_breaks_while_it_is_rendered_ends_the_run_at_once(command, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "section_images.html.j2").write_text("{{ nothing.of_this_name.at_all() }}")
    done = subprocess.run([*command, "--template", str(own)], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "the rehearsal failed: " in done.stderr
    assert "section_images.html.j2" in done.stderr
    assert not (tmp_path / "night" / "trials.jsonl").exists()


def test_a_disk_without_room_for_the_report_ends_the_run_at_once(command, tmp_path):
    disk = tmp_path / "disk"
    with small_disk(disk, "2g"):
        night = disk / "night"
        command[command.index("--results") + 1] = str(disk)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while process.poll() is None and not (night / "rehearsal" / "metrics.json").exists():
            time.sleep(0.05)
        with (disk / "filler").open("wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, os.statvfs(disk).f_bavail * 4096 - 100_000)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 6, said
        assert b"the rehearsal failed: " in said
        assert b"No space left on device" in said
        assert not (night / "trials.jsonl").exists()
