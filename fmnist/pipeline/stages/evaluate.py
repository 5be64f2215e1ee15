"""The evaluation: the only stage that opens the test set, after every choice is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist import backends
from fmnist.analysis import bootstrap, classification, intervals
from fmnist.analysis.calibration import calibration
from fmnist.data import subset
from fmnist.data.augmentation import Images
from fmnist.data.views import Views
from fmnist.models import inference
from fmnist.models.inference import load_model, members_of
from fmnist.pipeline.stages.refit import refitted
from fmnist.pipeline.stages.retrain import checkpoint_file, forget_checkpoints
from fmnist.runs.artifacts import (
    BASELINE,
    BASELINE_MODEL,
    BEST_CONFIG,
    CONFIRMATION,
    ENSEMBLE,
    HISTORY,
    METRICS,
    MODEL,
    PREDICTIONS,
    REFIT,
    RUN,
    VALIDATED,
)
from fmnist.runs.config_source import load_config
from fmnist.runs.listing import count_test_reads
from fmnist.runs.records.final_model import Baseline, Ensemble, Member
from fmnist.runs.records.metrics import Metrics, Networks, SearchResult, SingleView, TestEpoch
from fmnist.runs.records.score import Score
from fmnist.training import checkpoint
from search.checksums import ChecksumError

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

GALLERY = 64
CURVE = "the epochs of the retraining"
CURVE_POINTS = 20
_SECONDS_AN_IMAGE = 3e-4  # of all resampling, on one core
VALIDATION_USE = "validation figures, temperature"
TEST_USE = "the reported test figures, of the baseline too; images for the report"
TRAINING_USE = "accuracy of the kept weights on plain training images"
TRAINING_IMAGES = 10_000
"""Of those that it learnt, on which the final network is scored: as many as test images."""
Labels = NDArray[np.int64]
Probabilities = NDArray[np.float32]


def evaluate(job: Context) -> None:
    """Open the test set once, after every choice is made, and turn predictions into numbers."""
    final = _Network(job.run / MODEL, Views.of(load_config(job.run.path)))
    # A final network that learnt the validation images says nothing about them.
    validated = final if not refitted(job) else _Network(job.run / VALIDATED, final.views)
    names = job.data.class_names
    validation = job.part(job.splits.validation)
    job.ledger.record("evaluate", "validation", len(validation[1]), VALIDATION_USE)
    validation_plain, validation_p = validated.predict_views(validation[0])
    learnt = _learnt(job, validated)
    members = [_Network(*member) for member in members_of(job.run)]
    images, labels = job.data.test.open("evaluate", TEST_USE, job.ledger)
    test_plain, test_p = final.predict_views(images)
    ensemble_p = _mean([test_p, *(member.predict(images) for member in members)])
    held_out, tested = (validation[1], validation_p), (labels, test_p)
    _write_predictions(job, tested, held_out, images, ensemble_p)
    test = classification.evaluate(labels, test_p, names)
    calibrated = None
    if _time_for_intervals(job, len(labels)):
        seed = job.request.seed
        test = bootstrap.with_intervals(test, *tested, seed=seed)
        calibrated = calibration(held_out, tested, validated_by=validated.name, seed=seed)
    together = _ensemble_result(job, labels, test_p, ensemble_p) if members else None
    metrics = Metrics(
        test_time_flip=final.views.flip,
        test_time_shift=final.views.shift,
        models=Networks(final.name, validated.name, CURVE),
        validation=classification.summarise(*held_out),
        test=replace(test, curve=_test_curve(job, validated, images, labels)),
        calibration=calibrated,
        search=_search_result(job, validation_p, validation[1], test.accuracy),
        ensemble=together,
        baseline=_baseline(job, images, labels, test_p),
        single_view=SingleView(
            classification.summarise(validation[1], validation_plain),
            classification.summarise(labels, test_plain),
            learnt,
        ),
        earlier_runs=count_test_reads(job.run.path, job.run.read(RUN).data.digest),
    )
    job.run.write(METRICS, metrics)
    forget_checkpoints(job)


class _Network:
    """A saved network and how it predicts; read when it is first asked."""

    def __init__(self, path: Path, views: Views) -> None:
        self.path, self.views = path, views

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def model(self) -> Any:
        return load_model(self.path)

    @cached_property
    def _compiled(self) -> Callable[[Images], Any]:
        """Compiled once; it sees weights that are set later."""
        return backends.inference_function(self.model)

    def predict(self, images: Images) -> Probabilities:
        return self.predict_views(images)[1]

    def predict_plain(self, images: Images) -> Probabilities:
        """From the images alone."""
        return inference.predict_views(self._compiled, images, Views())[0]

    def predict_views(self, images: Images) -> tuple[Probabilities, Probabilities]:
        """See ``inference.predict_views``."""
        return inference.predict_views(self._compiled, images, self.views)


def _learnt(job: Context, network: _Network) -> Score | None:
    """The score on plain training images; None where there is no time for it."""
    if job.budget.remaining() < job.planner.min_post_search_seconds():
        return None
    labels, train = job.data.train_labels, job.splits.train
    part = job.part(subset(train, labels, min(TRAINING_IMAGES, len(train)), job.request.seed))
    job.ledger.record("evaluate", "train", len(part[1]), TRAINING_USE)
    return classification.summarise(part[1], network.predict_plain(part[0]))


def _mean(probabilities: list[Probabilities]) -> Probabilities:
    mean: Probabilities = np.mean(probabilities, axis=0, dtype=np.float32)
    return mean


def _ensemble_result(
    job: Context, labels: Labels, single: Probabilities, ensemble: Probabilities
) -> Ensemble:
    """The average of the members, and whether it beats the single network on the same images."""
    paired = intervals.mcnemar(labels, ensemble.argmax(axis=1), single.argmax(axis=1))
    refit, trained = job.run.get(REFIT), job.run.read(ENSEMBLE)
    validated = job.run.read(HISTORY).chosen.val_accuracy
    used = refit is not None and refit.used
    first = Member(
        member=1,
        trial=job.run.read(BEST_CONFIG).provenance.get("trial"),
        seed=refit.seed if refit and used else job.request.seed,
        validation_accuracy=None if used else validated,
    )
    others = (
        Member(
            member=m.member,
            trial=m.trial,
            seed=m.seed,
            validation_accuracy=m.validation_accuracy,
        )
        for m in trained.members
    )
    return Ensemble(
        **vars(classification.summarise(labels, ensemble)),
        asked=trained.asked,
        members=(first, *others),
        left_out=trained.left_out,
        against_single=paired,
    )


def _baseline(
    job: Context, images: Images, labels: Labels, test_p: Probabilities
) -> Baseline | None:
    """The dense network on the same images, and the lead over it; None without one."""
    trained = job.run.get(BASELINE)
    if trained is None or not trained.used:
        return None
    dense = _Network(job.run / BASELINE_MODEL, Views()).predict(images)
    return Baseline(
        **vars(classification.summarise(labels, dense)),
        units=trained.units,
        epochs=len(trained.epochs),
        lead=intervals.mcnemar(labels, test_p.argmax(axis=1), dense.argmax(axis=1)),
    )


def _write_predictions(
    job: Context,
    test: tuple[Labels, Probabilities],
    validation: tuple[Labels, Probabilities],
    images: Images,
    ensemble: Probabilities,
) -> None:
    """Write ``predictions.npz``: probabilities, and the test images that the report may show."""
    labels, p = test
    index, random_index = _gallery(labels, p, job.request.seed)
    examples = _examples(job.data.train_labels, len(job.data.class_names))
    job.run.write_arrays(
        PREDICTIONS,
        test_labels=labels,
        test_probabilities=p,
        validation_labels=validation[0],
        validation_probabilities=validation[1],
        image_index=index,
        images=images[index, :, :, 0],
        random_index=random_index,
        example_index=examples,
        examples=job.data.train_images[examples, :, :, 0],
        **({"ensemble_probabilities": ensemble} if job.run.has(ENSEMBLE) else {}),
    )


def _time_for_intervals(job: Context, images: int) -> bool:
    """Whether resampling leaves what comes after the evaluation its time."""
    more_classes = max(1.0, len(job.data.class_names) / 10)
    work = _SECONDS_AN_IMAGE * images * more_classes
    needed = work * job.planner.slowness + job.planner.min_post_search_seconds()
    return job.budget.remaining() >= needed


def _test_curve(
    job: Context, network: _Network, images: Images, labels: Labels
) -> tuple[TestEpoch, ...]:
    """Test loss along the retraining: for the reader, when nothing is left to choose.

    Of the images alone, as the validation loss beside it.
    """
    curve: list[TestEpoch] = []
    end = job.budget.elapsed() + job.planner.test_curve_seconds()
    for epoch in _points(len(job.run.read(HISTORY).epochs)):
        spent = job.budget.elapsed() >= end
        if spent or job.budget.remaining() < job.planner.min_post_search_seconds():
            break  # the report matters more than this curve
        file = checkpoint_file(job, epoch)
        if not file.is_file():
            continue
        try:
            network.model.set_weights(checkpoint.weights(file))
        except ChecksumError:
            continue
        accuracy, loss = inference.score(network.predict_plain(images), labels)
        curve.append(TestEpoch(epoch, accuracy, loss))
    return tuple(sorted(curve, key=lambda point: point.epoch))


def _points(epochs: int) -> list[int]:
    """Some of the epochs, the last among them; however many are left out at the end of the list,
    the rest is spread over the training (van der Corput's sequence)."""
    wanted = sorted({round(e) for e in np.linspace(epochs, 1, min(epochs, CURVE_POINTS))})[::-1]
    digits = len(f"{len(wanted):b}")
    return [
        wanted[place]
        for turn in range(2**digits)
        if (place := int(f"{turn:0{digits}b}"[::-1], 2)) < len(wanted)
    ]


def _search_result(
    job: Context, probabilities: NDArray[np.float32], labels: NDArray[np.int64], test: float
) -> SearchResult | None:
    """How the accuracy of the winner held on the way from the search to the test."""
    confirmation = job.run.get(CONFIRMATION)
    if confirmation is None:
        return None
    winner = confirmation.candidates[0]
    return SearchResult(
        best_value=winner.search_value,
        trial=winner.trial,
        confirmed_value=winner.mean,
        validation_value=inference.score(probabilities, labels)[0],
        test_value=test,
        optimism_gap=confirmation.optimism,
    )


def _gallery(
    labels: NDArray[np.int64], p: NDArray[np.float32], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of all misclassified test images and of some random ones; and of the latter."""
    rng = np.random.default_rng(seed)
    size = min(GALLERY, len(labels))
    chosen = np.sort(rng.choice(len(labels), size=size, replace=False))
    wrong = np.flatnonzero(p.argmax(axis=1) != labels)
    return np.union1d(wrong, chosen).astype(np.int64), chosen.astype(np.int64)


def _examples(labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    return np.array([np.flatnonzero(labels == c)[0] for c in range(classes)], dtype=np.int64)
