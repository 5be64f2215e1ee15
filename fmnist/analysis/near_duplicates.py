"""Near-duplicates between training and test images: neighbours in pixel space, found exactly.

An orthonormal projection never makes a distance longer, and what it leaves out of two images
differs by at least the difference of the lengths of the two remainders. So the distance over the
first principal components, with that length as one more coordinate, is a lower bound of the
distance of the pixels: no pair within the threshold is missed, and few others are looked at.
"""

from __future__ import annotations

import logging
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.atomic import atomic_write

Images = NDArray[np.uint8]
Floats = NDArray[np.float32]

THRESHOLD = 12.75
"""RMS grey levels a pixel: 5 % of the range 0 to 255, where two pictures look like one."""
SAMPLED = 200
"""Test images whose nearest training image is looked for, however far: what distances are usual."""
_COMPONENTS = 64
_BASIS_IMAGES = 5000
_BLOCK, _CHUNK = 250, 4096
# Float32 rounding of squared distances, which are at most some 5e7 here.
_SLACK = 2000.0
# Pairs from which on it is worth a file: fewer are compared in a moment.
_WORTH_KEEPING = 100_000_000
_VERSION = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Duplicates:
    """For every test image that has one, its nearest near-duplicate among the training images.

    Attributes:
        test, train: indices [D], by rising distance.
        rms: root mean square difference in grey levels a pixel [D]; 0: the same image.
        mirrored: where the mirror image of the test image is meant [D].
        usual: distance to the nearest training image of some random test images [at most 200].
    """

    test: NDArray[np.int64]
    train: NDArray[np.int64]
    rms: NDArray[np.float64]
    mirrored: NDArray[np.bool_]
    usual: NDArray[np.float64]


def find(
    train: Images, test: Images, threshold: float = THRESHOLD, *, mirrors: bool = True
) -> Duplicates:
    """Compare every test image, and its mirror image, with every training image.

    Args:
        train, test: uint8 [N, H, W, 1] and [M, H, W, 1].
        threshold: largest distance of a near-duplicate, RMS grey levels a pixel.
        mirrors: whether the mirror images are compared too; not where they mean something else.
    """
    plain, mirror = _flat(test), _flat(test[:, :, ::-1] if mirrors else test)
    known = _Known(_flat(train), threshold)
    places, squares = known.nearest(plain)
    mirrored_places, mirrored_squares = known.nearest(mirror) if mirrors else (places, squares)
    turned = mirrored_squares < squares  # a symmetric image is its own mirror image
    best = np.where(turned, mirrored_squares, squares)
    hit = np.flatnonzero(best <= known.limit)
    hit = hit[np.argsort(best[hit], kind="stable")]
    return Duplicates(
        test=hit,
        train=np.where(turned, mirrored_places, places)[hit],
        rms=np.sqrt(best[hit] / plain.shape[1]),
        mirrored=turned[hit],
        usual=_usual(_flat(train), plain),
    )


def _flat(images: Images) -> Images:
    return images.reshape(len(images), -1)


