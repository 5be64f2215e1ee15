"""Objectives for real child processes; each parameter ``do`` names what the task does."""

import ctypes
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from search.records import Epoch, TrialError


def epoch(number, value=0.5):
    return Epoch(number, value, 1 - value, value, 1 - value, 0.01)


class Deeds:
    """Does what the task's parameter ``do`` says."""

    def __call__(self, task, report):
        getattr(self, str(task.params["do"]))(task, report)

    def train(self, task, report):
        number, remaining = 0, task.epochs
        while remaining:
            number += 1
            remaining = report(epoch(number))

    def whoami(self, task, report):
        report(epoch(1, os.getpid() / 1e9))

    def threads(self, task, report):
        report(epoch(1, float(os.environ.get("OMP_NUM_THREADS", "0"))))

    def nan(self, task, report):
        raise TrialError("nan", "loss inf")

    def bug(self, task, report):
        raise ZeroDivisionError("oops")

    def out_of_memory(self, task, report):
        raise MemoryError

    def disk(self, task, report):
        raise OSError(28, "No space left on device")

    def grow(self, task, report):
        held = []
        while len(held) < 600:
            held.append(bytearray(b"x" * 1_000_000))
            time.sleep(0.002)
        report(epoch(1))

    def keep(self, task, report):
        self.kept = bytearray(b"x" * 700_000_000)
        report(epoch(1))

    def hang(self, task, report):
        report(epoch(1))
        time.sleep(20)  # not for ever: a test must fail, not hang, where nobody ends it

    def slow(self, task, report):
        for number in range(1, 1000):
            report(epoch(number))
            time.sleep(0.05)

    def kill(self, task, report):
        report(epoch(1))
        os.kill(os.getpid(), signal.SIGKILL)

    def crash(self, task, report):
        print("last words", file=sys.stderr, flush=True)
        ctypes.string_at(0)

    def allocate(self, task, report):
        print("std::bad_alloc", file=sys.stderr, flush=True)
        os.abort()

    def native(self, task, report):
        """Neither reports nor lets another thread of its process run."""
        report(epoch(1))
        ctypes.PyDLL(None).sleep(20)

    def killable(self, task, report):
        report(epoch(1, float(Path("/proc/self/oom_score_adj").read_text())))

    def leave(self, task, report):
        os._exit(3)

    def litter(self, task, report):
        Path(tempfile.mkdtemp(), "rest").touch()
        self.kill(task, report)


def constant(task, report):
    """One epoch of the same value for every task."""
    report(epoch(1, 0.25))


def greet():
    return "hello"


def refuse():
    raise ImportError("no such library")


def import_slowly():
    time.sleep(2)
