"""The numbers that an author's text may name, ``{{ test.accuracy }}``, as the report has them.

The text is a Jinja template of names and nothing else: no expression, no loop, no call.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.handin import performance
from fmnist.report.handin.performance import tested
from fmnist.report.markdown import MarkdownError, rendered
from fmnist.report.narrative import new_data, results
from fmnist.runs.records.metrics import ClassScore, History
from fmnist.runs.records.score import Score

Values = Mapping[str, Any]
"""Name to its text, or to a table of such."""
HEADING = "h3"
"""Headings in an author's text stand below that of the section, an h2."""


def _score(score: Score) -> dict[str, str]:
    return {
        "accuracy": text.percent(score.accuracy, score.n),
        "interval": text.interval(score.interval, score.n),
        "loss": text.loss(score.loss),
        "images": text.count(score.n),
        "correct": text.count(score.correct),
        "errors": text.count(score.n - score.correct),
    }


def _run(facts: Facts) -> dict[str, str]:
    run = facts.run
    seed, started = str(run.request.seed), text.moment(run.created)
    return {"name": run.name, "version": run.version, "seed": seed, "started": started}


def _data(facts: Facts) -> dict[str, str]:
    splits = facts.run.splits
    sizes = {"training": splits.train, "validation": splits.validation, "test": splits.test}
    counts = {name: text.count(n) for name, n in sizes.items()}
    return {"name": facts.run.data.name, "classes": str(len(facts.class_names)), **counts}


def _test(facts: Facts) -> dict[str, str]:
    test = tested(facts)
    macro = {name: text.score(getattr(test.macro, name)) for name in _MEANS}
    return _score(test) | macro


def _hardest(facts: Facts) -> dict[str, str]:
    worst = results.hardest(tested(facts))
    wrong = [c.predicted for c in results.confusions(tested(facts), worst.name)]
    taken = {"taken_for": wrong[0]} if wrong else {}
    scores = {name: text.score(getattr(worst, name)) for name in _MEANS}
    return {"name": worst.name, **scores, **taken}


def _training(history: History) -> dict[str, str]:
    return {
        "epochs": text.count(len(history.epochs)),
        "kept_epoch": text.count(history.chosen_epoch),
        "images": text.count(history.training_images),
        "time": text.duration(sum(e.seconds for e in history.epochs)),
    }


def _search(facts: Facts) -> dict[str, str]:
    counts = {"trials": len(facts.trials), "complete": facts.complete_trials}
    return {name: text.count(n) for name, n in counts.items()} if facts.by_search else {}


def _baseline(facts: Facts) -> dict[str, str]:
    dense = performance.anchor(facts, performance.DENSE)
    published = {"dense": text.percent(dense.result.accuracy, digits=1)} if dense else {}
    found = facts.metrics.baseline if facts.metrics else None
    trained = {"trained": text.percent(found.accuracy, found.n)} if found else {}
    constant = text.percent(performance.constant(facts), tested(facts).n)
    return {"constant": constant, **published, **trained}


def _calibration(facts: Facts) -> dict[str, str]:
    found = facts.metrics.calibration if facts.metrics else None
    return {"before": text.percent(found.before.ece), "after": text.percent(found.after.ece)} if (
        found
    ) else {}  # fmt: skip


def _new_data(facts: Facts) -> dict[str, str]:
    found = facts.new_data
    if found is None:
        return {}
    return {
        "accuracy": text.percent(found.accuracy, found.n),
        "interval": text.interval(found.interval, found.n),
        "images": text.count(found.n),
        "correct": text.count(found.correct),
        "errors": text.count(found.n - found.correct),
        "difference": new_data.points(found.test.difference),
        "difference_interval": new_data.span(found.test.interval),
    }


def _by_class(name: str) -> Callable[[Facts], dict[str, str]]:
    def scores(facts: Facts) -> dict[str, str]:
        classes: tuple[ClassScore, ...] = tested(facts).classes
        return {c.name: text.score(getattr(c, name)) for c in classes}

    return scores


def _confused(facts: Facts) -> dict[str, dict[str, str]]:
    names = facts.class_names
    return {
        true: {said: text.count(n) for said, n in zip(names, row, strict=True)}
        for true, row in zip(names, tested(facts).confusion, strict=True)
    }


