"""The objective of the fault suite: trains nothing for a while, and misbehaves as told.

Light, since every child process of a study imports it.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import math
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from search.records import Epoch, TrialError
from search.space import Categorical, Float, Int, SearchSpace

SPACE = SearchSpace(
    (
        Int("size", 16, 128, step=16),
        Float("rate", 1e-4, 1e-1, log=True),
        Categorical("batch", (64, 128)),
    )
)
EPOCHS = 4


def value_of(params: dict[str, object], seed: int, epoch: int) -> float:
    """The validation accuracy after ``epoch``: repeatable, unlike for each seed, rising."""
    text = json.dumps([params, seed], sort_keys=True)
    luck = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32
    return 0.5 + 0.4 * luck * (1 - math.exp(-epoch))


@dataclass(frozen=True)
class Toy:
    """Trains nothing for a while, leaving a checkpoint an epoch."""

    faults: dict[str, str]
    pause: float

    def __call__(self, task, report):
        behind = epochs_in(task.folder) if task.folder else ()
        remaining = task.epochs - len(behind)
        number = len(behind)
        while remaining > 0:
            number += 1
            time.sleep(self.pause)
            self._misbehave(task, number, report)
            epoch = toy_epoch(task.params, task.seed, number)
            if task.folder:
                save(task.folder, [*behind, epoch])
            behind = (*behind, epoch)
            remaining = report(epoch)

    def _misbehave(self, task, epoch, report):
        always = self.faults.get(f"{task.number}!")
        fault = always or (self.faults.get(str(task.number)) if task.attempt == 1 else None)
        if fault and epoch == 2:
            FAULTS[fault](task, epoch, report)


def toy_epoch(params, seed, number):
    accuracy = value_of(params, seed, number)
    return Epoch(number, accuracy, 1 - accuracy, accuracy, 1 - accuracy, 0.01, 1e-3)


def save(folder: Path, epochs) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "writing"
    # Larger than a line of a log, as a network's weights are: so a disk gets full here too.
    temporary.write_text(json.dumps({"epochs": [asdict(e) for e in epochs], "x": "x" * 3000}))
    temporary.replace(folder / "epochs.json")


def epochs_in(folder: Path):
    try:
        rows = json.loads((folder / "epochs.json").read_text())["epochs"]
    except (OSError, ValueError):
        return ()
    return tuple(Epoch(**row) for row in rows)


def _not_a_number(**wrong):
    def fault(task, epoch, report):
        good = asdict(toy_epoch(task.params, task.seed, epoch))
        report(Epoch(**{**good, **wrong}))
        raise AssertionError("a study goes on after a loss that is no number")

    return fault


def _diverge(task, epoch, report):
    raise TrialError("nan", f"the loss became nan in epoch {epoch}")


def _bug(task, epoch, report):
    raise ValueError("the shapes\ndo not fit")


def _allocate(task, epoch, report):
    held = []
    while True:  # in steps, touching every page: so that the watch can see it grow
        held.append(bytearray(os.urandom(1)) * 8_000_000)
        time.sleep(0.005)


def _no_memory(task, epoch, report):
    raise MemoryError


def _loop(task, epoch, report):
    while True:
        pass


FAULTS = {
    "nan accuracy": _not_a_number(val_accuracy=math.nan),
    "nan loss": _not_a_number(loss=math.nan),
    "inf loss": _not_a_number(loss=math.inf),
    "inf accuracy": _not_a_number(val_accuracy=math.inf),
    "nan validation loss": _not_a_number(val_loss=math.nan),
    "diverges": _diverge,
    "bug": _bug,
    "memory": _allocate,
    "MemoryError": _no_memory,
    "endless loop": _loop,
    "stopped": lambda *_: os.kill(os.getpid(), signal.SIGSTOP),
    "sleeps": lambda *_: time.sleep(3600),
    "segfault": lambda *_: faulthandler._sigsegv(),
    "abort": lambda *_: os.abort(),
    "killed": lambda *_: os.kill(os.getpid(), signal.SIGKILL),
    "exits": lambda *_: os._exit(3),
    "sys.exit": lambda *_: sys.exit(3),
}
