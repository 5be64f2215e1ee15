"""A terminal, a pipe or a disk that cannot take what is printed ends nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LINES = "import fmnist.cli.streams as m; m.secure_streams(); print('3 × 4 → 12 … é')"
FULL = Path("/dev/full")


def shell(tail, *, code=LINES, **variables):
    environment = {**os.environ, **variables}
    command = f'"$0" -c "$1" {tail}'
    return subprocess.run(
        ["sh", "-c", command, sys.executable, code], capture_output=True, env=environment
    )


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "3 × 4 → 12 … é".encode()),
        ("latin-1", b"3 \xd7 4 -> 12 ... \xe9"),
        ("ascii", b"3 x 4 -> 12 ... ?"),
    ],
)
def test_a_letter_that_the_terminal_lacks_is_spelt(encoding, shown):
    done = shell("", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, shown, b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_ends_nothing(closed):
    code = (
        LINES + "; import sys; print('x', file=sys.stderr); open('/dev/null').fileno() > 2 or 1/0"
    )
    assert shell(closed, code=code).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize(("command", "status"), [("run", 0), ("status", 1)])
def test_a_full_disk_under_the_output_is_said_and_ends_no_job(command, status):
    code = f"{LINES}; import sys; sys.exit(m.status_with_streams(0, '{command}'))"
    done = shell(">/dev/full", code=code)
    assert done.returncode == status
    assert done.stderr.decode() == "fmnist: standard output was lost: No space left on device\n"
    both = shell(">/dev/full 2>&1", code=code)
    assert both.returncode == status


@pytest.mark.parametrize("settings", [{"MPLBACKEND": "module://no.such"}, {"MATPLOTLIBRC": "rc"}])
def test_settings_of_matplotlib_do_not_reach_a_report(tmp_path, settings):
    (tmp_path / "rc").write_bytes(b"\xff\xfe")
    code = (
        "import sys, fmnist.cli.main as m; sys.argv = ['fmnist', '--version']\n"
        "try: m.main()\n"
        "except SystemExit: import matplotlib; print(matplotlib.get_backend())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, **settings},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "agg", done.stderr


@pytest.mark.slow
def test_a_file_that_matplotlib_would_fail_over_is_named(tmp_path):
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe")
    command = [sys.executable, "-m", "fmnist", "runs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "matplotlibrc: not UTF-8 text" in done.stderr
    assert subprocess.run([*command, "--help"], cwd=tmp_path, capture_output=True).returncode == 0
