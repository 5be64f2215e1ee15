"""Tables of the results."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.narrative import winner
from fmnist.report.narrative.final_model import view_names
from fmnist.report.narrative.results import confusions
from fmnist.report.tables.base import Table
from fmnist.runs.artifacts import REPORT
from fmnist.runs.records.calibration import Calibration
from fmnist.runs.records.metrics import Average, ClassScore, TestScore
from search.analysis.results import Interval

PAIRS_SHOWN = 8
SHORT_ROWS = 12
LONGEST_HEAD = 14
"""Letters of a word for which a column of the confusion matrix has room."""


def headline(facts: Facts) -> Table | None:
    """Accuracy and loss on validation and test images."""
    if facts.metrics is None:
        return None
    before = "Validation, before the refit" if facts.refit_used else "Validation"
    rows = tuple(
        (
            name,
            text.count(s.n),
            text.count(s.correct),
            text.percent(s.accuracy, s.n),
            text.interval(s.interval, s.n) if name == "Test" else "–",
            text.loss(s.loss),
        )
        for name, s in ((before, facts.metrics.validation), ("Test", facts.metrics.test))
    )
    head = ("Split", "Images", "Correct", "Accuracy", f"95{text.THIN}% interval", "Loss")
    caption = (
        "Accuracy and loss of the final network. Choices were made on the validation images, so "
        "they have no interval: the test row is the measurement"
    )
    if names := view_names(facts.metrics):
        caption += f". Each prediction is the mean over {names}"
    return Table(caption, head, rows, numeric=(1, 2, 3, 4, 5))


def gap(facts: Facts) -> Table | None:
    """The winner from its search value to the test set."""
    if facts.winner is None or facts.winner.value is None:
        return None
    n, metrics = facts.run.splits.validation, facts.metrics
    rows = [*_search_rows(facts, n)]
    if metrics is not None:
        validation, test = metrics.validation, metrics.test
        name = "Network before the refit" if facts.refit_used else "Final network"
        rows += [
            (
                f"{name}, validation",
                text.percent(validation.accuracy, validation.n),
                "–",
                "the epoch",
            ),
            (
                "Final network, test",
                text.percent(test.accuracy, test.n),
                text.interval(test.interval, test.n),
                "nothing",
            ),
        ]
    head = ("Measured", "Accuracy", f"95{text.THIN}% interval", "What it chose")
    caption = "From the search to the test set"
    if view_names(metrics):
        caption += "; search values are of the image alone, those of the final network means over "
        caption += "several views of it"
    return Table(caption, head, tuple(rows), numeric=(1, 2))


def _search_rows(facts: Facts, n: int) -> list[tuple[str, str, str, str]]:
    assert facts.winner is not None
    best = facts.confirmation.confirmed if facts.confirmation else None
    complete = text.counted(facts.complete_trials, "trial")
    chose = f"the {'winner' if best is None else 'candidates'}, of {complete}"
    name, value = f"Search, trial {facts.winner.number}", winner.search_value(facts)
    rows = [(name, text.percent(value, n), "–", chose)]
    if best is not None and best.mean is not None and facts.confirmation is not None:
        means = sum(c.mean is not None for c in facts.confirmation.candidates)
        rows.append(
            (
                f"Mean on {text.counted(len(best.values), 'fresh seed')}",
                text.percent(best.mean, n),
                "–" if best.interval is None else text.interval(best.interval, n),
                f"the winner, of {text.counted(means, 'mean')}",
            )
        )
    return rows


def confusion(test: TestScore) -> Table:
    """The confusion matrix in numbers: whole, or the errors of each class where there are many."""
    names = [c.name for c in test.classes]
    if len(names) > text.FEW_CLASSES or any(
        len(word) > LONGEST_HEAD for n in names for word in n.split()
    ):
        return _errors(test)
    rows = tuple(
        (name, *(text.count(n) for n in row))
        for name, row in zip(names, test.confusion, strict=True)
    )
    caption = (
        "Confusion matrix of the test set in numbers: true classes in rows, predicted in columns"
    )
    numeric = tuple(range(1, len(names) + 1))
    head = ("True class", *names)
    return Table(caption, head, rows, numeric=numeric, dense=True, sortable=False)


def _errors(test: TestScore) -> Table:
    """Of each class the hits, and what else it was taken for: all cells that are not empty."""
    names = [c.name for c in test.classes]
    rows = []
    for true, counts in enumerate(test.confusion):
        wrong = [k for k, n in enumerate(counts) if n and k != true]
        wrong.sort(key=lambda k: -counts[k])
        errors = ", ".join(f"{names[k]} ({text.count(counts[k])})" for k in wrong)
        hits, images = counts[true], sum(counts)
        rows.append((names[true], text.count(images), text.count(hits), errors or "–"))
    head = ("True class", "Images", "Correct", "Taken for (how often)")
    caption = "Confusion matrix of the test set in numbers: for each true class the predicted ones"
    return Table(caption, head, tuple(rows), numeric=(1, 2), dense=True, sortable=False)


def classes(test: TestScore, most: int | None = None) -> Table:
    """Scores of each class with macro and weighted averages, and intervals where there are some.

    Recall has Wilson's interval; those of F1 and AP are bootstrapped.

    Args:
        most: rows for so many classes at most, those of the lowest F1.
    """
    shown = hardest(test, most)
    averages = {"macro average": test.macro}
    if len({c.support for c in test.classes}) > 1:  # else the two are the same
        averages["weighted average"] = test.weighted
    span = f"95{text.THIN}% interval"
    between = (span,) if test.bootstrap else ()
    precise = between if any(c.precision_interval for c in test.classes) else ()
    head = (
        "Class", "Precision", *precise, "Recall", span, "F1", *between, "AP", *between, "Images",
    )  # fmt: skip
    caption = "Scores of each class on the test set"
    if len(shown) < len(test.classes):
        caption = f"The {len(shown)} classes of the lowest F1 on the test set ({REPORT} has all)"
    if test.bootstrap:
        caption += ", each with its interval to the right"
    rows = [_class_row(c, test) if c.support else _untested(c.name, len(head)) for c in shown]
    rows += [_class_row(average, test, name) for name, average in averages.items()]
    numeric, foot = tuple(range(1, len(head))), len(averages)
    dense = bool(precise)
    return Table(
        caption + _averaged(test), head, tuple(rows), numeric=numeric, foot=foot, dense=dense
    )


def hardest(test: TestScore, most: int | None) -> list[ClassScore]:
    """The classes with test images of the lowest F1, at most so many, in their order."""
    ranked = sorted(enumerate(test.classes), key=lambda c: (not c[1].support, c[1].f1))[:most]
    return [c for _, c in sorted(ranked, key=lambda c: c[0])]


def classes_in_short(test: TestScore) -> Table:
    """Precision, recall and F1 of each class; of many classes those of the lowest F1."""
    shown = hardest(test, SHORT_ROWS)
    rows = [
        _short_row(c.name, c, _span(c.recall_interval)) if c.support else _untested(c.name, 5)
        for c in shown
    ]
    rows.append(_short_row("macro average", test.macro, ""))
    caption = f"Scores of each class; recall with its 95{text.THIN}% interval"
    if len(shown) < len(test.classes):
        caption = f"The {len(shown)} classes of the lowest F1; recall with its interval"
    head = ("Class", "Precision", "Recall", "Interval", "F1")
    caption += _averaged(test)
    return Table(caption, head, tuple(rows), numeric=(1, 2, 3, 4), foot=1, dense=True)


def _averaged(test: TestScore) -> str:
    tested = len(test.tested_classes)
    if tested == len(test.classes):
        return ""
    return f"; averages are over the {tested} classes with test images"


def _short_row(name: str, of: ClassScore | Average, span: str) -> tuple[str, ...]:
    return (name, text.score(of.precision), text.score(of.recall), span, text.score(of.f1))


def _untested(name: str, columns: int) -> tuple[str, ...]:
    return (name, *["–"] * (columns - 2), "no test images")


def _class_row(of: ClassScore | Average, test: TestScore, name: str = "") -> tuple[str, ...]:
    one = of if isinstance(of, ClassScore) else None
    f1, ap = (
        (_span(interval),) if test.bootstrap else ()
        for interval in (of.f1_interval, of.average_precision_interval)
    )
    precise = any(c.precision_interval for c in test.classes)
    return (
        one.name if one else name,
        text.score(of.precision),
        *((_span(one.precision_interval if one else None),) if precise else ()),
        text.score(of.recall),
        _span(one.recall_interval) if one else "",
        text.score(of.f1),
        *f1,
        text.score(of.average_precision),
        *ap,
        text.count(one.support if one else test.n),
    )


def _span(bounds: Interval | None) -> str:
    """Bounds of a score; nothing where an average has none."""
    return "" if bounds is None else f"{bounds[0]:.3f}–{bounds[1]:.3f}"


def calibration(found: Calibration) -> Table:
    """Calibration before and after temperature scaling."""
    rows = tuple(
        (
            name,
            text.percent(side.ece),
            text.interval(side.ece_interval),
            text.percent(side.ece_by_chance),
            text.loss(side.loss),
            text.score(side.brier),
        )
        for name, side in (("As the network gives them", found.before),
                           (f"After the temperature {found.temperature:.2f}", found.after))
    )  # fmt: skip
    head = (
        "Probabilities", "ECE", f"95{text.THIN}% interval", "By chance", "Loss", "Brier score",
    )  # fmt: skip
    caption = (
        "Calibration on the test set: the expected calibration error (ECE), an approximate "
        "interval of the true one, which lies lower and may leave out that of the sample, what a "
        "perfectly calibrated network stays below in 95 of 100 such samples, "
        "mean cross-entropy and Brier’s score"
    )
    return Table(caption, head, rows, numeric=(1, 2, 3, 4, 5))


def pairs(test: TestScore) -> Table | None:
    """The most frequent errors."""
    found = confusions(test)[:PAIRS_SHOWN]
    if not found:
        return None
    rows = tuple(
        (
            c.true,
            c.predicted,
            text.count(c.count),
            text.percent(c.count / c.support, digits=1),
            text.percent(c.share_of_errors, digits=1),
        )
        for c in found
    )
    head = ("True class", "Predicted as", "Images", "Of the class", "Of all errors")
    caption = "The most frequent errors on the test set"
    return Table(caption, head, rows, numeric=(2, 3, 4), dense=True)