_SCORES = ("accuracy", "interval", "loss", "images", "correct", "errors")
_NEW = ("accuracy", "interval", "images", "correct", "errors", "difference", "difference_interval")
_MEANS = ("precision", "recall", "f1")
GROUPS: dict[str, tuple[tuple[str, ...], Callable[[Facts], Values]]] = {
    "test": ((*_SCORES, *_MEANS), _test),
    "validation": (
        _SCORES,
        lambda facts: _score(facts.metrics.validation) if facts.metrics else {},
    ),
    "hardest": (("name", *_MEANS, "taken_for"), _hardest),
    "baseline": (("constant", "dense", "trained"), _baseline),
    "calibration": (("before", "after"), _calibration),
    "new_data": (_NEW, _new_data),
    "network": (
        ("parameters",),
        lambda facts: (
            {"parameters": text.count(facts.evidence.parameters)}
            if facts.evidence and facts.evidence.parameters is not None
            else {}
        ),
    ),
    "training": (
        ("epochs", "kept_epoch", "images", "time"),
        lambda facts: _training(facts.history) if facts.history else {},
    ),
    "search": (("trials", "complete"), _search),
    "data": (("name", "classes", "training", "validation", "test"), _data),
    "run": (("name", "version", "seed", "started"), _run),
}
"""Group to its names, and to their texts in a run; what a run lacks is left out there."""
TABLES: dict[str, tuple[str, Callable[[Facts], Values]]] = {
    "recall": ('["CLASS"]', _by_class("recall")),
    "precision": ('["CLASS"]', _by_class("precision")),
    "f1": ('["CLASS"]', _by_class("f1")),
    "confused": ('["TRUE CLASS"]["PREDICTED CLASS"]', _confused),
    "config": (
        ".HYPERPARAMETER",
        lambda facts: (
            {name: text.value(v) for name, v in facts.best.values().items()} if facts.best else {}
        ),
    ),
}
"""Tables whose names depend on the run: how they are written, and their texts in it."""
KNOWN = (
    *(f"{group}.{name}" for group, (names, _) in GROUPS.items() for name in names),
    *(f"{table}{form}" for table, (form, _) in TABLES.items()),
)


def values_of(facts: Facts) -> Values:
    """All names with their texts in a finished run."""
    return {name: find(facts) for name, (_, find) in (*GROUPS.items(), *TABLES.items())}


class _Sandbox(ImmutableSandboxedEnvironment):
    """Knows no function, filter or test."""

    def __init__(self, **options: Any) -> None:
        super().__init__(keep_trailing_newline=True, **options)
        self.globals, self.filters, self.tests = {}, {}, {}


def check(file: str, source: str) -> None:
    """Refuse a text that is broken whatever the run.

    Raises:
        MarkdownError: no valid template of names, a name that no run has, or broken Markdown.
    """
    for line, path in _names(file, source):
        if path[0] in TABLES:
            continue
        if len(path) != 2 or path[0] not in GROUPS or path[1] not in GROUPS[path[0]][0]:
            raise MarkdownError(
                f"{file}, line {line}: unknown number {'.'.join(path)!r}; known are "
                f"{', '.join(KNOWN)}"
            )
    rendered(file, source, HEADING)


def fill(file: str, source: str, values: Values) -> str:
    """The text as HTML, each name in it replaced by what it stands for.

    Raises:
        MarkdownError: as ``check``, a name that this run does not have, or one in a formula.
    """
    for line, path in _names(file, source):
        _look_up(file, line, path, values)
    word = "number"
    while word in source:  # stands for a value while Markdown is read, so that it stays a text
        word += "x"
    found: list[str] = []

    def keep(value: Any) -> str:
        found.append(str(value))
        return f"{word}{len(found):06d}"

    template = _Sandbox(finalize=keep).from_string(source)
    page = rendered(file, template.render(values), HEADING)
    page, n = re.subn(rf"{word}(\d{{6}})", lambda m: html.escape(found[int(m[1]) - 1]), page)
    if n < len(found):
        raise MarkdownError(f"{file}: a formula is drawn as it stands, without numbers of the run")
    return page


def _look_up(file: str, line: int, path: tuple[str, ...], values: Values) -> None:
    place: Any = values
    for i, name in enumerate(path):
        if not isinstance(place, Mapping) or name not in place:
            known = ", ".join(place) if isinstance(place, Mapping) else "nothing further"
            raise MarkdownError(
                f"{file}, line {line}: this run has no number {'.'.join(path)!r}; known under "
                f"{'.'.join(path[:i]) or 'all names'} are {known or 'none'}"
            )
        place = place[name]
    if not isinstance(place, str):
        raise MarkdownError(
            f"{file}, line {line}: {'.'.join(path)!r} is a table; name one of {', '.join(place)}"
        )


def _names(file: str, source: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and parts of each name between ``{{`` and ``}}``."""
    try:
        tree = _Sandbox().parse(source)
    except TemplateSyntaxError as error:
        raise MarkdownError(f"{file}, line {error.lineno}: {error.message}") from None
    except RecursionError:
        raise MarkdownError(f"{file}: is nested too deeply") from None
    for block in tree.body:
        for node in block.nodes if isinstance(block, nodes.Output) else [block]:
            if isinstance(node, nodes.TemplateData):
                continue
            path = _path(node)
            if path is None:
                raise MarkdownError(
                    f"{file}, line {node.lineno}: only a name such as {{{{ test.accuracy }}}} can "
                    f"be filled in; write {{% raw %}} and {{% endraw %}} around other braces"
                )
            yield node.lineno, path


def _path(node: nodes.Node) -> tuple[str, ...] | None:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        name, inner = node.attr, _path(node.node)
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        name, inner = str(node.arg.value), _path(node.node)
    else:
        return None
    return (*inner, name) if inner else None
