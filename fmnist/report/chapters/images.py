"""The chapter of the images: confusions, doubtful labels, near-duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fmnist.report import text
from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts, present
from fmnist.report.figures import Tile, image_strips
from fmnist.report.tables import data_quality as tables
from fmnist.runs import artifacts
from fmnist.runs.records.data_quality import NearDuplicates, Suspected

CONFUSED_PAIRS = 5
SHOWN_OF_PAIR = 8
CLOSE = 3
"""Grey levels below which two images hardly look different; the threshold lies where usual
distances begin."""
NO_BETTER_THAN_GUESSING = (
    "The network is not shown to be better than always naming the most frequent class, so that it "
    "disagrees with a label says nothing about the label."
)
PART_NAMES = {
    "label_errors": "Doubtful labels were not looked for",
    "duplicates": "Very similar images were not looked for",
    "grad_cam": "Grad-CAM is left out",
}


@dataclass(frozen=True)
class Confused:
    """Some images of one class that were taken for another."""

    title: str
    caption: str
    tiles: list[Tile]


def images(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Images to look at, most of them from the test set; nothing is chosen by them."""
    return {
        "confusions": _confusions(facts),
        **_label_errors(facts),
        **_duplicates(facts),
    }


def left_out(facts: Facts, part: str) -> str:
    """Why a part of the gallery is not there; empty where the run did not come to it."""
    reason = facts.gallery.left_out.get(part, "") if facts.gallery else ""
    return f"{PART_NAMES[part]}: {reason.rstrip('.')}." if reason else ""


def _confusions(facts: Facts) -> list[Confused]:
    predictions = present(facts.predictions, artifacts.PREDICTIONS)
    labels, said = predictions.test_labels, predictions.predicted
    found = []
    for true, other in _frequent(facts):
        wrong = np.flatnonzero((labels == true) & (said == other))
        order = np.argsort(predictions.test_probabilities[wrong, other], kind="stable")
        chosen = ends([int(i) for i in wrong[order]], SHOWN_OF_PAIR)
        tiles = [
            image_strips.confused_tile(predictions, i, image, facts.class_names)
            for i in chosen
            if (image := predictions.image(i)) is not None
        ]
        if tiles:
            of = int((labels == true).sum())
            found.append(_confused(facts, (true, other), (len(wrong), of), tiles))
    return found


def _frequent(facts: Facts) -> list[tuple[int, int]]:
    """True and predicted class of the most frequent kinds of error."""
    counts = present(facts.metrics, artifacts.METRICS).test.counts()
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:CONFUSED_PAIRS]
    places = (np.unravel_index(int(place), counts.shape) for place in order)
    return [(int(i), int(j)) for i, j in places if counts[i, j]]


def ends(ranked: list[int], most: int) -> list[int]:
    """All of a few; of many the first half of what is shown and the last half."""
    if len(ranked) <= most:
        return ranked
    half = most // 2
    return ranked[:half] + ranked[-half:]


def _confused(
    facts: Facts, pair: tuple[int, int], counts: tuple[int, int], tiles: list[Tile]
) -> Confused:
    true, said = (facts.class_names[k] for k in pair)
    wrong, of = counts
    which = "All of them, the least confident first"
    if wrong > len(tiles):
        half = len(tiles) // 2
        which = f"The {half} least confident of these errors, then the {half} most confident ones"
    share = text.percent(wrong / of)
    return Confused(
        f"{true} taken for {said}",
        f"{true} taken for {said}: {text.count(wrong)} of {text.count(of)} test images ({share}). "
        f"{which}, with the probabilities of {said} (predicted) and of {true} (true).",
        tiles,
    )


def _label_errors(facts: Facts) -> dict[str, Any]:
    found = facts.gallery.label_errors if facts.gallery else None
    if found is None or facts.pictures is None:
        return {"suspected": None, "no_suspected": left_out(facts, "label_errors")}
    test = present(facts.metrics, artifacts.METRICS).test
    if test.guesses:
        return {"suspected": None, "no_suspected": NO_BETTER_THAN_GUESSING}
    names, predictions = facts.class_names, present(facts.predictions, artifacts.PREDICTIONS)
    on_test = [
        image_strips.suspect_tile(s, image, names, "Test")
        for s in found.test.shown
        if (image := predictions.image(s.index)) is not None
    ]
    on_validation = [
        image_strips.suspect_tile(s, image, names, "Validation")
        for s, image in zip(found.validation.shown, facts.pictures.suspects, strict=False)
    ]
    splits = [("test", found.test), ("validation", found.validation)]
    return {
        "suspected": " ".join(_counted(name, part) for name, part in splits),
        "suspected_table": tables.suspected(splits, names),
        "suspect_test": on_test,
        "suspect_validation": on_validation,
    }


def _counted(name: str, part: Suspected) -> str:
    share = text.percent(part.suspected / max(part.n, 1))
    return f"Of the {text.count(part.n)} {name} images {text.count(part.suspected)} ({share}) are."


def _duplicates(facts: Facts) -> dict[str, Any]:
    found = facts.gallery.duplicates if facts.gallery else None
    if found is None or facts.pictures is None:
        return {"duplicates": None, "no_duplicates": left_out(facts, "duplicates")}
    shown = zip(facts.pictures.duplicate_test, facts.pictures.duplicate_train, strict=False)
    return {
        "duplicates": _compared(found),
        "threshold": found.threshold,
        "mirrors": found.mirrors,
        "duplicates_effect": _effect(found),
        "duplicate_strips": [
            image_strips.duplicate_strip(pair, images, facts.class_names)
            for pair, images in zip(found.pairs, shown, strict=False)
        ],
        "duplicates_table": tables.duplicates(found, facts.class_names),
    }


def _compared(found: NearDuplicates) -> str:
    n, total = len(found.pairs), text.count(found.test_images)
    exact = text.count(found.exact) if found.exact else "none"
    larger = "larger" if found.usual.median > found.threshold else "no larger here"
    usual = (
        f"Usual distances are {larger}: for {found.sampled} random test images the nearest "
        f"training image is {found.usual.median:.1f} levels away at the median and "
        f"{found.usual.least:.1f} at the least."
    )
    if not n:
        return f"No test image has one. {usual}"
    close = sum(p.rms < CLOSE for p in found.pairs)
    mirrored = sum(p.mirrored for p in found.pairs)
    turned = f", {text.count(mirrored)} with a mirrored image" if found.mirrors else ""
    differing = sum(p.test_label != p.train_label for p in found.pairs)
    labels = "labels agree"
    if differing:
        verb = (
            "carries another label than its" if differing == 1 else "carry other labels than their"
        )
        labels = f"{text.count(differing)} {verb} counterpart"
    return (
        f"{text.count(n)} of {total} test images {'has' if n == 1 else 'have'} one: {exact} "
        f"identical, {text.count(close)} less than {CLOSE} levels apart{turned}; {labels}. {usual}"
    )


def _effect(found: NearDuplicates) -> str:
    n, rest = len(found.pairs), found.without
    if not n or not rest.n:
        return ""
    everything = (found.correct + rest.correct) / found.test_images
    change = rest.correct / rest.n - everything
    size = found.test_images
    return (
        f"{text.count(found.correct)} of these {text.count(n)} are classified correctly. Without "
        f"them the test accuracy is {text.percent(rest.correct / rest.n, size)} of "
        f"{text.count(rest.n)} images instead of {text.percent(everything, size)} of "
        f"{text.count(size)}: a change of {text.signed_points(change)} percentage points."
    )
