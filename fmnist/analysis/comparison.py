"""Finished runs beside each other on the same test images: who is ahead, and how sure that is.

Only ``run.toml``, ``metrics.json`` and ``predictions.npz`` of each run are read, so no network is
loaded, and the test images are not opened again.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist.analysis.intervals import PairedTest, holm, mcnemar, wilson_interval
from fmnist.models.inference import count_correct
from fmnist.runs.decode import FactsError, build, convert
from fmnist.runs.folder import Run, RunError
from fmnist.runs.records.comparison import SCHEMA, Comparison, Lead, System

__all__ = ["Comparison", "Lead", "System", "compare_runs", "from_json", "write"]

FILE = "comparison.json"
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
        run.write_json(FILE, comparison.to_json())
    except OSError as error:
        raise RunError(f"{run / FILE}: cannot be written: {error.strerror}") from None


def from_json(record: Any) -> Comparison:
    """Read what ``Comparison.to_json`` gave.

    Raises:
        FactsError: another schema, or an entry that is missing or of another type.
    """
    if not isinstance(record, Mapping) or record.get("schema") != SCHEMA:
        raise FactsError(f"{FILE}: expected a comparison of schema {SCHEMA}")
    return build(Comparison, record, FILE)


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
    for name in ("metrics.json", "predictions.npz"):
        if not run.has(name):
            raise RunError(f"{run.path}: has no {name}, the run is not finished; let it finish")
    try:
        return _read(run)
    except FactsError as error:
        raise RunError(f"{run.path}: {error}") from None


def _read(run: Run) -> _Entrant:
    record = run.read_toml("run.toml")
    data = convert(dict[str, Any], record.get("data"), "run.toml: data")
    names = convert(tuple[str, ...], data.get("class_names"), "run.toml: data.class_names")
    digest = convert(str, data.get("digest"), "run.toml: data.digest")
    labels, predicted = _predictions(run / "predictions.npz", len(names))
    metrics = convert(dict[str, Any], run.read_json("metrics.json"), "metrics.json")
    own = _system(record, run, labels, predicted["test_probabilities"])
    _check_score(metrics, own)
    candidates = [_Candidate(own, predicted["test_probabilities"])]
    together = predicted.get("ensemble_probabilities")
    if together is not None and metrics.get("ensemble") is not None:
        name = f"{own.name}, ensemble"
        candidates.append(_Candidate(_scored(name, "ensemble", labels, together), together))
    title = _plain(convert(str, data.get("name", ""), "run.toml: data.name"))
    return _Entrant(title, digest, names, labels, tuple(candidates))


def _system(
    record: Mapping[str, Any], run: Run, labels: NDArray[Any], predicted: NDArray[Any]
) -> System:
    request = convert(dict[str, Any], record.get("request", {}), "run.toml: request")
    name = _plain(convert(str, record.get("name", run.path.name), "run.toml: name"))
    kind = "tuned" if request.get("kind", "search") == "search" else "train"
    if "recipe" not in record:
        return _scored(name, kind, labels, predicted)
    recipe = convert(dict[str, Any], record["recipe"], "run.toml: recipe")
    part = _text(recipe, "part")
    published = {} if part else recipe.get("published", {})  # the author's, of the first network
    published = convert(dict[str, Any], published, "run.toml: recipe.published")
    return replace(
        _scored(name, "recipe", labels, predicted),
        recipe=_text(recipe, "name", NAME_LENGTH),
        title=part or _text(recipe, "title"),
        source=_text(recipe, "source"),
        published=_figures(published),
        finding=_text(published, "finding"),
    )


def _text(table: Mapping[str, Any], key: str, length: int = TEXT_LENGTH) -> str:
    found = convert(str, table.get(key, ""), f"run.toml: recipe: {key}")
    return _plain(found, length) if found else ""


def _figures(published: Mapping[str, Any]) -> tuple[float, ...]:
    """One published accuracy or the two ends of a span, as fractions."""
    found = [published[key] for key in ("accuracy", "accuracy_high") if key in published]
    figures = convert(tuple[float, ...], found, "run.toml: recipe.published: accuracy")
    if not all(0 <= figure <= 1 for figure in figures):
        raise FactsError(f"run.toml: recipe.published: accuracy must be a fraction, found {found}")
    return tuple(figures)


def _scored(name: str, kind: str, labels: NDArray[Any], predicted: NDArray[Any]) -> System:
    n, correct = len(labels), count_correct(labels, predicted)
    return System(name, kind, correct, correct / n, wilson_interval(correct, n))


def _check_score(metrics: Mapping[str, Any], system: System) -> None:
    """The predictions must be those of the reported figure."""
    test = convert(dict[str, Any], metrics.get("test"), "metrics.json: test")
    if test.get("correct") != system.correct:
        raise FactsError(
            f"metrics.json counts {test.get('correct')} correct test images, predictions.npz "
            f"{system.correct}: the files belong to different runs"
        )


def _predictions(path: Path, classes: int) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
    """True classes int ``[N]``, and the most probable ones by name of the array."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            labels = archive["test_labels"]
            wanted = {"test_probabilities", "ensemble_probabilities"} & set(archive.files)
            arrays = {name: archive[name] for name in sorted(wanted)}
    except (OSError, ValueError, KeyError, MemoryError, EOFError, zipfile.BadZipFile) as error:
        raise FactsError(f"{path.name}: cannot be read: {error}") from None
    if "test_probabilities" not in arrays:
        raise FactsError(f"{path.name}: the array 'test_probabilities' is missing")
    if labels.ndim != 1 or not len(labels) or not np.issubdtype(labels.dtype, np.integer):
        raise FactsError(f"{path.name}: test_labels are no class indices")
    for name, p in arrays.items():
        if p.shape != (len(labels), classes) or not np.issubdtype(p.dtype, np.floating):
            raise FactsError(
                f"{path.name}: {name} must be numbers of shape ({len(labels)}, {classes}) as "
                f"test_labels and run.toml say, found shape {p.shape}"
            )
        if not np.isfinite(p).all():
            raise FactsError(f"{path.name}: {name} holds numbers that are not finite")
    return labels.astype(np.int64), {name: p.argmax(axis=1) for name, p in arrays.items()}


def _plain(text: str, length: int = NAME_LENGTH) -> str:
    """One line of what can be printed: a name may not steer the terminal or fill the page."""
    shown = "".join(c if c.isprintable() else " " for c in text).strip() or "unnamed"
    return shown if len(shown) <= length else shown[: length - 1] + "…"
