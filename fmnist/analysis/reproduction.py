"""What an earlier run recorded, from its folder or its report.pdf, and whether it still holds.

Only text and arrays are read, whoever made them; no network of the earlier run is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist.analysis.intervals import mcnemar, newcombe, wilson_interval
from fmnist.config.config import LARGEST_FILE, Config
from fmnist.config.toml_text import parse_config
from fmnist.models.inference import count_correct
from fmnist.runs.artifacts import (
    BEST_CONFIG,
    ENVIRONMENT,
    METRICS,
    PREDICTIONS,
    REFIT,
    RUN,
    Artifact,
)
from fmnist.runs.codec import FactsError, decode
from fmnist.runs.folder import RunError
from fmnist.runs.pdf_attachments import attached, is_pdf
from fmnist.runs.records.final_model import PairedTest
from fmnist.runs.records.metrics import Predictions
from fmnist.runs.records.reproduction import Reproduction
from fmnist.runs.records.run import Environment, RunRecord
from fmnist.runs.records.score import Score
from fmnist.runs.safe_read import check_folder, read_arrays, read_bytes
from fmnist.runs.validate import check_predictions

SIGNIFICANT = 0.05
FOLDER, PDF = "run folder", "PDF"
_NEEDED: tuple[Artifact[Any], ...] = (BEST_CONFIG, RUN, METRICS)
_WANTED: tuple[Artifact[Any], ...] = (ENVIRONMENT, REFIT)


@dataclass(frozen=True, eq=False)
class Recorded:
    """What an earlier run left.

    Attributes:
        path: its folder, or the PDF.
        kind: ``FOLDER`` or ``PDF``.
        score: of its final network on the test set.
        environment: where it ran; None where that was not recorded.
        refit: whether the final network learnt the validation images too.
        predictions: labels and classes given to the test images, int ``[N]``; None in a PDF.
    """

    path: Path
    kind: str
    config: Config
    run: RunRecord
    score: Score
    environment: Environment | None
    refit: bool
    predictions: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None


def read_recorded(path: Path) -> Recorded:
    """Read a finished run's records.

    Args:
        path: folder of the run, or its report.pdf.

    Raises:
        RunError: no run, one that is not finished, or a broken file.
        PdfError: a PDF without the records.
        ConfigError: a configuration against its rules.
    """
    kind = FOLDER if path.is_dir() else PDF
    if kind == PDF and not is_pdf(path):
        raise RunError(f"{path}: expected the folder of a finished run, or its report.pdf")
    if kind == PDF:
        files = attached(path, [*map(str, _NEEDED)], [*map(str, _WANTED)])
    else:
        files = _from_folder(path)
    try:
        return _recorded(path, kind, files)
    except FactsError as error:
        raise RunError(f"{path}: {error}") from None


def _from_folder(path: Path) -> dict[str, bytes]:
    for artifact in _NEEDED:
        if not (path / artifact.name).is_file():
            raise RunError(f"{path}: has no {artifact}, so it is no finished run; let it finish")
    files = [path / artifact.name for artifact in (*_NEEDED, *_WANTED)]
    try:
        check_folder(path)
        return {file.name: read_bytes(file) for file in files if file.is_file()}
    except FactsError as error:
        raise RunError(f"{path}: {error}") from None


def _recorded(path: Path, kind: str, files: Mapping[str, bytes]) -> Recorded:
    try:
        source = files[BEST_CONFIG.name].decode("utf-8")
    except UnicodeDecodeError:
        raise FactsError(f"{BEST_CONFIG}: is not a text") from None
    score = decode(METRICS, files[METRICS.name]).test
    if not 0 <= score.correct <= score.n or not score.n:
        raise FactsError(f"{METRICS}: test: {score.correct} of {score.n} images cannot be")
    environment, refit = (files.get(artifact.name) for artifact in _WANTED)
    return Recorded(
        path=path,
        kind=kind,
        config=parse_config(source[: LARGEST_FILE + 1], f"{path}: {BEST_CONFIG}"),
        run=decode(RUN, files[RUN.name]),
        score=Score(score.n, score.correct, score.accuracy, score.interval, score.loss),
        environment=decode(ENVIRONMENT, environment) if environment else None,
        refit=decode(REFIT, refit).used if refit else False,
        predictions=_predictions(path, score) if kind == FOLDER else None,
    )


def _predictions(path: Path, score: Score) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    file = path / PREDICTIONS.name
    if not file.is_file():
        return None
    arrays = read_arrays(file)
    missing = [name for name in Predictions.__dataclass_fields__ if name not in arrays]
    if missing:
        raise FactsError(f"{file.name}: the array {missing[0]!r} is missing")
    found = Predictions(**{n: np.atleast_1d(arrays[n]) for n in Predictions.__dataclass_fields__})
    check_predictions(found, file.name)
    if count_correct(found.test_labels, found.predicted) != score.correct:
        raise FactsError(f"{file.name} and {METRICS} belong to different runs")
    return found.test_labels, found.predicted


def changes(then: Environment | None, here: Environment, version: str) -> tuple[str, ...]:
    """What is otherwise on this machine than where the run was made, one line each.

    Args:
        here: this machine.
        version: of this program, in the recorded run.
    """
    if then is None:
        return ("machine and package versions were not recorded",)
    pairs = [
        ("Python", then.python, here.python),
        ("processor", then.cpu, here.cpu),
        ("cores", then.cores, here.cores),
        ("backend", then.backend, here.backend),
        ("device", then.device, then.device if here.device == "unknown" else here.device),
        ("trained in", then.precision, here.precision),
    ]
    for name in sorted({*then.packages, *here.packages}, key=str.lower):
        absent = version if name == "fmnist-report" else "none"
        pairs.append((name, then.packages.get(name, absent), here.packages.get(name, "none")))
    return tuple(f"{what}: {a} then, {b} now" for what, a, b in pairs if a != b)


def judged(
    then: Recorded,
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    loss: float,
    differences: Sequence[str],
) -> Reproduction:
    """Whether the new predictions hold the recorded numbers.

    By McNemar's exact test where the earlier predictions are known; else by Newcombe's interval
    of the difference of two proportions, which takes the two for independent and is therefore
    wider than need be on the same images.

    Args:
        labels, predicted: int ``[N]``, of the new run's test images.
        loss: of the new run, in nats.

    Raises:
        RunError: the new run was tested on other images.
    """
    n, correct = len(labels), count_correct(labels, predicted)
    if n != then.score.n:
        raise RunError(f"{then.path}: was tested on {then.score.n} images, here are {n}")
    repeated = Score(n, correct, correct / n, wilson_interval(correct, n), loss)
    paired = _paired(then, labels, predicted)
    difference = repeated.accuracy - then.score.accuracy
    interval = paired.interval if paired else newcombe(correct, n, then.score.correct, n)
    same = None if then.predictions is None else int(np.sum(predicted == then.predictions[1]))
    holds = paired.p >= SIGNIFICANT if paired else interval[0] <= 0 <= interval[1]
    return Reproduction(
        source=then.run.name,
        kind=then.kind,
        recorded=then.score,
        repeated=repeated,
        difference=difference,
        interval=interval,
        method="mcnemar" if paired else "newcombe",
        holds=holds,
        sentence="",
        p=paired.p if paired else None,
        same_predictions=same,
        differences=tuple(differences),
    )


def _paired(
    then: Recorded, labels: NDArray[np.int64], predicted: NDArray[np.int64]
) -> PairedTest | None:
    if then.predictions is None:
        return None
    if not np.array_equal(then.predictions[0], labels):
        raise RunError(f"{then.path}: was tested on other images")
    return mcnemar(labels, predicted, then.predictions[1])
