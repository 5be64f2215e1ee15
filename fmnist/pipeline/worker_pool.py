"""The child processes of a job: one supervisor at a time, with what the trainings need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fmnist.training.objective import warm_up
from search.processes.supervisor import Supervisor
from search.tasks import Objective


@dataclass
class TrialProcessPool:
    """Starts, hands out and ends children.

    Attributes:
        log: file for what they write to their standard streams.
        training: makes the objective of trials; called when the first task is at hand.
    """

    log: Path
    training: Callable[[], Objective]
    _supervisor: Supervisor | None = field(default=None, init=False)
    _told: Callable[[], Objective] | None = field(default=None, init=False)

    def warm(self, jobs: int) -> None:
        """Start the children, so that they import what they need while the data are read."""
        self._open(jobs).warm()

    def supervisor(self, jobs: int, training: Callable[[], Objective] | None = None) -> Supervisor:
        """A supervisor for ``jobs`` trainings at once, which share the cores.

        ``training`` makes another objective than that of the trials.
        """
        training = training or self.training
        supervisor = self._open(jobs)
        if self._told != training:
            supervisor.objective, self._told = training(), training
        return supervisor

    def forget_training(self) -> None:
        """Have the objective made anew: what it is made of has changed."""
        self._told = None

    def close(self) -> None:
        """End all children."""
        if self._supervisor is not None:
            self._supervisor.close()
        self._supervisor = self._told = None

    def _open(self, jobs: int) -> Supervisor:
        if self._supervisor is not None and self._supervisor.slots != jobs:
            self.close()
        if self._supervisor is None:
            self._supervisor = Supervisor(jobs=jobs, initializer=warm_up, output=self.log)
        return self._supervisor
