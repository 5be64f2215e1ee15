"""Where the network errs, and why as far as its confusions tell: numbers or None."""

from __future__ import annotations

from typing import Any

from fmnist.analysis.intervals import wilson_interval
from fmnist.report.facts import Facts
from fmnist.report.handin.performance import tested
from fmnist.report.narrative import results
from fmnist.report.narrative.results import Confusion

MOST_SHARED = 0.25
"""Share of all errors from which the three most frequent kinds are told as their centre."""
KINDS_TOLD = 3
CERTAIN = 0.9
"""Probability above which the network hardly doubts."""

FAMILIES = {
    "clothes": ("T-shirt/top", "Pullover", "Dress", "Coat", "Shirt"),
    "shoes": ("Sandal", "Sneaker", "Ankle boot"),
}
"""Classes of Fashion-MNIST that are of one kind, but for their cut."""
MOST_WITHIN = 0.8

Numbers = dict[str, Any] | None


def hardest(facts: Facts) -> Numbers:
    """The class of the lowest recall, where its whole interval lies below the accuracy."""
    test = tested(facts)
    worst = results.hardest(test)
    if worst.recall_interval[1] >= test.accuracy:
        return None
    return {"worst": worst, "taken_for": _of(facts, worst.name)[:2], "n": worst.support}


def even(facts: Facts) -> Numbers:
    """No class is surely found less often than the average."""
    test = tested(facts)
    return None if hardest(facts) else {"worst": results.hardest(test), "test": test}


def _of(facts: Facts, name: str) -> list[Confusion]:
    return results.confusions(tested(facts), name)


def _back(facts: Facts, error: Confusion) -> int:
    """How often the opposite error was made."""
    both = (c.count for c in _of(facts, error.predicted) if c.predicted == error.true)
    return next(both, 0)


def one_sided(facts: Facts) -> Numbers:
    """Of the hardest class's first confusion, one direction is more frequent than chance makes it.

    Only of two classes with as many images: otherwise the larger one errs more often anyway. The
    pair is picked for its size, so the level is divided by the number of pairs (Bonferroni).
    """
    found = hardest(facts)
    if found is None or not found["taken_for"]:
        return None
    error = found["taken_for"][0]
    back = _back(facts, error)
    sizes = {c.name: c.support for c in tested(facts).classes}
    surely = results.uneven(error.count, back, len(sizes))
    if not surely or sizes[error.true] != sizes[error.predicted]:
        return None
    return {"error": error, "back": back}


def attracting(facts: Facts) -> Numbers:
    """The class of the lowest precision, where its interval lies below the accuracy."""
    test = tested(facts)
    said = test.counts().sum(axis=0)
    named = [(c, int(n)) for c, n in zip(test.classes, said, strict=True) if n and c.support]
    if not named:
        return None
    worst, n = min(named, key=lambda pair: pair[0].precision)
    if wilson_interval(round(worst.precision * n), n)[1] >= test.accuracy:
        return None
    wrong = [c for c in results.confusions(test) if c.predicted == worst.name]
    return {"worst": worst, "said": n, "error": wrong[0], "hardest": results.hardest(test)}


def concentrated(facts: Facts) -> Numbers:
    """A few kinds of error make up much of all errors; as many as the last of them are told too."""
    test = tested(facts)
    kinds = results.confusions(test)
    if len(kinds) <= 2 * KINDS_TOLD:
        return None
    told = [c for c in kinds if c.count >= kinds[KINDS_TOLD - 1].count]
    share = sum(c.share_of_errors for c in told)
    if share < MOST_SHARED or len(told) > 2 * KINDS_TOLD:
        return None
    classes = len(test.classes)
    return {"kinds": told, "share": share, "possible": classes * (classes - 1)}


def families(facts: Facts) -> Numbers:
    """Most errors stay within a family of classes, where the classes are those of the families."""
    test, names = tested(facts), facts.class_names
    if not {name for family in FAMILIES.values() for name in family} <= set(names):
        return None
    errors = max(test.n - test.correct, 1)
    shares = dict.fromkeys(FAMILIES, 0.0)
    for error in results.confusions(test):
        for family, members in FAMILIES.items():
            if {error.true, error.predicted} <= set(members):
                shares[family] += error.count / errors
    within = sum(shares.values())
    return {**shares, "rest": 1 - within} if within >= MOST_WITHIN else None


def second_choice(facts: Facts) -> Numbers:
    """How often the second most probable class is the true one, and how sure the errors are."""
    found = facts.predictions
    if found is None or len(tested(facts).classes) < 3:
        return None
    wrong = found.predicted != found.test_labels
    if not wrong.any():
        return None
    p, labels = found.test_probabilities[wrong], found.test_labels[wrong]
    second = int((p.argsort(axis=1)[:, -2] == labels).sum())
    certain = int((p.max(axis=1) > CERTAIN).sum())
    sure = int((found.test_probabilities.max(axis=1) > CERTAIN).sum())
    return {
        "second": second,
        "errors": len(labels),
        "certain": certain,
        "sure": sure,
        "bound": CERTAIN,
    }


def where_to_gain(facts: Facts) -> Numbers:
    """The share of all errors between the hardest class and the one it is taken for most."""
    found = separate_pair(facts)
    if found is None:
        return None
    test = tested(facts)
    return {**found, "share": found["both"] / (test.n - test.correct)}


def separate_pair(facts: Facts) -> Numbers:
    """What it would bring to halve the confusions of the hardest class with one other."""
    found = hardest(facts)
    if found is None or not found["taken_for"]:
        return None
    error = found["taken_for"][0]
    both = error.count + _back(facts, error)
    return {"error": error, "both": both, "gain": both / 2 / tested(facts).n}
