"""A run of another process, told to a display from its files as if it ran here."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from fmnist.pipeline.progress import ProgressDisplay
from fmnist.report.render import Rendered
from fmnist.runs import artifacts
from fmnist.runs.artifacts import Artifact
from fmnist.runs.folder import Run
from fmnist.runs.run_messages import PDF
from fmnist.runs.status import Status, read_status
from search.engines.base import Suggestion
from search.records import Epoch, Trial, best_of

_SECONDS = 1.0
# Which log and journal belong to a stage whose trainings are trials, and to the others.
_TRIALS = {
    "search": (artifacts.TRIALS, artifacts.EPOCHS),
    "confirm": (artifacts.CONFIRM_TRIALS, artifacts.CONFIRM_EPOCHS),
}
_TRAININGS = {
    "retrain": artifacts.RETRAIN_EPOCHS,
    "refit": artifacts.REFIT_EPOCHS,
    "ensemble": artifacts.ENSEMBLE_EPOCHS,
    "baseline": artifacts.BASELINE_EPOCHS,
}


@dataclass
class RunFollower:
    """Tells ``display`` what is new in the files of ``run``; nothing is written.

    Attributes:
        sleep: waits so many seconds between two looks.
    """

    run: Run
    display: ProgressDisplay
    sleep: Callable[[float], object] = time.sleep
    _stages: int = 0
    _decisions: int = 0
    _seen: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _epochs: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    _confirmed: bool = False
    _left: float = 0.0

    def follow(self) -> Status:
        """Follow the run until no process holds it; returns how it was then.

        Raises:
            RunError: a file of the run holds something else.
        """
        status = read_status(self.run)
        request = self.run.read(artifacts.RUN).request
        limit = None if status.time_left is None else status.elapsed + status.time_left
        self.display.start_job(self.run.path, limit, request.trials, remaining=self._remaining)
        try:
            while True:
                status = read_status(self.run)
                self._left = status.time_left or 0.0
                self._tell_news()
                if status.state != "running":
                    break
                self.sleep(_SECONDS)
            self._tell_end(status)
        finally:
            self.display.close()
        return status

    def _remaining(self) -> float:
        return self._left

    def _tell_news(self) -> None:
        stages = self.run.get(artifacts.STAGES)
        names = list(dict.fromkeys(s.name for s in stages.stages)) if stages else []
        for place, name in enumerate(names):
            if place >= self._stages:
                self.display.stage_started(name)
            if place + 1 >= self._stages:  # what a stage left last is read once more after its end
                self._tell_stage(name)
        self._stages = len(names)

    def _tell_stage(self, name: str) -> None:
        plan = self.run.get(artifacts.PLAN)
        for decision in plan.decisions[self._decisions :] if plan else ():
            if decision.stage == name:
                self.display.message(decision.text)
                self._decisions += 1
        if name in _TRIALS:
            self._tell_trials(*_TRIALS[name])
        if name in _TRAININGS:
            self._tell_epochs(_TRAININGS[name])
        confirmation = self.run.get(artifacts.CONFIRMATION) if name == "confirm" else None
        if confirmation and not self._confirmed:
            self._confirmed = True
            self.display.confirmed(confirmation)

    def _tell_trials(self, log: Artifact[Trial], journal: Artifact[Epoch]) -> None:
        epochs = self.run.epochs(journal)  # first: what is recorded meanwhile is then over
        trials = self.run.trials(log)
        for place in range(self._seen[log.name], len(trials)):
            self.display.trial_done(trials[place], best_of(trials[: place + 1]), float("inf"))
        self._seen[log.name] = len(trials)
        over = {t.number for t in trials}
        for number, made in epochs.items():
            told = self._epochs[journal.name, number]
            if number not in over and len(made) > told:
                self.display.epoch_done(Suggestion(number, {}), made[-1])
            self._epochs[journal.name, number] = len(made)

    def _tell_epochs(self, journal: Artifact[Epoch]) -> None:
        plan = self.run.get(artifacts.PLAN)
        planned = plan.winner_epochs if plan else 0
        for number, made in self.run.epochs(journal).items():
            for epoch in made[self._epochs[journal.name, number] :]:
                self.display.retrain_epoch(epoch, max(planned, epoch.epoch))
            self._epochs[journal.name, number] = len(made)

    def _tell_end(self, status: Status) -> None:
        metrics = self.run.get(artifacts.METRICS)
        if status.state != "finished" or metrics is None:
            self.display.message(f"{status.state}; " + "; ".join(status.next))
            return
        pdf = self.run / PDF
        problem = None if pdf.is_file() else "none"
        rendered = Rendered(self.run / artifacts.REPORT, None if problem else pdf, problem)
        self.display.result(self.run.path, metrics, rendered)
