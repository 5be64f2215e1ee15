"""Findings about the results on the test set."""

from __future__ import annotations

from fmnist.report import published, text
from fmnist.report.facts import Facts
from fmnist.report.findings import training as run
from fmnist.report.findings.base import CAUTION, NOTE, WARNING, Finding
from fmnist.report.narrative import calibration, final_model, results
from fmnist.runs.records.calibration import Calibration
from fmnist.runs.records.metrics import ClassScore, TestScore

SECTION = "results"
INTERVAL = f"95{text.THIN}% interval"
FEW_CHOICES = 10
"""Complete trials below which a choice among them could not be seen in the accuracies."""
HARD = 2.0
"""A class that surely errs this many times as often as the average is a caution."""
MISSED = 0.5
"""A class of which surely more than half is missed is a warning: a coin would do as well."""
MISLEADING = 0.02
"""ECE from which a reader of the probabilities is misled: 98 % would then mean 96 or 100."""
USUAL_HARDEST = 0.7
"""Recall of the hardest class that every network on Fashion-MNIST passes that was trained to its
end: Shirt had 0.758 in the recorded run of 92.45 %."""
ATTRACTS = 0.1
"""A precision so far below the mean of all classes, its class draws images of others."""
LARGE_FALL = 0.02
"""A fall to the test that is four times the half width of the interval of 10,000 images."""


def guessing(facts: Facts) -> list[Finding] | None:
    """The accuracy is within its interval no higher than always naming the most frequent class."""
    if facts.metrics is None:
        return None
    test = facts.metrics.test
    if not test.guesses:
        return []
    share = text.percent(test.largest_share, test.n)
    sentence = (
        f"The test accuracy of {text.percent(test.accuracy, test.n)} "
        f"(95{text.THIN}% interval {text.interval(test.interval, test.n)}) is no better than "
        f"always naming the most frequent class, which {share} of the test "
        "images have: nothing was learnt that helps on new images."
    )
    return [Finding("guessing", "No better than guessing", WARNING, sentence, SECTION)]


def class_untested(facts: Facts) -> list[Finding] | None:
    """A class has no test images, so the test says nothing of it."""
    if facts.metrics is None:
        return None
    test = facts.metrics.test
    absent = [c.name for c in test.classes if not c.support]
    if not absent:
        return []
    sentence = (
        f"The test set holds no image of {text.listing(absent)}, so how well the network tells "
        f"{'that class' if len(absent) == 1 else 'those classes'} is not known; averages are over "
        f"the other {len(test.tested_classes)} classes."
    )
    title = f"No test images of {text.counted(len(absent), 'class', 'classes')}"
    return [Finding("class-untested", title, CAUTION, sentence, SECTION)]


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
    title = f"{worst.name} is recognised least often"
    severity = _hardness(test, worst)
    if published.comparable(facts) and worst.recall_interval[1] >= USUAL_HARDEST:
        severity = NOTE
    return [Finding("class-hard", title, severity, sentence, SECTION)]


def class_attracts(facts: Facts) -> list[Finding] | None:
    """A class that draws images of others: its precision lies far below the mean."""
    if facts.metrics is None:
        return None
    test = facts.metrics.test
    low = [c for c in test.tested_classes if c.precision < test.macro.precision - ATTRACTS]
    if not low:
        return []
    named = text.listing(
        [f"{c.name} ({text.score(c.precision)})" for c in sorted(low, key=lambda c: c.precision)]
    )
    sentence = (
        f"The precision of {named} lies far below the mean of {text.score(test.macro.precision)}: "
        "an image that is called so is often something else."
    )
    title = f"{low[0].name} attracts others" if len(low) == 1 else "Classes that attract others"
    return [Finding("class-attracts", title, NOTE, sentence, SECTION)]


def below_expected(facts: Facts) -> list[Finding] | None:
    """The accuracy lies below what the plan forecast by recorded runs."""
    usual = facts.plan.forecast if facts.plan else None
    if usual is None or facts.metrics is None or not published.comparable(facts):
        return None
    test = facts.metrics.test
    if test.interval[1] >= usual.low:
        return []
    sentence = (
        f"{text.percent(test.accuracy, test.n)} ({INTERVAL} "
        f"{text.interval(test.interval, test.n)}) lies below what the plan forecast from "
        f"{text.counted(usual.runs, 'recorded run')}: 90{text.THIN}% of runs reach "
        f"{text.interval((usual.low, usual.high))}."
    )
    title = "Below what this plan usually reaches"
    return [Finding("below-expected", title, WARNING, sentence, SECTION, run.remedy(facts))]


