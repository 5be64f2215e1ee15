"""What an earlier run recorded, from its folder or its report.pdf, and whether it still holds.

Only text and arrays are read, whoever made them; no network of the earlier run is loaded.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist.analysis.intervals import PairedTest, mcnemar, newcombe, wilson_interval
from fmnist.config.config import CONFIG_FILE, LARGEST_FILE, Config
from fmnist.config.toml_text import parse_config
from fmnist.models.inference import count_correct
from fmnist.runs.decode import FactsError, build, convert
from fmnist.runs.folder import RunError
from fmnist.runs.pdf_attachments import attached, is_pdf
from fmnist.runs.records.final_model import Refit
from fmnist.runs.records.metrics import Predictions
from fmnist.runs.records.reproduction import Reproduction
from fmnist.runs.records.run import Environment
from fmnist.runs.records.run import Run as RunRecord
from fmnist.runs.records.score import Score
from fmnist.runs.safe_read import check_folder, read_arrays
from fmnist.runs.validate import check_predictions

FILE = "reproduction.json"
SIGNIFICANT = 0.05
FOLDER, PDF = "run folder", "PDF"
_NEEDED = (CONFIG_FILE, "run.toml", "metrics.json")
_WANTED = ("environment.json", "refit.json")


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
    files = attached(path, _NEEDED, _WANTED) if kind == PDF else _from_folder(path)
    try:
        return _recorded(path, kind, files)
    except FactsError as error:
        raise RunError(f"{path}: {error}") from None


def _from_folder(path: Path) -> dict[str, bytes]:
    try:
        check_folder(path)
    except FactsError as error:
        raise RunError(f"{path}: {error}") from None
    for name in _NEEDED:
        if not (path / name).is_file():
            raise RunError(f"{path}: has no {name}, so it is no finished run; let it finish")
    names = [name for name in (*_NEEDED, *_WANTED) if (path / name).is_file()]
    return {name: (path / name).read_bytes() for name in names}


def _recorded(path: Path, kind: str, files: Mapping[str, bytes]) -> Recorded:
    source = _text(files, CONFIG_FILE)
    config = parse_config(source[: LARGEST_FILE + 1], f"{path}: {CONFIG_FILE}")
    run = build(RunRecord, {"document": {}, **_table(files, "run.toml")}, "run.toml")
    metrics = convert(dict[str, Any], _object(files, "metrics.json"), "metrics.json")
    score = build(Score, metrics.get("test"), "metrics.json: test")
    if not 0 <= score.correct <= score.n or not score.n:
        raise FactsError(f"metrics.json: test: {score.correct} of {score.n} images cannot be")
    environment, refit = (_object(files, name) if name in files else None for name in _WANTED)
    return Recorded(
        path=path,
        kind=kind,
        config=config,
        run=run,
        score=score,
        environment=build(Environment, environment, _WANTED[0]) if environment else None,
        refit=build(Refit, refit, _WANTED[1]).used if refit else False,
        predictions=_predictions(path, score) if kind == FOLDER else None,
    )


def _predictions(path: Path, score: Score) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    file = path / "predictions.npz"
    if not file.is_file():
        return None
    arrays = read_arrays(file)
    missing = [name for name in Predictions.__dataclass_fields__ if name not in arrays]
    if missing:
        raise FactsError(f"{file.name}: the array {missing[0]!r} is missing")
    found = Predictions(**{n: np.atleast_1d(arrays[n]) for n in Predictions.__dataclass_fields__})
    check_predictions(found, file.name)
    if count_correct(found.test_labels, found.predicted) != score.correct:
        raise FactsError(f"{file.name} and metrics.json belong to different runs")
    return found.test_labels, found.predicted


def _text(files: Mapping[str, bytes], name: str) -> str:
    try:
        return files[name].decode("utf-8")
    except UnicodeDecodeError:
        raise FactsError(f"{name}: is not a text") from None


def _table(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(_text(files, name))
    except (ValueError, RecursionError) as error:
        raise FactsError(f"{name}: not valid TOML: {error}") from None
    if "created" in data and not isinstance(data["created"], str):
        data["created"] = str(data["created"])
    return data


def _object(files: Mapping[str, bytes], name: str) -> Any:
    try:
        return json.loads(_text(files, name))
    except (ValueError, RecursionError) as error:
        raise FactsError(f"{name}: not valid JSON: {error}") from None


def changes(then: Environment | None, now: Mapping[str, Any], version: str) -> tuple[str, ...]:
    """What is otherwise on this machine than where the run was made, one line each.

    Args:
        now: the content of ``environment.json`` as it would be written here.
        version: of this program, in the recorded run.
    """
    if then is None:
        return ("machine and package versions were not recorded",)
    here = build(Environment, now, "environment.json")
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


def to_json(found: Reproduction) -> dict[str, Any]:
    """The content of ``reproduction.json``."""
    return {"schema": 1, **asdict(found)}
