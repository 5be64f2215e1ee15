"""Other programs' books of experiments, kept beside our own; none of them can stop a run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from fmnist.runs.folder import Run
from fmnist.text import brief

_log = logging.getLogger("fmnist")


class Tracker:
    """Writes what a run recorded into another program's book. Here: nothing."""

    name = "tracker"

    def progress(self, run: Run) -> None:
        """Something was recorded: a stage began or ended, a trial ended."""

    def rehearsed(self, run: Run) -> str:
        """The run was rehearsed and is about to begin; what would not work at its end, if any."""
        return ""

    def finished(self, run: Run) -> None:
        """The run is over, its report is written."""

    def stopped(self, run: Run, reason: str) -> None:
        """The run ended without its report; the same command may go on."""


@dataclass
class Trackers:
    """Several trackers; one that fails is told of once, and left out from there on."""

    working: list[Tracker] = field(default_factory=list)
    tell: Callable[[str], object] = lambda _: None

    def progress(self, run: Run) -> None:
        """See ``Tracker.progress``."""
        for tracker in list(self.working):
            self._guarded(tracker, tracker.progress, run)

    def rehearsed(self, run: Run) -> str:
        """See ``Tracker.rehearsed``."""
        return "; ".join(filter(None, (tracker.rehearsed(run) for tracker in self.working)))

    def finished(self, run: Run) -> None:
        """See ``Tracker.finished``."""
        for tracker in list(self.working):
            self._guarded(tracker, tracker.finished, run)

    def stopped(self, run: Run, reason: str) -> None:
        """See ``Tracker.stopped``."""
        for tracker in list(self.working):
            self._guarded(tracker, tracker.stopped, run, reason)

    def _guarded(self, tracker: Tracker, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except Exception as error:  # whatever another library does: the run goes on
            self.working.remove(tracker)
            _log.exception("%s is given up", tracker.name)
            self.tell(f"{tracker.name} is given up, the run goes on: {brief(error)}")
