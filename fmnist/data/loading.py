"""``load``: from a path, or from nothing, to a verified data set with a sealed test half."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fmnist.data import checksums
from fmnist.data.checksums import Match
from fmnist.data.dataset import DataSet, RawData
from fmnist.data.files import CLASS_NAMES_FILE, read_path
from fmnist.data.ledger import Ledger
from fmnist.data.sealed import SealedTest
from fmnist.data.sources import SOURCES, Source, find_published
from fmnist.errors import DataError


def load(
    path: Path | None = None,
    *,
    class_names: Sequence[str] | None = None,
    cache: Path | None = None,
    ledger: Ledger | None = None,
    sources: Sequence[Source] = SOURCES,
) -> DataSet:
    """Load ``path``, or the published Fashion-MNIST from the first source that has it.

    Args:
        path: the user's data (``--data``); see ``fmnist.data.files.read_path``.
        class_names: one name a label, in order; needed where ``path`` holds another data set
            and no ``class_names.txt``. Given for the published data, they replace its names.
        cache: the cache folder, instead of the user's.
        ledger: where the test set records its openings.
        sources: places to look, in order, when there is no ``path``.

    Raises:
        DataError: nothing found, a file breaks a rule, or class names are needed.
    """
    raw = find_published(cache, sources) if path is None else read_path(path)
    matches = checksums.compare(raw.train), checksums.compare(raw.test)
    _refuse_exchanged(raw, *matches)
    verified = matches[0].is_train and matches[1].is_test
    names = _names(raw, class_names, matches, verified)
    for part in (raw.train, raw.test):
        part.check_labels(names)
    reordered = Match.TRAIN_REORDERED in matches or Match.TEST_REORDERED in matches
    return DataSet(
        name=checksums.PUBLISHED_NAME if verified else raw.name,
        source=raw.source + (" (same images, other order)" if verified and reordered else ""),
        verified=verified,
        digest=checksums.digest(raw),
        class_names=names,
        train_images=raw.train.images[..., np.newaxis],
        train_labels=raw.train.labels,
        test=SealedTest(raw.test.images[..., np.newaxis], raw.test.labels, ledger),
    )


def _refuse_exchanged(raw: RawData, train: Match, test: Match) -> None:
    if train.is_test or test.is_train:
        part, match = (raw.train, train) if train.is_test else (raw.test, test)
        role = "training" if train.is_test else "test"
        raise DataError(
            f"{part.images_file}: expected {role} images, found {match.value}; "
            "the training and test files look exchanged"
        )


def _names(
    raw: RawData,
    given: Sequence[str] | None,
    matches: tuple[Match, Match],
    verified: bool,
) -> tuple[str, ...]:
    names = tuple(given) if given is not None else raw.class_names
    if names is None and not verified:
        raise DataError(
            f"{raw.source}: not the published Fashion-MNIST (training: {matches[0].value}; "
            f"test: {matches[1].value}). If it is a data set of your own, name its classes in "
            f"the order of the labels: --class-names A,B,…, or one a line in {CLASS_NAMES_FILE} "
            "beside the files"
        )
    names = checksums.PUBLISHED_CLASS_NAMES if names is None else names
    if len(names) < 2 or len(set(names)) < len(names) or not all(n.strip() for n in names):
        raise DataError(
            f"class names {list(names)}: expected two or more different names, none of them empty"
        )
    if verified and len(names) != len(checksums.PUBLISHED_CLASS_NAMES):
        raise DataError(
            f"{len(names)} class names for {checksums.PUBLISHED_NAME}, which has "
            f"{len(checksums.PUBLISHED_CLASS_NAMES)} classes"
        )
    return names
