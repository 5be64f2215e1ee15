"""A worker's loop is started again after a crash, and not after its end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from search.processes.restart import run_with_restarts

# Ends with the status that the n-th line of a file says, counting its starts in another one.
SCRIPT = """
import os, signal, sys
from pathlib import Path
starts = Path(sys.argv[1])
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
status = int(sys.argv[2].split(",")[len(starts.read_text()) - 1])
if status < 0:
    os.kill(os.getpid(), -status)
sys.exit(status)
"""


@pytest.fixture
def starts(tmp_path):
    return tmp_path / "starts"


def keep(starts, statuses, **options):
    command = [sys.executable, "-c", SCRIPT, str(starts), statuses]
    return run_with_restarts(command, pause=0.001, **options)


def test_it_is_started_again_until_it_ends_as_it_should(starts):
    assert keep(starts, "1,-9,-11,0") == 0
    assert len(starts.read_text()) == 4


def test_an_end_that_means_what_it_says_is_passed_on(starts):
    assert keep(starts, "7,4", final=(0, 4)) == 4
    assert len(starts.read_text()) == 2


def test_it_is_given_up_after_many_crashes_in_a_row(starts):
    assert keep(starts, "1,1,-9", crashes=3) == 128 + 9
    assert len(starts.read_text()) == 3


def test_crashes_in_a_row_are_counted_from_the_last_success(starts):
    done = iter((0, 0, 1, 1, 2, 2))
    assert keep(starts, "1,1,1,1,0", crashes=2, progress=lambda: next(done)) == 1
    assert len(starts.read_text()) == 3


KEEPER = """
import sys
from search.processes.restart import run_with_restarts
sys.exit(run_with_restarts([sys.executable, "-c", sys.argv[1], sys.argv[2]], pause=60))
"""
PATIENT = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, lambda *_: sys.exit(10))
Path(sys.argv[1]).write_text("ready")
time.sleep(600)
"""
CRASHING = """
import sys
from pathlib import Path
Path(sys.argv[1]).write_text("ready")
sys.exit(1)
"""


@pytest.mark.parametrize(("script", "status"), [(PATIENT, 10), (CRASHING, 1)])
def test_a_signal_to_end_is_passed_on_and_nothing_is_started_after_it(starts, script, status):
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEPER, script, starts], start_new_session=True
    )
    while not starts.exists() or not starts.read_text():
        time.sleep(0.01)
    if script is CRASHING:
        time.sleep(0.2)  # mostly it waits by now; if not, the signal meets the child
    os.kill(keeper.pid, signal.SIGTERM)
    assert keeper.wait(60) in (status, 128 + signal.SIGTERM)


def test_the_child_does_not_outlive_its_keeper(starts):
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEPER, PATIENT.replace('"ready"', "str(__import__('os').getpid())"),
         starts],
        start_new_session=True,
    )  # fmt: skip
    while not starts.exists() or not starts.read_text():
        time.sleep(0.01)
    child = int(starts.read_text())
    keeper.kill()
    keeper.wait()
    for _ in range(1000):  # not for ever: what outlives it fails the test, and is ended
        if not _lives(child):
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child outlives its keeper")


def _lives(pid):
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
