"""Machines of a shared study as processes, each in a folder of its own; and ways to break them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import psutil
from optuna.trial import TrialState
from postgres import PASSWORD
from small_job import CONFIG, SAMPLE, SPACE, all_gone, descendants

from search.distributed import DistributedStudy, connect

GRACE = "6s"
SECRETS = {form.encode() for form in (PASSWORD, quote(PASSWORD, safe=""), quote_plus(PASSWORD))}
LONG = 400.0


class Machines:
    """A coordinator and workers that share one database.

    Attributes:
        folder: what they write, their output included.
        started: every process, by name.
    """

    def __init__(self, folder, url):
        self.folder, self.url = folder, url
        self.started = {}
        (folder / "space.toml").write_text(SPACE)

    def __enter__(self):
        self.storage = connect(self.url, heartbeat=1, grace=6)
        return self

    def __exit__(self, *_):
        for process in self.started.values():
            self.kill(process.pid)
            process.wait()
        self.storage.close()

    def coordinate(self, *more, trials, epochs=6, jobs=1):
        return self._start(
            "run",
            *("run", "--space", "space.toml", "--warm-start", CONFIG, "--trials", trials),
            *("--trial-images", 600, "--trial-epochs", epochs, "--epochs", 4, "--validation", 300),
            *("--jobs", jobs, "--experiments", "none", "--name", "night", "--artifacts", "store"),
            *more,
        )

    def work(self, name, *more, data=SAMPLE):
        words = ("--study", "night", "--folder", name, "--name", name, "--jobs", 1, *more)
        return self._start(name, "worker", *words, data=data)

    def _start(self, name, *words, data=SAMPLE):
        command = [sys.executable, "-m", "fmnist", *map(str, words)]
        command += ["--data", str(data), "--grace", GRACE]
        with (self.folder / f"{name}.out").open("ab") as output:
            self.started[name] = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, "FMNIST_STORAGE": self.url},
                stdout=output,
                stderr=output,
            )
        return self.started[name]

    def said(self, name):
        return (self.folder / f"{name}.out").read_text()

    def study(self, name="night"):
        return self.until(lambda: DistributedStudy.find(self.storage, name))

    def complete(self):
        """Value of every complete trial, by number."""
        trials = self.study().all_trials()
        return {t.number: t.value for t in trials if t.state == TrialState.COMPLETE}

    def at_work(self, besides=""):
        """Wait until a trial of another worker has an epoch behind it; its worker and number."""

        def found():
            for trial in self.study().all_trials():
                worker = trial.user_attrs.get("worker")
                runs = trial.state == TrialState.RUNNING and trial.intermediate_values
                # One that is off keeps its trial for a while.
                if runs and worker in set(self.started) - {besides}:
                    return worker, trial.number
            return None

        return self.until(found)

    def until(self, found):
        """What ``found()`` gives, as soon as it gives something; nobody may have ended before."""
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            if result := found():
                return result
            dead = [n for n, p in self.started.items() if p.poll() not in (None, 0, -9)]
            assert not dead, [self.said(name) for name in dead]
            time.sleep(0.05)
        raise AssertionError("it never came: " + "\n".join(map(self.said, self.started)))

    def kill(self, pid):
        """kill -9 of a process and all below it at one time, as when a machine goes off."""
        every = [pid, *descendants(pid)]
        for one in every:
            signalled(one, signal.SIGSTOP)  # nobody restarts anybody
        for one in every:
            signalled(one, signal.SIGKILL)
        return every

    def off(self, name):
        gone = self.kill(self.started[name].pid)
        self.started.pop(name).wait()
        assert all_gone(gone)

    @contextlib.contextmanager
    def suspended(self, name):
        """SIGSTOP of a machine, all of it; it goes on afterwards."""
        every = [self.started[name].pid, *descendants(self.started[name].pid)]
        for one in every:
            signalled(one, signal.SIGSTOP)
        yield
        for one in every:
            signalled(one, signal.SIGCONT)

    def crash_loop(self, name):
        """kill -9 of the process that watches the trials; its own watch starts it again."""
        (loop,) = psutil.Process(self.started[name].pid).children()
        loop.kill()
        assert all_gone([loop.pid])

    def crash_trial(self, name):
        """kill -9 of the child that trains."""
        below = [psutil.Process(p) for p in descendants(self.started[name].pid)]
        os.kill(max(below, key=lambda p: p.memory_info().rss).pid, signal.SIGKILL)

    def command_lines(self):
        pids = [p for s in self.started.values() for p in (s.pid, *descendants(s.pid))]
        files = (Path(f"/proc/{pid}/cmdline") for pid in pids)
        return b"\n".join(file.read_bytes() for file in files if file.exists())

    def leaks(self):
        """Files that hold the password in any form."""
        files = [p for p in self.folder.rglob("*") if p.is_file()]
        assert files
        return [p for p in files if any(s in p.read_bytes() for s in SECRETS)]


def signalled(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