def below_baseline(facts: Facts) -> list[Finding] | None:
    """The accuracy is not above that of networks without convolutions, its own or published."""
    own = facts.metrics.baseline if facts.metrics else None
    if own is not None and own.lead.interval[0] <= 0:
        sentence = (
            f"{text.percent(own.accuracy, own.n)} is what a dense network of as many parameters "
            f"reaches in this run; the lead over it, {text.point_span(own.lead.interval)} "
            f"({INTERVAL}), may be none."
        )
        title = "Not above the dense baseline"
        return [Finding("below-baseline", title, WARNING, sentence, "results", run.remedy(facts))]
    if facts.metrics is None or not published.comparable(facts):
        return None if own is None else []
    if facts.best is not None and facts.best.dense:
        return None
    test = facts.metrics.test
    rows = [r for r in published.load_published() if r.name in published.BASELINES]
    not_passed = [r for r in rows if test.interval[0] <= r.accuracy]
    if not not_passed:
        return []
    named = text.listing([f"{r.name} ({text.percent(r.accuracy, digits=1)})" for r in not_passed])
    sentence = (
        f"{text.percent(test.accuracy, test.n)} ({INTERVAL} "
        f"{text.interval(test.interval, test.n)}) is not shown to be above what was published "
        f"without a convolutional network: {named}."
    )
    dense = any(r.name == published.BASELINES[0] for r in not_passed)
    severity, title = (WARNING if dense else NOTE), "Not above a baseline"
    return [Finding("below-baseline", title, severity, sentence, "comparison", run.remedy(facts))]


def several_reads(facts: Facts) -> list[Finding] | None:
    """Other runs in the folder had read the same test set before this one."""
    if facts.metrics is None or facts.metrics.single_view is None:
        return None  # older runs did not count
    earlier = facts.metrics.earlier_runs
    if not earlier:
        return []
    sentence = (
        f"{text.counted(earlier, 'other finished run')} in this folder had read the same test "
        "images. If this run was picked among them by its test accuracy, that is too high."
    )
    title = "The test set was read by several runs"
    return [Finding("several-reads", title, NOTE, sentence, "method")]


def view_gain(facts: Facts) -> list[Finding] | None:
    """What the mean over several views of an image brought."""
    sentence = final_model.view_gain(facts)
    if not sentence:
        return None
    return [Finding("view-gain", "Several views of an image", NOTE, sentence, SECTION)]


def calibration_remains(facts: Facts) -> list[Finding] | None:
    """After the temperature the calibration error still is above its level of chance."""
    found = facts.metrics.calibration if facts.metrics else None
    if found is None:
        return None
    if found.after.within_chance:
        return []
    sentence = (
        f"After temperature scaling the expected calibration error is "
        f"{text.percent(found.after.ece)}, above the {text.percent(found.after.ece_by_chance)} "
        "that chance explains."
    )
    title = "Calibration is not wholly mended"
    return [Finding("calibration-remains", title, NOTE, sentence, SECTION)]


def _hardness(test: TestScore, worst: ClassScore) -> str:
    surely_found = worst.recall_interval[1]
    if surely_found < MISSED:
        return WARNING
    return CAUTION if 1 - surely_found > HARD * (1 - test.accuracy) else NOTE


def _mistaken(test: TestScore, worst: ClassScore) -> str:
    """What the images of a class are most often taken for."""
    error = next(iter(results.confusions(test, worst.name)), None)
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
    timid = calibration.underconfident(facts)
    smoothed = bool(facts.best and facts.best.values().get("label_smoothing"))
    misled = found.before.ece >= MISLEADING and not (timid and smoothed)
    sentence = (
        f"The network states a mean probability of {text.percent(found.before.mean_confidence)} "
        f"and is right in {text.percent(facts.metrics.test.accuracy)} of the cases; its expected "
        f"calibration error is {text.percent(found.before.ece)}.{_mended(found)}"
        f"{calibration.cause(facts)}"
    )
    title = f"The network is {'under' if timid else 'over'}-confident"
    severity = CAUTION if misled else NOTE
    return [Finding("miscalibrated", title, severity, sentence, SECTION)]


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
        complete = facts.complete_trials
        return None if facts.by_search and complete < FEW_CHOICES else []
    severity = CAUTION if fall >= LARGE_FALL else NOTE
    validation = facts.metrics.validation
    sentence = (
        f"Test accuracy lies {text.points(fall)} below the validation accuracy of "
        f"{text.percent(validation.accuracy, validation.n)}; two samples of these sizes usually "
        f"differ by up to {text.points(results.usual_gap(validation, facts.metrics.test))}. "
        "Possible reasons are the choice on the validation images, and test images that are a "
        "little different; which of them was not measured."
    )
    title = "Validation accuracy above test accuracy"
    return [Finding("validation-above-test", title, severity, sentence, SECTION)]
