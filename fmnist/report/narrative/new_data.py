"""What the user's own pictures say of the network, in sentences no stronger than their number."""

from __future__ import annotations

from collections.abc import Sequence

from fmnist.report import text
from fmnist.report.text import THIN
from fmnist.runs.records.new_data import FEWEST, HIGHER, LOWER, NewData


def summary(found: NewData) -> list[str]:
    """Accuracy, its difference from the test images, and what that means."""
    return [_accuracy(found), _beside_test(found), _same_classes(found), meaning(found)]


def _accuracy(found: NewData) -> str:
    verb = "is" if 1 in (found.n, found.correct) else "are"
    return (
        f"{text.count(found.correct)} of {text.counted(found.n, 'picture')} {verb} classified "
        f"correctly, {text.percent(found.accuracy, found.n)} (95{THIN}% interval "
        f"{text.interval(found.interval, found.n)}, Wilson)."
    )


def _beside_test(found: NewData) -> str:
    return (
        f"Of the {text.count(found.test_n)} test images "
        f"{text.percent(found.test.accuracy, found.test_n)} are. The difference is "
        f"{points(found.test.difference)} percentage points (95{THIN}% interval "
        f"{span(found.test.interval)}, Newcombe)."
    )


def _same_classes(found: NewData) -> str:
    if found.same_classes is None:
        untested = "No test image is of some classes of these pictures"
        return f"{untested}, so how they are spread over the classes is not accounted for."
    return (
        "The pictures may be spread over the classes otherwise than the test images: were each "
        "class recognised as often as on those, "
        f"{text.percent(found.same_classes.accuracy, found.n)} of the pictures would be classified "
        f"correctly. From that the difference is {points(found.same_classes.difference)} "
        f"percentage points ({span(found.same_classes.interval)})."
    )


def meaning(found: NewData) -> str:
    """What the difference from the test images shows, and what it does not."""
    if found.n < FEWEST:
        return f"{_few(found)}Fewer than {FEWEST} decide nothing."
    like = reference(found)
    said = {
        LOWER: f"On these pictures the network is right less often than on {like}, by more than "
        "chance explains. Why was not measured: background, light, angle, the preparation or other "
        "kinds of article may each be a reason.",
        HIGHER: f"On these pictures the network is right more often than on {like}, by more than "
        "chance explains. Easier pictures may be the reason: that it is better elsewhere too is "
        "not shown.",
    }.get(
        found.verdict,
        f"A difference from {like} is not shown, and that there is none is not shown either: "
        f"anything from {span(found.fairest.interval)} percentage points agrees with these "
        "pictures.",
    )
    return f"{_few(found)}{said}"


def reference(found: NewData) -> str:
    """What the verdict compares the pictures with."""
    return "test images of the same classes" if found.same_classes else "the test images"


def _few(found: NewData) -> str:
    """That there are too few pictures, where there are."""
    if not found.few:
        return ""
    low, high = found.interval
    count = "One picture says" if found.n == 1 else f"{text.count(found.n)} pictures say"
    wide = f"{100 * (high - low):.0f}"
    return f"{count} little: the interval of their accuracy is {wide} percentage points wide. "


def points(difference: float) -> str:
    """A difference in percentage points, as few pictures carry it."""
    return text.signed_points(difference, digits=1)


def span(bounds: Sequence[float]) -> str:
    """Bounds of such a difference: ``−31.2 to −5.1``."""
    return " to ".join(map(points, bounds))
