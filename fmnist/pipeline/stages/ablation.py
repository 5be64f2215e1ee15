"""The experiments: variants of the best configuration beside it, on validation images only."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmnist.ablation import sizing
from fmnist.ablation.experiment import TELLING, Experiment
from fmnist.ablation.objective import IMAGES, Variants, in_order
from fmnist.ablation.results import BASE, NO_TIME, ROUND, Trained, conclude, place_of
from fmnist.ablation.sizing import Costs, Prices
from fmnist.ablation.store import Files
from fmnist.ablation.variants import MORE, catalogue
from fmnist.analysis.paired_effects import ENOUGH
from fmnist.backends.parallelism import parallel_slowdown
from fmnist.config.config import Config
from fmnist.data import subset
from fmnist.errors import UserError
from fmnist.pipeline.final_training import EpochProgressListener
from fmnist.runs.artifacts import EXPERIMENTS, HISTORY, LATENCIES
from fmnist.runs.config_source import load_config
from fmnist.runs.records.ablation import Fidelity
from fmnist.text import counted, duration
from fmnist.training import checkpoint
from fmnist.training.objective import TrainingObjective
from search.engines.base import Suggestion
from search.engines.fixed_list import FixedListEngine
from search.processes.supervisor import Supervisor
from search.records import Trial
from search.study.checkpoints import CheckpointFolder
from search.study.running_trial import trial_seed
from search.study.scheduler import TrialScheduler
from search.study.study import Study, StudyError, StudyOptions

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

# What is kept of the time for evaluation, explanations and report: the report only.
_REPORTING = 0.35
# So many failures in a row are no matter of single variants.
_MOST_FAILURES = 12
# Trainings so many times as long are worth making all experiments anew.
_WORTH_IT = 1.3


def experiments(job: Context) -> None:
    """Make the experiments; see ``Session``."""
    Session(job).work()


@dataclass
class Session:
    """The experiments of one run, as many as there is time for.

    Attributes:
        only: keys of those to be made; empty: all that suit.
        asked: ``images``, ``epochs`` or ``seeds`` that were asked for; else as the time allows.
    """

    job: Context
    only: Sequence[str] = ()
    asked: Mapping[str, int] = field(default_factory=dict)

    def work(self) -> None:
        """Train what fits into the time and write ``experiments.json``.

        Raises:
            UserError: single experiments were asked for at another size than that of the others.
            KeyboardInterrupt: a signal came; what is under way will be taken up again.
        """
        size = self._size()
        if size is not None:
            self.files.plan(size)
            self._announce(size)
            self._train(size)
            self.job.interrupt.check()
            self.job.workers.close()
        self._write(size)
        shutil.rmtree(self.job.trial_folder, ignore_errors=True)

    @cached_property
    def config(self) -> Config:
        """The base."""
        return load_config(self.job.run.path)

    @cached_property
    def files(self) -> Files:
        """Where everything is kept."""
        return Files(self.job.run, self.job.trial_folder / "experiments")

    @cached_property
    def prices(self) -> Prices:
        """What a training costs, by the epochs of the final one."""
        job = self.job
        seen = len(job.splits.train) + len(job.splits.validation) / 3
        jobs = job.planner.jobs
        unit = job.run.read(HISTORY).epoch_seconds / seen * parallel_slowdown(jobs)
        return Prices(self.config, unit, jobs, max(0.5, job.planner.slowness))

    # ---- how large --------------------------------------------------------------------------

    def _size(self) -> Fidelity | None:
        """The size of the trainings; None where there is no time."""
        stored = self.files.size
        if stored is None:
            return self._new_size()
        if self.files.pending and all(asdict(stored)[n] == v for n, v in self.asked.items()):
            return stored
        return self._extended(stored) if self.only else self._larger(stored)

    def _new_size(self) -> Fidelity | None:
        job = self.job
        sizes = job.planner.plan
        most = job.trial_images, sizes.trial_epochs, self._train_size, self._validation_size
        every = job.request.experiments == "all"
        if job.budget.total is None:
            size: Fidelity | None = sizing.modest(*most, every=every)
        else:
            size = sizing.chosen(self._wanted(), self.prices, self._left(), *most[2:])
        if self.asked:
            known = asdict(size or sizing.modest(*most, every=False)) | dict(self.asked)
            known |= {"train": self._train_size, "validation": self._validation_size}
            size = sizing.sized(**known)
        return size

    def _larger(self, stored: Fidelity) -> Fidelity:
        """All anew, at a larger size, where the time allows; else further seeds."""
        size = self._new_size()
        if size is None or not self._worth_it(size, stored):
            return self._extended(stored)
        self.files.clear()
        return size

    def _worth_it(self, size: Fidelity, stored: Fidelity) -> bool:
        if self.asked:
            return (size.images, size.epochs) != (stored.images, stored.epochs)
        return size.effort > _WORTH_IT * stored.effort

    def _extended(self, stored: Fidelity) -> Fidelity:
        """What is missing at the size there is, with as many seeds more as there is time for."""
        for name in ("images", "epochs"):
            if self.asked.get(name, asdict(stored)[name]) != asdict(stored)[name]:
                raise UserError(
                    f"--{name} {self.asked[name]}: the other experiments have "
                    f"{asdict(stored)[name]}; leave it out, or leave out --only to make all anew"
                )
        if "seeds" in self.asked or self.only:
            return replace(stored, seeds=max(stored.seeds, self.asked.get("seeds", 0)))
        return sizing.extended(stored, self._wanted(), self.prices, self._left())

    def _left(self) -> float:
        return self.job.budget.remaining() - self._reserve()

    def _reserve(self) -> float:
        return _REPORTING * self.job.planner.reporting_seconds()

    @property
    def _train_size(self) -> int:
        return len(self.job.splits.train)

    @property
    def _validation_size(self) -> int:
        return len(self.job.splits.validation)

    # ---- what -------------------------------------------------------------------------------

    def _catalogue(self, images: int = 0) -> list[Experiment]:
        classes = len(self.job.data.class_names)
        every = images >= self._train_size
        mirrors = self.job.data.mirrors
        found = catalogue(self.config, classes, all_images=every, mirrors=mirrors)
        return [replace(e, reason=e.reason or self._excess(e)) for e in found]

    def _excess(self, experiment: Experiment) -> str:
        above = self.job.excess(self.config.replace(**experiment.changes))
        return f"its network is above a limit: {above}" if above else ""

    def _wanted(self, images: int = 0) -> list[Experiment]:
        """Those that can be made and were asked for."""
        job, found = self.job, [e for e in self._catalogue(images) if not e.reason]
        if self.only:
            # Of what was asked for by its key nothing comes first: all of it is to have time.
            return [replace(e, priority=TELLING) for e in found if e.key in self.only]
        if job.budget.total is None and job.request.experiments != "all":
            return [e for e in found if e.telling]
        return found

    def _tasks(self, size: Fidelity) -> Iterator[Suggestion]:
        """The base, then one experiment after the other, each on all seeds."""
        for place, e in [(BASE, None), *((place_of(e.key), e) for e in self._wanted(size.images))]:
            images = min(self._train_size, size.images * (e.images if e else 1))
            params = {IMAGES: images, **(e.changes if e else {})}
            epochs = size.epochs * (e.epochs if e else 1)
            for seed in range(size.seeds):
                yield Suggestion(seed * ROUND + place, params, epochs=epochs)

    def _announce(self, size: Fidelity) -> None:
        """Say what will be trained, how long that should take, and what the time does not allow."""
        job, costs, made = self.job, Costs(self.prices, size.validation), self.files.log.trials
        for trial in made:
            costs.learn_from(trial)
        numbers = {t.number for t in made}
        tasks = [t for t in self._tasks(size) if t.number not in numbers]
        if not tasks:
            return
        ends, left = costs.ends(tasks), self._left()
        late = {t.number % ROUND for t, end in zip(tasks, ends, strict=True) if end > left}
        limit = "" if left == float("inf") else f" of {duration(max(0.0, left))}"
        job.note(
            "experiments",
            f"{counted(len(tasks), 'training')} of {size.images:,} images for "
            f"{counted(size.epochs, 'epoch')}, {counted(size.seeds, 'seed')}: about "
            f"{duration(ends[-1])}{limit}",
        )
        if size.seeds < ENOUGH:
            job.note("experiments", f"fewer than {ENOUGH} seeds decide nothing: give it more time")
        titles = [e.title for e in self._wanted(size.images) if place_of(e.key) in late]
        if titles:
            job.note("experiments", f"no time is expected for: {'; '.join(titles)}")

    # ---- training ---------------------------------------------------------------------------

    def _train(self, size: Fidelity) -> None:
        job, files = self.job, self.files
        files.strike()
        log, journal, objective = files.log, files.journal, self._objective(size)
        if not log.trials and not journal.min_next_number():
            self._note_reads(size)
        costs = Costs(self.prices, size.validation)
        study = Study(
            engine=FixedListEngine(
                list(self._tasks(size)), log.trials, journal.unrecorded(log.trials)
            ),
            runner=self._children(objective),
            scheduler=TrialScheduler(job.budget, self._reserve, costs),
            log=log,
            epoch_log=journal,
            listener=_Watcher(job, self._name),
            seed_of=lambda number: trial_seed(job.request.seed, number // ROUND, "experiments"),
            options=StudyOptions(size.epochs, max_failures=_MOST_FAILURES, limits=job.trial_limits),
            checkpoints=CheckpointFolder(files.folder, checkpoint.epochs_in),
            stop=lambda: job.interrupt.requested,
        )
        try:
            study.run()
        except StudyError as error:
            job.note("experiments", f"the experiments ended early: {error}")

    def _children(self, objective: Variants) -> Supervisor:
        """Wait for them: what they import is not to be counted as the cost of a training."""
        supervisor = self.job.workers.supervisor(self.job.planner.jobs, lambda: objective)
        supervisor.warm()
        supervisor.wait_until_warm()
        return supervisor

    def _objective(self, size: Fidelity) -> Variants:
        job, train, labels = self.job, self.job.splits.train, self.job.data.train_labels
        order = in_order(train, labels, size.images, job.request.seed)
        training = TrainingObjective(
            base=self.config,
            train=job.part(train),
            validation=job.part(self._scored(size)),
            share=np.searchsorted(train, order),
            classes=len(job.data.class_names),
            answers=True,
            caps=job.request.caps,
            times=job.run / LATENCIES,
        )
        return Variants(training)

    def _scored(self, size: Fidelity) -> NDArray[np.int64]:
        """The validation images, all of them or a stratified share."""
        job, n = self.job, min(size.validation, self._validation_size)
        return subset(job.splits.validation, job.data.train_labels, n, seed=job.request.seed)

    def _name(self, number: int) -> str:
        titles = {place_of(e.key): e.title for e in self._catalogue()}
        title = titles.get(number % ROUND, "the configuration as it is")
        return f"{title}, seed {1 + number // ROUND}"

    def _note_reads(self, size: Fidelity) -> None:
        ledger, most = self.job.ledger, min(self._train_size, MORE * size.images)
        ledger.record(
            "experiments", "train", most, "fitting variants of the configuration, at most"
        )
        ledger.record(
            "experiments", "validation", size.validation, "comparing the variants; none is chosen"
        )

    # ---- the record ---------------------------------------------------------------------------

    def _write(self, size: Fidelity | None) -> None:
        job, images = self.job, size.images if size else 0
        found, wanted = self._catalogue(images), {e.key for e in self._wanted(images)}
        trained, classes = Trained({}, {}), len(job.data.class_names)
        if size is not None:
            trained = self.files.trained(job.data.train_labels[self._scored(size)], classes)
        record = conclude(
            self.config,
            size or Fidelity(0, 0, 0, 0),
            found,
            trained,
            classes=classes,
            not_asked=[e.key for e in found if e.key not in wanted],
        )
        job.run.write(EXPERIMENTS, replace(record, planned=size))
        made, skipped = len(record.experiments), len(record.skipped)
        text = f"{counted(made, 'experiment')} made, {skipped} skipped"
        text = text if size else f"all skipped: {NO_TIME}"
        job.planner.note("experiments", text)
        job.display.message(f"experiments: {text}")


class _Watcher(EpochProgressListener):
    """Tells of trainings that failed."""

    def trial_done(self, trial: Trial, best: Trial | None, time_left: float) -> None:
        """See ``search.study.study.Listener``."""
        failure = trial.failure
        if failure is not None and failure.kind not in ("deadline", "infeasible"):
            name = self._name(trial.number)
            self.job.note("experiments", f"{name}: failed ({failure.kind}: {failure.message})")
