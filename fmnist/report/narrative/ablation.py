"""Whether ``experiments.json`` holds together, and what all its parts say of one experiment."""

from __future__ import annotations

from fmnist.report import text
from fmnist.runs.codec import FactsError
from fmnist.runs.records.ablation import VERDICTS, Experiments, Fidelity, Measured

INTERVAL = f"95{text.THIN}% interval"


def check(found: Experiments, file: str) -> None:
    """What the types of ``experiments.json`` do not say.

    Raises:
        FactsError: names the entry.
    """
    for e in found.experiments:
        _check(e, f"{file}: {e.key}")
    if found.experiments and (found.base is None or found.fidelity is None):
        raise FactsError(f"{file}: experiments need their base and their fidelity")


def _check(e: Measured, where: str) -> None:
    fractions = (e.accuracy, e.base_accuracy, e.p, e.p_holm)
    if not all(0 <= x <= 1 for x in fractions):
        raise FactsError(f"{where}: accuracies and p-values must lie between 0 and 1")
    if not e.interval[0] <= e.difference <= e.interval[1]:
        raise FactsError(f"{where}: the difference must lie within its interval")
    if e.verdict not in VERDICTS:
        raise FactsError(f"{where}: verdict must be one of {', '.join(VERDICTS)}")


def size(found: Fidelity) -> str:
    """``6,000 images for 3 epochs, 2 seeds each``."""
    seeds = "with one seed" if found.seeds == 1 else f"with {found.seeds} seeds each"
    return (
        f"{text.counted(found.images, 'image')} for {text.counted(found.epochs, 'epoch')}, {seeds}"
    )


def span(e: Measured) -> str:
    """The interval in percentage points: ``−0.30 to 0.72``."""
    low, high = (text.signed_points(bound, digits=e.digits) for bound in e.interval)
    return f"{low} to {high}"


def methods(found: Experiments) -> str:
    """How the intervals were found, in words."""
    names = list(dict.fromkeys(e.method for e in found.experiments))
    return text.listing(names)
