"""Workers of a shared toy study as processes, what is done to them, and how losses are found."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import shared_worker
from faults_toy import EPOCHS, toy_epoch
from shared_worker import ADDRESS, STUDY, Options

from search.distributed import DistributedStudy, connect
from search.distributed.recovery import MAX_RETRIES
from search.records import Trial, TrialLog

# Nothing takes so long unless it hangs, however busy the machine is.
PATIENCE = 400.0


class Machine:
    """One worker in a folder and a process group of its own."""

    def __init__(self, folder: Path, url: str, options: Options) -> None:
        folder.mkdir()
        self.folder, self.name = folder, folder.name
        with (folder / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                shared_worker.command(folder, options),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env={**os.environ, ADDRESS: url},
                start_new_session=True,
            )

    def loop(self) -> psutil.Process | None:
        """The process that owns the study, below the one that keeps it running."""
        for child in self._below(psutil.Process(self._process.pid)):
            with contextlib.suppress(psutil.Error):
                if "loop" in child.cmdline():
                    return child
        return None

    def trial(self) -> psutil.Process | None:
        """A process that runs trials."""
        loop = self.loop()
        found = self._below(loop) if loop else []
        spawned = [c for c in found if "spawn_main" in " ".join(_command(c))]
        return spawned[0] if spawned else None

    def kill_loop(self) -> None:
        """Kill -9 what owns the study; it is to be started again."""
        self._strike(self.loop)

    def kill_trial(self) -> None:
        """Kill -9 what runs the trial."""
        self._strike(self.trial)

    def die(self) -> None:
        """Kill -9 all of it, for good: the machine is gone."""
        family = psutil.Process(self._process.pid).children(recursive=True)
        for process in (psutil.Process(self._process.pid), *family):
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._process.wait(PATIENCE)

    def suspend(self) -> None:
        """SIGSTOP to all of it, as when a machine sleeps."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT to all of it."""
        self._signal(signal.SIGCONT)

    def wait(self) -> int:
        """Its exit status once it is done."""
        return self._process.wait(PATIENCE)

    def over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def end(self) -> None:
        """Make sure that nothing of it is left."""
        with contextlib.suppress(psutil.Error):
            self.wake()
            self.die()

    def said(self) -> str:
        """What it wrote."""
        return (self.folder / "output.log").read_text()

    def _strike(self, whom: Callable[[], psutil.Process | None]) -> None:
        # What dies this moment of itself is not what was meant.
        until(lambda: self.over() or _killed(whom()))

    def _signal(self, number: int) -> None:
        process = psutil.Process(self._process.pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                one.send_signal(number)

    @staticmethod
    def _below(process: psutil.Process) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return process.children()
        return []


def _killed(process: psutil.Process | None) -> bool:
    if process is None:
        return False
    with contextlib.suppress(psutil.Error):
        process.kill()
        return True
    return False


def _command(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def until(seen: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not seen():
        assert time.monotonic() < deadline, "it never came so"
        time.sleep(0.02)


class Witness:
    """Looks at the study all the time and remembers what must not be lost.

    Attributes:
        counts: what was done and what was found, for a note.
    """

    def __init__(self, url: str) -> None:
        self.storage = connect(url)
        self.counts: Counter[str] = Counter()
        self._complete: dict[int, Trial] = {}
        self._study: DistributedStudy | None = None

    def study(self) -> DistributedStudy:
        """The study, as soon as there is one."""
        if self._study is None:
            found = DistributedStudy.wait_for(self.storage, STUDY, patience=PATIENCE, pause=0.1)
            assert found is not None
            self._study = found
        return self._study

    def complete(self) -> int:
        """How many trials are complete; what was so before must still be, and the same."""
        records = {t.number: t for t in DistributedStudy.find(self.storage, STUDY).records()}
        lost = [n for n, trial in self._complete.items() if records.get(n) != trial]
        self.counts["completed trials lost"] += len(lost)
        assert not lost
        self._complete = {n: t for n, t in records.items() if t.state == "complete"}
        return len(self._complete)

    def dead(self) -> list[int]:
        """Numbers of the trials whose workers were thought dead."""
        return [
            t.number for t in self.study().records()
            if t.failure and "no sign of life" in t.failure.message
        ]  # fmt: skip

    def running_of(self, machine: Machine) -> list[int]:
        """Numbers of the trials that run there, as the database says."""
        return [
            t.number for t in self.study().all_trials()
            if t.state.name == "RUNNING" and t.user_attrs.get("worker") == machine.name
        ]  # fmt: skip

    def under_way(self, machine: Machine) -> bool:
        """Whether a trial there has left something that another machine could go on from."""
        running = self.running_of(machine)
        return any("checkpoint" in self.study().trial(n).user_attrs for n in running)

    def verify(self, machines: list[Machine], max_trials: int) -> list[Trial]:
        """What must hold once all is over; all trials."""
        self.complete()
        study = self.study()
        trials = study.records()
        numbers = [t.number for t in study.all_trials()]
        self.counts["numbers given twice"] += len(numbers) - len(set(numbers))
        assert numbers == list(range(len(numbers)))
        self.counts["left running"] += sum(study.unfinished())
        assert study.unfinished() == (0, 0)
        assert [t.number for t in trials] == numbers
        assert study.slots_used() == max_trials, study.slots_used()
        self._check_families(trials)
        for trial in trials:
            _check_epochs(trial)
        for machine in machines:
            self._check_folder(machine, trials)
        self.counts["trials"] += len(trials)
        self.counts.update(f"trials {t.state}" for t in trials)
        taken_up = [t for t in trials if t.resumed]
        self.counts["taken over with a checkpoint"] += sum(bool(t.retry_of) for t in taken_up)
        self.counts["taken up on the same machine"] += sum(not t.retry_of for t in taken_up)
        return trials

    def close(self) -> None:
        """Let go of the database."""
        self.storage.close()

    def _check_families(self, trials: list[Trial]) -> None:
        """Every dead trial has one heir that names it, up to the last that may be."""
        by_number = {t.number: t for t in trials}
        for number in self.dead():
            heirs = [t for t in trials if t.retry_of == number]
            if self._generation(by_number, number) > MAX_RETRIES:
                assert not heirs
                continue
            assert len(heirs) == 1, f"trial {number} died, and has heirs {heirs}"
            assert heirs[0].params == by_number[number].params
            assert by_number[number].seed in (None, heirs[0].seed)  # None: died at once
            self.counts["retries that name their ancestor"] += 1

    @staticmethod
    def _generation(trials: dict[int, Trial], number: int | None) -> int:
        count = 0
        while number is not None:
            count, number = count + 1, trials[number].retry_of
        return count

    def _check_folder(self, machine: Machine, trials: list[Trial]) -> None:
        """What a worker wrote down for itself is what the study says of it."""
        own = TrialLog(machine.folder / "trials.jsonl").trials
        assert own == [trials[t.number] for t in own]
        assert len({t.number for t in own}) == len(own)


def _check_epochs(trial: Trial) -> None:
    """A trial is as one that nobody disturbed, on whatever machines it ran."""
    expected = [toy_epoch(trial.params, trial.seed, n) for n in range(1, EPOCHS + 1)]
    assert list(trial.epochs) == expected[: len(trial.epochs)]
    if trial.state == "complete":
        assert len(trial.epochs) == EPOCHS
        assert trial.value == max(e.val_accuracy for e in trial.epochs)
