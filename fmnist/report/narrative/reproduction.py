"""What the comparison of a repeated run with its record says."""

from __future__ import annotations

from fmnist.report import text
from fmnist.runs.records.reproduction import Reproduction


def verdict(found: Reproduction) -> str:
    """The verdict in plain words."""
    n = found.repeated.n
    if found.same_predictions == n:
        return (
            f"The numbers hold: all {text.count(n)} test images are given the same class as in "
            f"{found.source}."
        )
    accuracies = (
        f"{text.percent(found.recorded.accuracy, n)} of {text.count(n)} test images then, "
        f"{text.percent(found.repeated.accuracy, n)} now"
    )
    span = (
        f"{text.signed_points(found.difference)} percentage points, 95{text.THIN}% interval "
        f"{text.point_span(found.interval)}"
    )
    how = f"exact McNemar test, p = {text.p_value(found.p)}" if found.p is not None else (
        "interval for two independent samples; the PDF does not say which images were right"
    )  # fmt: skip
    if found.holds:
        return (
            f"The numbers hold: {accuracies}. The difference ({span}; {how}) is within what "
            "chance allows."
        )
    why = " Versions or machine are not those of the recorded run." if found.differences else ""
    return (
        f"The numbers do not hold: {accuracies}. The difference ({span}; {how}) is larger than "
        f"the choice of the test images explains. Chance in training can add to it.{why}"
    )
