"""Real training, stopped: an interim report, no process left, and the same command goes on."""

import json
import signal
import subprocess
import sys

import pytest
from small_job import (
    SPACE,
    all_gone,
    check_nothing_was_lost,
    command,
    descendants,
    start,
    wait_for_epochs,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "space.toml").write_text(SPACE)
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_an_interim_report_and_the_same_command_goes_on(folder, number):
    with start(folder) as process:
        wait_for_epochs(process, folder, 6)
        children = descendants(process.pid)
        process.send_signal(number)
        error = process.stderr.read().decode()
    assert process.returncode == 130, error
    assert "stopping, with an interim report; once more stops at once" in error
    assert "the same command goes on" in error
    assert all_gone(children)
    (run,) = (folder / "results").iterdir()
    assert (run / "interim.pdf").read_bytes().startswith(b"%PDF")
    assert "interim" in (run / "interim.html").read_text().lower()
    if number == signal.SIGTERM:
        return  # going on is the same for both
    before = (run / "trials.jsonl").read_bytes()
    with start(folder) as process:
        error = process.stderr.read().decode()
    assert process.returncode == 0, error
    check_nothing_was_lost(run, before)
    assert (run / "report.pdf").is_file()
    assert not (run / "interim.pdf").exists()


def test_the_second_signal_stops_at_once_and_leaves_no_process(folder):
    with start(folder) as process:
        wait_for_epochs(process, folder, 2)
        children = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.wait()
    assert process.returncode == 130
    assert all_gone(children)


def test_a_run_in_use_is_refused_and_can_be_looked_at(folder):
    with start(folder, "--name", "one") as process:
        wait_for_epochs(process, folder, 5)
        run = folder / "results" / "one"
        second = subprocess.run(
            command("--name", "one"), cwd=folder, capture_output=True, text=True
        )
        assert second.returncode == 4
        assert f"in use by process {process.pid}" in second.stderr
        fmnist = [sys.executable, "-m", "fmnist"]
        status = subprocess.run(
            [*fmnist, "status", str(run), "--json"], capture_output=True, text=True, check=True
        )
        assert json.loads(status.stdout)["state"] == "running"
        subprocess.run([*fmnist, "report", str(run)], check=True, capture_output=True)
        assert (run / "interim.html").is_file()
        assert process.poll() is None
        process.kill()


def test_a_changed_space_is_refused_with_the_difference(folder):
    with start(folder, "--name", "one") as process:
        wait_for_epochs(process, folder, 2)
        process.kill()
    (folder / "space.toml").write_text(SPACE.replace("1e-2", "2e-2"))
    again = subprocess.run(command("--name", "one"), cwd=folder, capture_output=True, text=True)
    assert again.returncode == 4
    assert "learning_rate" in again.stderr
    assert "0.02" in again.stderr
