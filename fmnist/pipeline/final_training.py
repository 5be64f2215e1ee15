"""A training at full size: what retraining, refit and members of an ensemble share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist import backends
from fmnist.config.config import Config
from fmnist.models import inference
from fmnist.pipeline.stages.search import ProgressListener
from fmnist.runs.folder import RunError
from fmnist.training import checkpoint
from search.atomic import atomic_write
from search.checksums import ChecksumError
from search.engines.base import Suggestion
from search.engines.fixed_list import FixedListEngine
from search.records import Epoch, EpochLog, Trial, TrialLog, read_rows
from search.study.checkpoints import CheckpointFolder
from search.study.scheduler import TrialScheduler
from search.study.study import Study, StudyOptions
from search.tasks import Limits

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

# The first epoch also builds and traces; machines were seen to slow down threefold.
_SILENCE, _SILENT_EPOCHS = 120.0, 5


@dataclass
class FinalTraining:
    """Trainings on all images, each of which can be taken up again after any of its epochs.

    Attributes:
        name: of the stage; its log is ``<name>.jsonl``, its journal ``<name>_epochs.jsonl``.
        folder: of the checkpoints; they stay until ``forget``.
        trainings: parameters that differ from the base of the run, and numbers.
        with_validation: train on the validation images too, which then say nothing.
    """

    job: Context
    name: str
    folder: Path
    trainings: Sequence[Suggestion]
    with_validation: bool = False

    @cached_property
    def log(self) -> TrialLog:
        """The trainings that are over."""
        return TrialLog(self.job.run / f"{self.name}.jsonl")

    @cached_property
    def epoch_log(self) -> EpochLog:
        """The epochs of those that are not."""
        return EpochLog(self._journal)

    @property
    def begun(self) -> bool:
        """Whether an earlier session has epochs of it."""
        return bool(self.log.trials) or self.epoch_log.min_next_number() > 0

    @property
    def images(self) -> int:
        """Images that each is trained on."""
        splits = self.job.splits
        return len(splits.train) + self.with_validation * len(splits.validation)

    def done(self, number: int) -> int:
        """Epochs behind a training that is not over."""
        return len(self.epoch_log.of(number))

    def run(
        self,
        plan: TrialScheduler,
        *,
        epochs: int,
        seed_of: Callable[[int], int],
        listener: ProgressListener,
        seconds: float | None,
        jobs: int = 1,
        remaining: Callable[[Sequence[Epoch], int], int] | None = None,
    ) -> None:
        """Train what is not trained yet; see ``search.study.study.Study``.

        Args:
            seconds: of an epoch, where that is known: who is silent for long hangs.
            jobs: trainings at once.
            remaining: epochs still to come; where left out, ``epochs`` less those done.

        Raises:
            KeyboardInterrupt: a signal came; what is under way will be taken up again.
        """
        self._forget_damaged()
        job, log = self.job, self.log
        engine = FixedListEngine(self.trainings, log.trials, self.epoch_log.unrecorded(log.trials))
        objective = job.training_with_validation if self.with_validation else job.training
        silence = max(_SILENCE, _SILENT_EPOCHS * seconds) if seconds else None
        Study(
            engine=engine,
            runner=job.workers.supervisor(jobs, objective),
            scheduler=plan,
            log=log,
            epoch_log=self.epoch_log,
            listener=listener,
            seed_of=seed_of,
            options=StudyOptions(epochs, limits=Limits(progress_timeout=silence), full_data=True),
            checkpoints=CheckpointFolder(self.folder, checkpoint.epochs_in),
            remaining=remaining,
            stop=lambda: job.interrupt.requested,
        ).run()
        job.interrupt.check()

    def save_model(self, name: str, config: Config, number: int, epoch: int) -> None:
        """Write the network of training ``number`` after ``epoch`` to the file ``name``.

        Raises:
            RunError: its checkpoint is damaged.
        """
        file = checkpoint.file(self._folder_of(number), epoch)
        try:
            weights = checkpoint.weights(file)
        except ChecksumError as error:
            raise RunError(
                f"{file}: {error}; remove {self.folder.name}, {self.log.path.name} and "
                f"{self._journal.name} from {self.job.run}: the same command trains again"
            ) from None
        model = inference.restored(config, weights, len(self.job.data.class_names))
        with backends.suppress_native_stderr():  # with JAX, saving imports TensorFlow
            atomic_write(self.job.run / name, model.save)

    def forget(self) -> None:
        """Free the room that the checkpoints take."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _journal(self) -> Path:
        return self.job.run / f"{self.name}_epochs.jsonl"

    def _folder_of(self, number: int) -> Path:
        return self.folder / f"{number:04d}"

    def _forget_damaged(self) -> None:
        """Start those anew of which the journal knows epochs that no checkpoint has behind it."""
        for number in self.epoch_log.unrecorded(self.log.trials):
            behind = checkpoint.epochs_in(self._folder_of(number))
            if len(behind) < len(self.epoch_log.of(number)):
                self.job.note(self.name, "started anew: its checkpoints are damaged or gone")
                self._strike(number)
                shutil.rmtree(self._folder_of(number), ignore_errors=True)

    def _strike(self, number: int) -> None:
        """Take the epochs of a training out of the journal."""
        rows = read_rows(self._journal)
        self.job.run.write_rows(self._journal.name, (r for r in rows if r["trial"] != number))
        del self.epoch_log


class EpochProgressListener(ProgressListener):
    """Shows the epochs of a training at full size, in place of trials.

    Args:
        counted_as: what to call a training by its number; nothing where there is but one.
    """

    def __init__(self, job: Context, counted_as: Callable[[int], str] = lambda _: "") -> None:
        super().__init__(job)
        self._name = counted_as

    def trial_started(self, suggestion: Suggestion) -> None:
        """Nothing: the stage says it."""

    def epoch_done(self, suggestion: Suggestion, epoch: Epoch, remaining: int) -> None:
        """Show the epoch, and how many there will be as things stand."""
        name = self._name(suggestion.number)
        self.job.display.retrain_epoch(epoch, epoch.epoch + remaining, name)
        self.job.on_progress()

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """Nothing: its epochs were shown."""


def diff_from_base(job: Context, config: Config) -> dict[str, Any]:
    """The fields of ``config`` that differ from the base of the run: what a task is told."""
    base = job.base.to_dict()
    return {k: v for k, v in config.to_dict().items() if k != "epochs" and v != base[k]}
