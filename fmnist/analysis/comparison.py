"""Finished runs beside each other on the same test images: who is ahead, and how sure that is.

Only ``run.toml``, ``metrics.json`` and ``predictions.npz`` of each run are read, so no network is
loaded, and the test images are not opened again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist.analysis.intervals import holm, mcnemar, wilson_interval
from fmnist.models.inference import count_correct
from fmnist.runs.artifacts import COMPARISON, METRICS, PREDICTIONS, RUN
from fmnist.runs.codec import FactsError
from fmnist.runs.folder import Run, RunError
from fmnist.runs.records.comparison import Comparison, Lead, System
from fmnist.runs.records.final_model import PairedTest
from fmnist.runs.records.run import PublishedFigures, RunRecord
from fmnist.runs.safe_read import read_arrays

__all__ = ["Comparison", "Lead", "System", "compare_runs", "write"]

NAME_LENGTH, TEXT_LENGTH = 60, 500


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A system with the class it gives each test image, int ``[N]``."""

    system: System
    predicted: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Entrant:
    """What one run brings: its data set, the true classes int ``[N]`` and its systems."""

    data: str
    digest: str
    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    candidates: tuple[_Candidate, ...]


def compare_runs(paths: Sequence[Path]) -> Comparison:
    """Compare the first run with all the others; its own ensemble counts as another.

    Args:
        paths: folders of finished runs, the reference first.

    Raises:
        RunError: fewer than two different systems, a run that is not finished, that has a broken
            file, or whose test images are others.
    """
    _check_different(paths)
    entrants = [_entrant(Run.existing(path)) for path in paths]
    for path, entrant in zip(paths[1:], entrants[1:], strict=True):
        _check_same_images(paths[0], entrants[0], path, entrant)
    candidates = [c for entrant in entrants for c in entrant.candidates]
    if len(candidates) < 2:
        raise RunError(f"{paths[0]}: a comparison needs a second run; give its folder too")
    first = entrants[0]
    return Comparison(first.data, first.digest, len(first.labels), _judged(first, candidates))