class _Known:
    """The training images, ready to be searched within a distance."""

    def __init__(self, train: Images, threshold: float) -> None:
        self._train = train
        self.limit = threshold**2 * train.shape[1]
        sample = train[:: max(1, len(train) // _BASIS_IMAGES)].astype(np.float32)
        self._mean = sample.mean(axis=0)
        sample -= self._mean
        vectors = np.linalg.eigh(sample.T @ sample)[1]
        self._basis = np.ascontiguousarray(vectors[:, ::-1][:, :_COMPONENTS], dtype=np.float32)
        points = self._embedded(train)
        # Sorted along the first component, only a strip of them can be near a test image.
        self._order = np.argsort(points[:, 0], kind="stable")
        self._points = points[self._order]
        self._lengths = np.einsum("ij,ij->i", self._points, self._points)

    def _embedded(self, images: Images) -> Floats:
        """Images [N, P] as points whose distances are lower bounds of the images' own."""
        size = self._basis.shape[1]
        points = np.empty((len(images), size + 1), dtype=np.float32)
        for i in range(0, len(images), _CHUNK):
            part = images[i : i + _CHUNK].astype(np.float32) - self._mean
            kept = part @ self._basis
            rest = np.einsum("ij,ij->i", part, part) - np.einsum("ij,ij->i", kept, kept)
            points[i : i + _CHUNK, :size] = kept
            points[i : i + _CHUNK, size] = np.sqrt(np.maximum(rest, 0))
        return points

    def nearest(self, images: Images) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Index and squared distance of the nearest training image within the limit.

        Infinite where none is that near.
        """
        points = self._embedded(images)
        found = np.zeros(len(images), dtype=np.int64)
        squares = np.full(len(images), np.inf)
        order, reach = np.argsort(points[:, 0], kind="stable"), np.sqrt(self.limit + _SLACK)
        for i in range(0, len(order), _BLOCK):
            block = order[i : i + _BLOCK]
            first, last = points[block[[0, -1]], 0]
            low, high = np.searchsorted(self._points[:, 0], [first - reach, last + reach])
            strip = slice(int(low), int(high))
            bounds = -2 * points[block] @ self._points[strip].T
            bounds += np.einsum("ij,ij->i", points[block], points[block])[:, None]
            bounds += self._lengths[strip]
            for row in np.flatnonzero((bounds <= self.limit + _SLACK).any(axis=1)):
                place, square = self._checked(images[block[row]], bounds[row], strip.start)
                if square <= self.limit:
                    found[block[row]], squares[block[row]] = place, square
        return found, squares

    def _checked(self, image: Images, bounds: Floats, start: int) -> tuple[int, float]:
        """The nearest candidate of one image by its pixels; of equal ones the first."""
        near = np.flatnonzero(bounds <= self.limit + _SLACK)
        near = near[np.argsort(bounds[near], kind="stable")]
        best = (np.inf, 0)
        for i in range(0, len(near), _CHUNK):
            part = near[i : i + _CHUNK]
            if bounds[part[0]] > best[0] + _SLACK:
                break
            places = self._order[start + part]
            exact = _squares(self._train[places], image)
            best = min([best, *zip(exact.tolist(), places.tolist(), strict=True)])
        return best[1], float(best[0])


def _squares(images: Images, image: Images) -> NDArray[np.int64]:
    """Squared distances [N] of images [N, P] from one [P], without rounding."""
    difference = images.astype(np.int32) - image.astype(np.int32)
    squares: NDArray[np.int64] = np.einsum("ij,ij->i", difference, difference).astype(np.int64)
    return squares


def _usual(train: Images, test: Images) -> NDArray[np.float64]:
    """Distances of some random test images from their nearest training image, RMS grey levels."""
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(test), size=min(SAMPLED, len(test)), replace=False)
    images = test[np.sort(chosen)].astype(np.float32)
    best = np.full(len(images), np.inf)
    lengths = np.einsum("ij,ij->i", images, images)[:, None]
    for i in range(0, len(train), _CHUNK):
        part = train[i : i + _CHUNK].astype(np.float32)
        squares = lengths + np.einsum("ij,ij->i", part, part) - 2 * images @ part.T
        best = np.minimum(best, squares.min(axis=1))
    usual: NDArray[np.float64] = np.sqrt(np.maximum(best, 0) / train.shape[1])
    return usual


def kept(folder: Path, digest: str) -> Duplicates | None:
    """What an earlier run found in the data of that digest; None without a readable file."""
    try:
        # Opened here: np.load leaves a damaged file open.
        with (
            _file(folder, digest).open("rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            return Duplicates(**{f.name: arrays[f.name] for f in fields(Duplicates)})
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def keep(folder: Path, digest: str, found: Duplicates, pairs: int) -> None:
    """Keep what was found among so many pairs. A folder that cannot be written costs a warning."""
    if pairs < _WORTH_KEEPING:
        return
    arrays = {f.name: getattr(found, f.name) for f in fields(Duplicates)}
    file = _file(folder, digest)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(file, lambda path: np.savez(path, allow_pickle=False, **arrays))
    except OSError as error:
        _log.warning("%s: near-duplicates were not kept: %s", file, error.strerror)


def _file(folder: Path, digest: str) -> Path:
    return folder / "near-duplicates" / f"{digest[:32]}-{_VERSION}.npz"
