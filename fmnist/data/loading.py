"""``load``: from a path, or from nothing, to a verified data set with a sealed test half."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fmnist.data import checks, checksums
from fmnist.data.checksums import Match
from fmnist.data.dataset import DataSet, RawData
from fmnist.data.detect import CLASS_NAMES_FILE, read_path
from fmnist.data.ledger import Ledger
from fmnist.data.sealed import SealedTest
from fmnist.data.sources import SOURCES, Source, find_published
from fmnist.errors import DataError
from fmnist.text import in_unicode


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
        path: the user's data (``--data``); see ``fmnist.data.detect.read_path``.
        class_names: one name a label, in order, instead of those that the data bring along.
            Where neither does, the names are 0 to the largest label.
        cache: the cache folder, instead of the user's.
        ledger: where the test set records its openings.
        sources: places to look, in order, when there is no ``path``.

    Raises:
        DataError: nothing found, or a file breaks a rule.
    """
    raw = find_published(cache, sources) if path is None else read_path(path)
    matches = checksums.compare(raw.train), checksums.compare(raw.test)
    _refuse_exchanged(raw, *matches)
    verified = matches[0].is_train and matches[1].is_test
    names = _names(raw, class_names, matches, verified)
    raw = checks.counted_from_zero(raw, len(names))
    for part in (raw.train, raw.test):
        part.check_labels(names)
    raw, notes = checks.noted(raw, names)
    names = tuple(in_unicode(name) for name in names)
    reordered = Match.TRAIN_REORDERED in matches or Match.TEST_REORDERED in matches
    return DataSet(
        name=checksums.PUBLISHED_NAME if verified else in_unicode(raw.name),
        source=in_unicode(raw.source)
        + (" (same images, other order)" if verified and reordered else ""),
        verified=verified,
        digest=checksums.digest(raw),
        class_names=names,
        train_images=raw.train.images[..., np.newaxis],
        train_labels=raw.train.labels,
        test=SealedTest(raw.test.images[..., np.newaxis], raw.test.labels, ledger),
        notes=tuple(in_unicode(note) for note in notes),
        published=checksums.PUBLISHED_NAME if verified else raw.published,
        pictures=raw.pictures,
        test_split_off=raw.test_split_off,
        # A part of Fashion-MNIST is told by its class names.
        mirrors=verified or names == checksums.PUBLISHED_CLASS_NAMES,
    )


def check_same(data: DataSet, digest: str) -> None:
    """Raise ``DataError`` where a run goes on with other images, labels or splits than it began."""
    if digest != data.digest:
        raise DataError(
            f"{data.source}: the images or labels are no longer those that the run began with "
            f"(checksum {digest[:12]} then, {data.digest[:12]} now); put them back, or "
            "start another run with --fresh"
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
    if names is None:
        if not verified:
            _refuse_damaged(raw, matches)
        names = checksums.PUBLISHED_CLASS_NAMES if verified else _numbers(raw)
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


def _refuse_damaged(raw: RawData, matches: tuple[Match, Match]) -> None:
    """Images or labels of Fashion-MNIST, with others beside them, are no data set of its own."""
    own = (*checksums.part_sha256(raw.train), *checksums.part_sha256(raw.test))
    published = (*checksums.TRAIN_SHA256, *checksums.TEST_SHA256)
    reordered = any(match is not Match.NONE for match in matches)
    if not reordered and not any(a == b for a, b in zip(own, published, strict=True)):
        return
    raise DataError(
        f"{raw.source}: not the published Fashion-MNIST, though a part of it is (training: "
        f"{matches[0].value}; test: {matches[1].value}); fetch the files again. If it is a data "
        "set of your own, name its classes in the order of the labels: --class-names A,B,…, or "
        f"one a line in {CLASS_NAMES_FILE} beside the files"
    )


def _numbers(raw: RawData) -> tuple[str, ...]:
    """The labels of the training images as names.

    Raises:
        DataError: a label below 0, or only one label.
    """
    part, found = raw.train, np.unique(raw.train.labels)
    if len(found) < 2:
        raise DataError(f"{part.labels_file}: every label is {found[0]}; two classes are needed")
    if found[0] < 0:
        raise DataError(
            f"{part.labels_file}: the label {found[0]} is below 0; take the images without a "
            "class out, or count the classes from 0"
        )
    return tuple(str(label) for label in found)