def write(comparison: Comparison, folder: Path) -> None:
    """Write ``comparison.json`` into a folder, made if need be, whole or not at all.

    Raises:
        RunError: the folder cannot be written.
    """
    run = Run(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        run.write(COMPARISON, comparison)
    except OSError as error:
        raise RunError(f"{run / COMPARISON}: cannot be written: {error.strerror}") from None


def _check_different(paths: Sequence[Path]) -> None:
    repeated = [p for p, n in Counter(path.resolve() for path in paths).items() if n > 1]
    if repeated:
        raise RunError(f"{repeated[0]}: given twice; a run cannot be compared with itself")


def _judged(first: _Entrant, candidates: Sequence[_Candidate]) -> tuple[System, ...]:
    reference, *others = candidates
    tests = [mcnemar(first.labels, reference.predicted, other.predicted) for other in others]
    corrected = holm([test.p for test in tests])
    names = _unlike([c.system.name for c in candidates])
    systems = [reference.system] + [
        replace(other.system, lead=_lead(test, p))
        for other, test, p in zip(others, tests, corrected, strict=True)
    ]
    return tuple(replace(s, name=name) for s, name in zip(systems, names, strict=True))


def _lead(test: PairedTest, p_holm: float) -> Lead:
    return Lead(
        test.only_first, test.only_second, test.difference, test.interval, test.p, p_holm
    )  # fmt: skip


def _unlike(names: Sequence[str]) -> Iterator[str]:
    """The names, those that return numbered: runs in different folders may be called the same."""
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"


def _check_same_images(first: Path, reference: _Entrant, path: Path, entrant: _Entrant) -> None:
    """Differences between two networks mean something on the same images only."""
    rules = {
        "other class names": reference.class_names == entrant.class_names,
        "another data set (its checksum differs)": reference.digest == entrant.digest,
        "other test images": np.array_equal(reference.labels, entrant.labels),
    }
    for problem, kept in rules.items():
        if not kept:
            raise RunError(f"{path}: {problem} than {first}; only runs on the same can be compared")


def _entrant(run: Run) -> _Entrant:
    for artifact in (METRICS, PREDICTIONS):
        if not run.has(artifact):
            raise RunError(f"{run.path}: has no {artifact}, the run is not finished; let it finish")
    try:
        return _read(run)
    except FactsError as error:
        raise RunError(f"{run.path}: {error}") from None


def _read(run: Run) -> _Entrant:
    record, metrics = run.read(RUN), run.read(METRICS)
    names = record.data.class_names
    labels, predicted = _predictions(run / PREDICTIONS, len(names))
    own = _system(record, labels, predicted["test_probabilities"])
    if metrics.test.correct != own.correct:
        raise FactsError(
            f"{METRICS} counts {metrics.test.correct} correct test images, {PREDICTIONS} "
            f"{own.correct}: the files belong to different runs"
        )
    candidates = [_Candidate(own, predicted["test_probabilities"])]
    together = predicted.get("ensemble_probabilities")
    if together is not None and metrics.ensemble is not None:
        name = f"{own.name}, ensemble"
        candidates.append(_Candidate(_scored(name, "ensemble", labels, together), together))
    data = record.data
    return _Entrant(_plain(data.name), data.digest, names, labels, tuple(candidates))


def _system(record: RunRecord, labels: NDArray[Any], predicted: NDArray[Any]) -> System:
    name, recipe = _plain(record.name), record.recipe
    kind = "tuned" if record.request.kind == "search" else "train"
    if recipe is None:
        return _scored(name, kind, labels, predicted)
    # The author's figures are of the first of several networks.
    published = PublishedFigures() if recipe.part else recipe.published
    return replace(
        _scored(name, "recipe", labels, predicted),
        recipe=_text(recipe.name, NAME_LENGTH),
        title=_text(recipe.part or recipe.title),
        source=_text(recipe.source),
        published=_figures(published),
        finding=_text(published.finding),
    )


def _text(text: str, length: int = TEXT_LENGTH) -> str:
    return _plain(text, length) if text else ""


def _figures(published: PublishedFigures) -> tuple[float, ...]:
    """One published accuracy or the two ends of a span, as fractions."""
    figures = [f for f in (published.accuracy, published.accuracy_high) if f is not None]
    if not all(0 <= figure <= 1 for figure in figures):
        raise FactsError(f"{RUN}: recipe: published: accuracy must be a fraction, found {figures}")
    return tuple(figures)


def _scored(name: str, kind: str, labels: NDArray[Any], predicted: NDArray[Any]) -> System:
    n, correct = len(labels), count_correct(labels, predicted)
    return System(name, kind, correct, correct / n, wilson_interval(correct, n))


def _predictions(path: Path, classes: int) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
    """True classes int ``[N]``, and the most probable ones by name of the array."""
    found = read_arrays(path)
    for name in ("test_labels", "test_probabilities"):
        if name not in found:
            raise FactsError(f"{path.name}: the array {name!r} is missing")
    labels = found["test_labels"]
    wanted = {"test_probabilities", "ensemble_probabilities"} & found.keys()
    arrays = {name: found[name] for name in sorted(wanted)}
    if labels.ndim != 1 or not len(labels) or not np.issubdtype(labels.dtype, np.integer):
        raise FactsError(f"{path.name}: test_labels are no class indices")
    for name, p in arrays.items():
        if p.shape != (len(labels), classes) or not np.issubdtype(p.dtype, np.floating):
            raise FactsError(
                f"{path.name}: {name} must be numbers of shape ({len(labels)}, {classes}) as "
                f"test_labels and run.toml say, found shape {p.shape}"
            )
    return labels.astype(np.int64), {name: p.argmax(axis=1) for name, p in arrays.items()}


def _plain(text: str, length: int = NAME_LENGTH) -> str:
    """One line of what can be printed: a name may not steer the terminal or fill the page."""
    shown = "".join(c if c.isprintable() else " " for c in text).strip() or "unnamed"
    return shown if len(shown) <= length else shown[: length - 1] + "…"
