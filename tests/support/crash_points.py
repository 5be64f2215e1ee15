"""Nights that fail at every call to the disk, and what must hold of each once it went on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import crash_night
from faults import check_engine, check_journal, whole_lines
from faults_life import MARK
from requirements import require_program

from fmnist.data.ledger import Ledger
from fmnist.runs import artifacts
from fmnist.runs.check import check_run
from fmnist.runs.folder import Run

SOURCE = Path(__file__).with_name("disk_shim.c")
JOURNALS = [str(a) for a in (*artifacts.TRIAL_LOGS, *artifacts.EPOCH_JOURNALS, artifacts.CHECKSUMS)]
STRAY = re.compile(r"\.writing|-journal$|tmp|#")

SEED = int(os.environ.get("FMNIST_TEST_SEED", 0))


@contextlib.contextmanager
def in_memory():
    """A folder in memory where that can be: what fails is the tests' doing."""
    parent = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=parent if os.access(parent, os.W_OK) else None) as made:
        yield Path(made)


class Nights:
    """Runs lives of nights in forks of one process that has imported everything."""

    def __init__(self, folder: Path) -> None:
        shim = folder / "disk_shim.so"
        command = [require_program("cc"), "-O1", "-shared", "-fPIC", "-o", shim, SOURCE, "-ldl"]
        subprocess.run(command, check=True)
        self._server = subprocess.Popen(
            [sys.executable, crash_night.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "LD_PRELOAD": str(shim),
                "PYTHONPATH": os.pathsep.join(sys.path),
                MARK: str(folder),
            },
        )

    def live(self, folder: Path, **faults: object) -> tuple[int, str]:
        """One life: its exit code, and its calls or its traceback."""
        self._server.stdin.write(json.dumps({"folder": str(folder), **faults}) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        return answer["code"], answer["said"]

    def close(self) -> None:
        """End the server."""
        self._server.stdin.close()
        self._server.wait(60)
        self._server.stdout.close()


def result_of(folder: Path) -> dict[str, object]:
    """What a night found: everything but times, and what it was interrupted by."""
    run = Run(folder)
    same = {"started": "", "seconds": None, "resumed": (), "peak_memory": None}
    logs = {str(log): [replace(t, **same) for t in run.trials(log)] for log in artifacts.TRIAL_LOGS}
    return {
        "logs": logs,
        "names": sorted(p.name for p in folder.iterdir() if ".damaged-" not in p.name),
        "metrics": (folder / str(artifacts.METRICS)).read_bytes(),
    }


def committed(folder: Path) -> dict[str, list[bytes]]:
    """The whole lines of every journal that are not damaged."""
    return {name: whole_lines(folder / name) for name in JOURNALS if (folder / name).exists()}


def check(folder: Path, before: Mapping[str, list[bytes]], undisturbed: dict[str, object]) -> None:
    """What must hold of a night that went on: nothing lost, left or doubled; the same result.

    Args:
        before: the lines that were known to be on the disk.
    """
    now = committed(folder)
    lost = [line for name, lines in before.items() for line in lines if line not in now[name]]
    assert not lost, f"lost: {lost}"
    result = result_of(folder)
    different = {k: (result[k], v) for k, v in undisturbed.items() if result[k] != v}
    assert not different, different
    assert not (found := check_run(Run(folder))), found
    stray = [str(p) for p in folder.rglob("*") if STRAY.search(p.name)]
    assert not stray, stray
    trials = Run(folder).trials()
    assert [t.number for t in trials] == list(range(crash_night.TRIALS))
    check_engine(folder, trials)
    check_journal(folder, trials)
    _check_ledger(folder)


def _check_ledger(folder: Path) -> None:
    """Every reading of the test set is in the ledger; again only where its results were lost."""
    readings = crash_night.readings(folder).stat().st_size
    entries = [e for e in Ledger(folder / str(artifacts.LEDGER)).entries if e.split == "test"]
    assert readings <= len(entries) <= 2


@contextlib.contextmanager
def fresh(parent: Path):
    """A folder of its own for one night, gone afterwards."""
    folder = parent / "night"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        crash_night.readings(folder / crash_night.RUN).unlink(missing_ok=True)
