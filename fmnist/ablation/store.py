"""The files of the experiments in a run folder: what was trained, and what it answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist.ablation.results import Trained
from fmnist.ablation.sizing import Fidelity
from fmnist.analysis.paired_effects import Score
from fmnist.runs.folder import Run
from fmnist.runs.live_reader import peek_lines
from fmnist.training.objective import answers_file
from search.records import EpochLog, Trial, TrialLog

RECORD, LOG, JOURNAL = "experiments.json", "experiments.jsonl", "experiments_epochs.jsonl"
SIZES, ANSWERS = "experiments_plan.json", "experiments.npz"
_PREFIX = "training_"
_NOT_COUNTED = ("deadline", "interrupted")


@dataclass(frozen=True)
class Files:
    """The files of one run; ``folder`` holds the checkpoints of what is under way."""

    run: Run
    folder: Path

    @property
    def log(self) -> TrialLog:
        """The trainings that are over."""
        return TrialLog(self.run / LOG)

    @property
    def journal(self) -> EpochLog:
        """Their epochs, and those of trainings that are not over."""
        return EpochLog(self.run / JOURNAL)

    @property
    def size(self) -> Fidelity | None:
        """The size that was planned; None where nothing was."""
        if not self.run.has(SIZES):
            return None
        return Fidelity(**self.run.read_json(SIZES)["fidelity"])

    def plan(self, size: Fidelity) -> None:
        """Write down the size before anything is trained."""
        self.run.write_json(SIZES, {"schema": 1, "fidelity": asdict(size)})

    @property
    def pending(self) -> bool:
        """Whether a session that planned a size did not come to its end."""
        size = self.size
        if size is None or not self.run.has(RECORD):
            return size is not None
        return bool(self.run.read_json(RECORD).get("planned") != asdict(size))

    def clear(self) -> None:
        """Forget all trainings; the record of them stays until there is another."""
        for name in (LOG, JOURNAL, ANSWERS):
            (self.run / name).unlink(missing_ok=True)

    def strike(self) -> None:
        """Take out of the log what only the time kept from its end: it may be tried again."""
        if not self.run.has(LOG):
            return
        rows = peek_lines(self.run / LOG)
        kept = [row for row in rows if not _cut(Trial.from_json(row))]
        if len(kept) == len(rows):
            return
        gone = {row["number"] for row in rows} - {row["number"] for row in kept}
        # The epochs first: those of a training in no log would be taken for one under way.
        if self.run.has(JOURNAL):
            epochs = peek_lines(self.run / JOURNAL)
            self._write_lines(JOURNAL, [row for row in epochs if row["trial"] not in gone])
        self._write_lines(LOG, kept)

    def trained(self, labels: NDArray[np.int64]) -> Trained:
        """What is over, with the scores of what came to its end; the answers are kept.

        Args:
            labels: int64 ``[N]`` of the validation images.
        """
        trials = {t.number: t for t in self.log.trials}
        done = {n: t for n, t in trials.items() if t.state == "complete"}
        answers = self._answers(done)
        if answers:
            named = {f"{_PREFIX}{n}": a for n, a in sorted(answers.items())}
            self.run.write_arrays(ANSWERS, labels=labels, **named)
        return Trained(trials, {n: _score(t, labels, answers.get(n)) for n, t in done.items()})

    def _answers(self, done: Mapping[int, Trial]) -> dict[int, NDArray[np.int16]]:
        """The class each finished network gives the validation images, int16 ``[N]``."""
        found: dict[int, NDArray[np.int16]] = {}
        if self.run.has(ANSWERS):
            with np.load(self.run / ANSWERS, allow_pickle=False) as arrays:
                names = [n for n in arrays.files if n.startswith(_PREFIX)]
                found = {int(n.removeprefix(_PREFIX)): arrays[n] for n in names}
        for number in done:
            path = answers_file(self.folder / f"{number:04d}")
            if path.is_file():
                found[number] = np.load(path, allow_pickle=False)
        return {n: a for n, a in found.items() if n in done}

    def _write_lines(self, name: str, rows: list[dict[str, object]]) -> None:
        self.run.write_text(name, "".join(json.dumps(row) + "\n" for row in rows))


def _cut(trial: Trial) -> bool:
    return trial.state == "pruned" or (
        trial.failure is not None and trial.failure.kind in _NOT_COUNTED
    )


def _score(trial: Trial, labels: NDArray[np.int64], answers: NDArray[np.int16] | None) -> Score:
    """Of the last epoch: the best one would be chosen by the images that it is scored on."""
    accuracy = trial.epochs[-1].val_accuracy
    if answers is None or len(answers) != len(labels):
        return Score(accuracy, len(labels))
    right = np.asarray(answers == labels)
    if int(right.sum()) != round(accuracy * len(labels)):
        return Score(accuracy, len(labels))  # those of another epoch
    return Score(accuracy, len(labels), right)
