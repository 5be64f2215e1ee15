"""What the fault suite does to a study, and how it looks for losses."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import faults_life
import faults_toy
import psutil
import pytest
from faults_life import BEGINS, FINISHED, MARK, Life
from faults_toy import EPOCHS

from search.records import Trial

TALLY: Counter[str] = Counter()
"""Faults injected, by kind; and losses, which are to stay away."""
ROUNDS = [pytest.param(1, id="few"), pytest.param(10, id="many", marks=pytest.mark.full)]
# No test waits this long unless something hangs.
_PATIENCE = 120.0


class Lives:
    """Starts lives of studies and waits for their ends; see ``faults_life``."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, faults_life.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, life: Life) -> int:
        """Begin a life; its process id."""
        return self._ask({"start": asdict(life)})

    def wait(self, pid: int) -> int:
        """The exit code of a life once it is over; what hangs is killed and named."""
        self.until(pid, lambda: False)
        return self._ask({"wait": pid})

    def until(self, pid: int, seen: Callable[[], bool]) -> None:
        """Wait until something is seen or the life is over."""
        deadline = time.monotonic() + _PATIENCE
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            with contextlib.suppress(FileNotFoundError):
                if seen():
                    return
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                self._ask({"wait": pid})
                raise AssertionError(f"a life did not end within {_PATIENCE:.0f} s")
            time.sleep(0.005)

    def run(self, life: Life) -> int:
        """A whole life; its exit code."""
        return self.wait(self.start(life))

    def kill_at_random(self, life: Life, rng: random.Random) -> int:
        """A life that is killed -9 at some moment, unless it was over before; its exit code.

        Mostly while trials run, else while they start or while it mends what the last one left.
        """
        folder = Path(life.folder)
        begun = grown(folder / "life.log", 1, BEGINS.encode())
        running = grown(folder / "epochs.jsonl", 1)
        pid = self.start(life)
        self.until(pid, rng.choice((lambda: True, begun, running, running, running)))
        time.sleep(rng.uniform(0, 0.3))
        os.kill(pid, signal.SIGKILL)
        return self.wait(pid)

    def close(self) -> None:
        """End the server; it has no lives left."""
        self._server.stdin.close()
        self._server.wait(_PATIENCE)
        self._server.stdout.close()

    def _ask(self, command: dict) -> int:
        self._server.stdin.write(json.dumps(command) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


class Witness:
    """Watches a folder over several lives and remembers what must not be lost."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._complete: dict[int, bytes] = {}

    def look(self) -> int:
        """Compare with what was seen before; the number of complete trials now.

        No process of a life may be left when this is called.
        """
        assert not leftovers(self.folder), (self.folder / "life.log").read_text()
        lines = {
            json.loads(line)["number"]: line for line in whole_lines(self.folder / "trials.jsonl")
        }
        lost = [n for n, line in self._complete.items() if lines.get(n) != line]
        TALLY["trials lost"] += len(lost)
        assert not lost, f"trials {lost} were lost or changed"
        self._complete = {n: r for n, r in lines.items() if json.loads(r)["state"] == "complete"}
        return len(self._complete)

    def agree(self) -> list[Trial]:
        """What must hold of any study once it is over, its trials: all its files say the same."""
        self.look()
        trials = self.trials()
        assert sorted(t.number for t in trials) == list(range(len(trials)))
        check_engine(self.folder, trials)
        check_journal(self.folder, trials)
        TALLY["studies verified"] += 1
        TALLY["trials verified"] += len(trials)
        TALLY["trials taken up again after a crash"] += sum(len(t.resumed) for t in trials)
        return trials

    def verify(self, life: Life) -> list[Trial]:
        """What must hold of a study of the toy, too."""
        trials = self.agree()
        telling = [t for t in trials if not t.failure or t.failure.kind != "interrupted"]
        if life.total is None:
            assert len(telling) == life.trials
        for trial in trials:
            _check_epochs(trial, rungs=life.sampler == "hyperband")
        return trials

    def trials(self) -> list[Trial]:
        """The log."""
        return [
            Trial.from_json(json.loads(line)) for line in whole_lines(self.folder / "trials.jsonl")
        ]


def finish(lives: Lives, life: Life, witness: Witness) -> list[Trial]:
    """Let the study run to its end, and look at all it left."""
    code = lives.run(life)
    assert code == FINISHED, (witness.folder / "life.log").read_text()[-3000:]
    return witness.verify(life)


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a file of JSON objects, a torn last one left out."""
    data = path.read_bytes() if path.exists() else b""
    return data[: data.rfind(b"\n") + 1].splitlines()


def grown(path: Path, lines: int, having: bytes = b"") -> Callable[[], bool]:
    """Whether a file has so many whole lines more than now."""
    count = lambda: sum(having in line for line in whole_lines(path))  # noqa: E731
    before = count()
    return lambda: count() >= before + lines


def children(folder: Path) -> list[psutil.Process]:
    """The processes that lives in ``folder`` have started, and that live."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == str(folder) and _lives(process):
                found.append(process)
    return found


def leftovers(folder: Path, patience: float = 10.0) -> list[psutil.Process]:
    """Those of them that outlive their life for longer than a moment; they are ended."""
    until = time.monotonic() + patience
    while (found := children(folder)) and time.monotonic() < until:
        time.sleep(0.01)
    TALLY["orphans"] += len(found)
    for process in found:
        process.kill()
    return found


def _lives(process: psutil.Process) -> bool:
    return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def check_engine(folder: Path, trials: list[Trial]) -> None:
    """The engine's file says the same as the log: states, values, every epoch; nothing runs."""
    read = _in_database if (folder / "study.db").exists() else _in_engine_file
    states, values, epochs = read(folder)
    TALLY["trials left running"] += sum(state.lower() == "running" for state in states.values())
    assert states == {t.number: t.state for t in trials}
    assert epochs == {
        t.number: [(e.epoch, e.val_accuracy) for e in t.epochs] for t in trials if t.epochs
    }
    assert values == {t.number: t.value for t in trials if t.value is not None}


def _in_database(folder: Path) -> tuple[dict, dict, dict]:
    names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    with contextlib.closing(sqlite3.connect(f"file:{folder}/study.db?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT number, state FROM trials")
        states = {number: names.get(state, state) for number, state in rows}
        values = dict(
            db.execute("SELECT number, value FROM trial_values JOIN trials USING (trial_id)")
        )
        epochs: dict[int, list] = {}
        for number, *epoch in db.execute(
            "SELECT number, step, intermediate_value FROM trial_intermediate_values "
            "JOIN trials USING (trial_id) ORDER BY number, step"
        ):
            epochs.setdefault(number, []).append(tuple(epoch))
    return states, values, epochs


def _in_engine_file(folder: Path) -> tuple[dict, dict, dict]:
    rows = json.loads((folder / "engine.json").read_text())["trials"]
    return (
        {row["number"]: row["state"] for row in rows},
        {row["number"]: row["value"] for row in rows if row["value"] is not None},
        {row["number"]: [tuple(r) for r in row["reports"]] for row in rows if row["reports"]},
    )


def check_journal(folder: Path, trials: list[Trial]) -> None:
    """The journal has the epochs of the log, each once and in order."""
    journal: dict[int, list] = {}
    for line in whole_lines(folder / "epochs.jsonl"):
        row = json.loads(line)
        del row["crc32"]
        journal.setdefault(row.pop("trial"), []).append(row)
    assert journal == {t.number: [asdict(e) for e in t.epochs] for t in trials if t.epochs}


def _check_epochs(trial: Trial, rungs: bool) -> None:
    """A trial taken up again is as one that was never interrupted; rungs may be shorter."""
    expected = [faults_toy.toy_epoch(trial.params, trial.seed, n) for n in range(1, EPOCHS + 1)]
    assert list(trial.epochs) == expected[: len(trial.epochs)]
    if trial.state == "complete":
        assert rungs or len(trial.epochs) == EPOCHS
        assert trial.value == max(e.val_accuracy for e in trial.epochs)
