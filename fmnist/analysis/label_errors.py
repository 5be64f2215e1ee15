"""Labels that may be wrong, by confident learning.

Northcutt, Jiang and Chuang, Confident learning: estimating uncertainty in dataset labels, 2021
(Journal of Artificial Intelligence Research 70). The library of its authors, cleanlab, brings
pandas along for the few lines needed here; it finds the same images.

A suspicion only: labels are never changed and images never left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Suspects:
    """Images whose label is doubted, the most doubtful first.

    Attributes:
        index: positions [S] among the images that were looked at.
        suggested: the class [S] that the label may have to be.
        margin: probability of the given label minus that of the most probable other one [S].
        thresholds: mean probability [C] that images of a class get for it; NaN without images.
    """

    index: Labels
    suggested: Labels
    margin: NDArray[np.float64]
    thresholds: NDArray[np.float64]


def suspects(labels: Labels, probabilities: Probabilities) -> Suspects:
    """Doubt the labels that the off-diagonal of the confident joint counts.

    An image counts as class k where its probability for k reaches the mean probability of the
    images labelled k; the most probable of several. It is suspected where that is not its label,
    nor its label the most probable class. The order is that of the normalised margin.

    Args:
        labels: given labels [N], 0 to C - 1.
        probabilities: [N, C], of a network that did not learn these images.

    Raises:
        ValueError: another number of labels than of rows.
    """
    if len(labels) != len(probabilities):
        raise ValueError(f"{len(labels)} labels for {len(probabilities)} rows of probabilities")
    p = probabilities.astype(np.float64)
    limits = _thresholds(labels, p)
    # A class without images has no threshold to reach: NaN compares as false.
    confident = np.where(p >= limits, p, -1.0)
    counted = confident.argmax(axis=1)
    own = p[np.arange(len(p)), labels]
    doubted = (confident.max(axis=1) >= 0) & (counted != labels) & (p.argmax(axis=1) != labels)
    margin = own - _best_other(labels, p)
    index = np.flatnonzero(doubted)
    index = index[np.argsort(margin[index], kind="stable")]
    return Suspects(index, counted[index], margin[index], limits)


def _thresholds(labels: Labels, p: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.full(p.shape[1], np.nan)
    for k in np.unique(labels):
        found[k] = p[labels == k, k].mean()
    return found


def _best_other(labels: Labels, p: NDArray[np.float64]) -> NDArray[np.float64]:
    others = p.copy()
    others[np.arange(len(p)), labels] = -np.inf
    best: NDArray[np.float64] = others.max(axis=1)
    return best


def frequent_pairs(labels: Labels, found: Suspects, most: int = 5) -> list[tuple[int, int, int]]:
    """Given label, suggested class and number of images: the most frequent of the suspected."""
    pairs, counts = np.unique(
        np.stack([labels[found.index], found.suggested], axis=1), axis=0, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")[:most]
    return [(int(a), int(b), int(n)) for (a, b), n in zip(pairs[order], counts[order], strict=True)]
