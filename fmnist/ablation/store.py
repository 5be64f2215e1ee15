"""The files of the experiments in a run folder: what was trained, and what it answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist.ablation.results import Trained
from fmnist.analysis.classification import confusion_counts
from fmnist.analysis.paired_effects import ScoredAnswers
from fmnist.runs.artifacts import (
    ANSWERS,
    EXPERIMENTS,
    EXPERIMENTS_EPOCHS,
    EXPERIMENTS_PLAN,
    EXPERIMENTS_TRIALS,
)
from fmnist.runs.folder import Run
from fmnist.runs.records.ablation import AblationPlan, Fidelity
from fmnist.runs.safe_read import read_arrays
from fmnist.training.objective import answers_file
from search.records import EpochLog, Trial, TrialLog, read_rows
from search.study.running_trial import is_external_failure

_PREFIX = "training_"


@dataclass(frozen=True)
class Files:
    """The files of one run; ``folder`` holds the checkpoints of what is under way."""

    run: Run
    folder: Path

    @property
    def log(self) -> TrialLog:
        """The trainings that are over."""
        return TrialLog(self.run / EXPERIMENTS_TRIALS)

    @property
    def journal(self) -> EpochLog:
        """Their epochs, and those of trainings that are not over."""
        return EpochLog(self.run / EXPERIMENTS_EPOCHS)

    @property
    def size(self) -> Fidelity | None:
        """The size that was planned; None where nothing was."""
        plan = self.run.get(EXPERIMENTS_PLAN)
        return plan.fidelity if plan else None

    def plan(self, size: Fidelity) -> None:
        """Write down the size before anything is trained."""
        self.run.write(EXPERIMENTS_PLAN, AblationPlan(size))

    @property
    def pending(self) -> bool:
        """Whether a session that planned a size did not come to its end."""
        size, record = self.size, self.run.get(EXPERIMENTS)
        return size is not None and (record is None or record.planned != size)

    def clear(self) -> None:
        """Forget all trainings; the record of them stays until there is another."""
        for file in (EXPERIMENTS_TRIALS, EXPERIMENTS_EPOCHS, ANSWERS):
            (self.run / file).unlink(missing_ok=True)

    def strike(self) -> None:
        """Take out of the log what only the time kept from its end: it may be tried again."""
        if not self.run.has(EXPERIMENTS_TRIALS):
            return
        trials = self.run.trials(EXPERIMENTS_TRIALS)
        kept = [t for t in trials if not _cut(t)]
        if len(kept) == len(trials):
            return
        gone = {t.number for t in trials} - {t.number for t in kept}
        # The epochs first: those of a training in no log would be taken for one under way.
        if self.run.has(EXPERIMENTS_EPOCHS):
            epochs = read_rows(self.run / EXPERIMENTS_EPOCHS)
            self.run.write_rows(EXPERIMENTS_EPOCHS, (e for e in epochs if e["trial"] not in gone))
        self.run.write_rows(EXPERIMENTS_TRIALS, (t.to_json() for t in kept))

    def trained(self, labels: NDArray[np.int64], classes: int) -> Trained:
        """What is over, with the scores of what came to its end; the answers are kept.

        Args:
            labels: int64 ``[N]`` of the validation images.
            classes: how many classes there are.
        """
        trials = {t.number: t for t in self.log.trials}
        done = {n: t for n, t in trials.items() if t.state == "complete"}
        answers = self._answers(done)
        if answers:
            named = {f"{_PREFIX}{n}": a for n, a in sorted(answers.items())}
            self.run.write_arrays(ANSWERS, labels=labels, **named)
        scores = {n: _score(t, labels, answers.get(n)) for n, t in done.items()}
        kept = {n: answers[n] for n, s in scores.items() if s.right is not None}
        confusions = {
            n: confusion_counts(labels, a.astype(np.int64), classes) for n, a in kept.items()
        }
        return Trained(trials, scores, confusions)

    def _answers(self, done: Mapping[int, Trial]) -> dict[int, NDArray[np.int16]]:
        """The class each finished network gives the validation images, int16 ``[N]``."""
        found: dict[int, NDArray[np.int16]] = {}
        if self.run.has(ANSWERS):
            arrays = read_arrays(self.run / ANSWERS)
            names = [n for n in arrays if n.startswith(_PREFIX)]
            found = {int(n.removeprefix(_PREFIX)): arrays[n] for n in names}
        for number in done:
            path = answers_file(self.folder / f"{number:04d}")
            if path.is_file():
                found[number] = np.load(path, allow_pickle=False)
        return {n: a for n, a in found.items() if n in done}


def _cut(trial: Trial) -> bool:
    return trial.state == "pruned" or is_external_failure(trial)


def _score(
    trial: Trial, labels: NDArray[np.int64], answers: NDArray[np.int16] | None
) -> ScoredAnswers:
    """Of the last epoch: the best one would be chosen by the images that it is scored on."""
    accuracy = trial.epochs[-1].val_accuracy
    if answers is None or len(answers) != len(labels):
        return ScoredAnswers(accuracy, len(labels))
    right = np.asarray(answers == labels)
    if int(right.sum()) != round(accuracy * len(labels)):
        return ScoredAnswers(accuracy, len(labels))  # those of another epoch
    return ScoredAnswers(accuracy, len(labels), right)
