"""Findings about the results on the test set."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.findings.base import CAUTION, NOTE, WARNING, Finding
from fmnist.report.narrative import results
from fmnist.runs.records.calibration import Calibration
from fmnist.runs.records.metrics import ClassScore, TestScore

SECTION = "results"
HARD = 2.0
"""A class that surely errs this many times as often as the average is a caution."""
MISSED = 0.5
"""A class of which surely more than half is missed is a warning: a coin would do as well."""
MISLEADING = 0.02
"""ECE from which a reader of the probabilities is misled: 98 % would then mean 96 or 100."""
LARGE_FALL = 0.02
"""A fall to the test that is four times the half width of the interval of 10,000 images."""


def class_hard(facts: Facts) -> list[Finding] | None:
    """The class of the lowest recall lies, with its whole interval, below the accuracy."""
    if facts.metrics is None:
        return None
    test = facts.metrics.test
    worst = results.hardest(test)
    if worst.recall_interval[1] >= test.accuracy:
        return []
    sentence = (
        f"Of the class {worst.name}, {text.percent(worst.recall, digits=1)} of the images are "
        f"found (95{text.THIN}% interval {text.interval(worst.recall_interval, digits=1)}), the "
        f"fewest of all classes.{_mistaken(test, worst)}"
    )
    title = f"{worst.name} is hard to tell"
    return [Finding("class-hard", title, _hardness(test, worst), sentence, SECTION)]


def _hardness(test: TestScore, worst: ClassScore) -> str:
    surely_found = worst.recall_interval[1]
    if surely_found < MISSED:
        return WARNING
    return CAUTION if 1 - surely_found > HARD * (1 - test.accuracy) else NOTE


def _mistaken(test: TestScore, worst: ClassScore) -> str:
    """What the images of a class are most often taken for."""
    error = next((c for c in results.confusions(test) if c.true == worst.name), None)
    if error is None:
        return ""
    return (
        f" Most often it is taken for {error.predicted}: {text.count(error.count)} of "
        f"{text.counted(error.support, 'image')}."
    )


def miscalibrated(facts: Facts) -> list[Finding] | None:
    """The calibration error is larger than chance makes that of a calibrated network."""
    if facts.metrics is None or facts.metrics.calibration is None:
        return None
    found = facts.metrics.calibration
    if found.before.within_chance:
        return []
    severity = CAUTION if found.before.ece >= MISLEADING else NOTE
    sentence = (
        f"The network states a mean probability of {text.percent(found.before.mean_confidence)} "
        f"and is right in {text.percent(facts.metrics.test.accuracy)} of the cases; its expected "
        f"calibration error is {text.percent(found.before.ece)}.{_mended(found)}"
    )
    return [Finding("miscalibrated", "Probabilities are off", severity, sentence, SECTION)]


def _mended(found: Calibration) -> str:
    if found.after.ece >= found.before.ece:
        return ""
    return (
        f" A temperature fitted on validation images brings that to "
        f"{text.percent(found.after.ece)}."
    )


def above_test(facts: Facts) -> list[Finding] | None:
    """Validation accuracy lies above test accuracy by more than the sample sizes explain."""
    if facts.metrics is None:
        return None
    fall = facts.metrics.validation.accuracy - facts.metrics.test.accuracy
    if fall <= 0 or results.by_chance(facts.metrics):
        return []
    severity = CAUTION if fall >= LARGE_FALL else NOTE
    validation = facts.metrics.validation
    chosen = "the configuration and the epoch were" if facts.by_search else "the epoch was"
    sentence = (
        f"Test accuracy lies {text.points(fall)} below the validation accuracy of "
        f"{text.percent(validation.accuracy, validation.n)}, more than chance in drawing images "
        f"explains: {chosen} chosen on the validation images, so only the test figure is fair."
    )
    title = "Validation accuracy above test accuracy"
    return [Finding("validation-above-test", title, severity, sentence, SECTION)]
