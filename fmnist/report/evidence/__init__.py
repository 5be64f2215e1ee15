"""The "In this run" boxes: for each evidence key, what this run's own numbers show."""

from __future__ import annotations

from collections.abc import Callable

from fmnist.report.evidence.architecture import cnn_vs_dense, filters, pooling
from fmnist.report.evidence.base import ABSENT, DENSE, Shown
from fmnist.report.evidence.conclusions import conclusion
from fmnist.report.evidence.improvements import improvements
from fmnist.report.evidence.outputs import confusion_matrix, normalisation, softmax
from fmnist.report.evidence.overfitting import overfitting
from fmnist.report.facts import Facts

__all__ = ["ABSENT", "DENSE", "EVIDENCE", "Shown", "conclusion"]

EVIDENCE: dict[str, Callable[[Facts], Shown]] = {
    "cnn_vs_dense": cnn_vs_dense,
    "filters": filters,
    "pooling": pooling,
    "normalisation": normalisation,
    "softmax": softmax,
    "overfitting": overfitting,
    "confusion_matrix": confusion_matrix,
    "improvements": improvements,
}
"""Evidence key of a question file to the function that answers it from the run."""
