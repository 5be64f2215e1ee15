"""What a child process does for a trial: a training on its share of the images."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist import backends
from fmnist.config.config import Config
from fmnist.data.augmentation import Images
from fmnist.models import inference
from fmnist.models.caps import NO_CAPS, Caps, known_times, network_key
from fmnist.training import fit
from search.atomic import atomic_write
from search.json_lines import JsonLines
from search.records import Epoch, TrialError
from search.tasks import Report, Task

STEPS_TIMED = 20
"""Steps of an epoch of a dry run that has several, so that all but the first tell the speed."""
Part = tuple[Images, NDArray[np.int64]]


def warm_up() -> str:
    """Import what takes seconds, before the first trial waits for it; returns the device."""
    backends.configure()
    import fmnist.models.builder  # noqa: F401

    return backends.device()


@dataclass(frozen=True, eq=False)
class TrainingObjective:
    """The objective of study, confirmation and retraining; sent to each child once.

    Attributes:
        base: values of the fields that a task does not set.
        train, validation: uint8 images [N, 28, 28, 1] and labels int64 [N].
        share: positions in ``train`` that a trial sees; a retraining sees all.
        classes: number of classes.
        answers: write the class of each validation image beside the folder of a task, after each
            epoch; see ``answers_file``.
        caps: what a network may have at most.
        times: file of the time for an image of each network that was measured.
    """

    base: Config
    train: Part = field(repr=False)
    validation: Part = field(repr=False)
    share: NDArray[np.int64] = field(repr=False)
    classes: int = 10
    answers: bool = False
    caps: Caps = NO_CAPS
    times: Path | None = None

    def __call__(self, task: Task, report: Report) -> None:
        """Run ``task``; see ``search.tasks.Objective``.

        A dry run without epochs measures the time for an image, and reports it as an epoch's.

        Raises:
            TrialError: kind ``infeasible``, before any training, where the network is above a cap.
        """
        config = self.base.replace(**{"epochs": task.epochs or 1, **task.params})
        if not task.epochs:
            report(Epoch(0, 0.0, 0.0, 0.0, 0.0, self._seconds_per_image(config)))
            return
        self._check_caps(config, task)
        try:
            fit.fit(
                config,
                self._images(task, config.batch_size),
                _first(self.validation, inference.PREDICT_BATCH)
                if task.dry_run
                else self.validation,
                classes=self.classes,
                seed=task.seed,
                on_epoch=report,
                checkpoints=task.folder,
                keep_checkpoints=task.full_data,
                on_validation=self._writer(task),
            )
        except Exception as error:
            if type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's, on a GPU
                raise TrialError("memory", str(error).splitlines()[0]) from error
            raise

    def _check_caps(self, config: Config, task: Task) -> None:
        """Refuse what is above a cap; not the yardstick of this machine's speed, which is no trial.

        The time is not measured again where a network that was accepted is trained in full.
        """
        if not self.caps or (task.dry_run and task.epochs > 1):
            return
        above = self.caps.excess(config, self.classes)
        if not above and self.caps.latency is not None and not task.full_data:
            above = self.caps.excess_latency(self._seconds_per_image(config))
        if above:
            raise TrialError("infeasible", f"not trained: {above}")

    def _seconds_per_image(self, config: Config) -> float:
        """As measured before in this run, or now."""
        known = known_times(self.times) if self.times else {}
        key = network_key(config)
        if key not in known:
            known[key] = inference.seconds_per_image(config, self.classes)
            if self.times:
                JsonLines(self.times).append({"network": key, "seconds": known[key]})
        return known[key]

    def _writer(self, task: Task) -> fit.OnValidation | None:
        if task.folder is None or not self.answers:
            return None
        return partial(_write_answers, answers_file(task.folder))

    def _images(self, task: Task, batch: int) -> Part:
        if task.full_data:
            return self.train
        if task.dry_run and task.epochs > 1:
            batch *= STEPS_TIMED
        share = (self.train[0][self.share], self.train[1][self.share])
        return _first(share, batch) if task.dry_run else share


def answers_file(folder: Path) -> Path:
    """Where the answers of the task with this folder lie: classes int16 ``[N]``, a ``.npy``."""
    return folder.with_name(f"{folder.name}.npy")


def _write_answers(path: Path, probabilities: NDArray[np.float32]) -> None:
    classes = probabilities.argmax(axis=1).astype(np.int16)
    atomic_write(path, lambda target: np.save(target, classes, allow_pickle=False))


def _first(part: Part, n: int) -> Part:
    return part[0][:n], part[1][:n]
