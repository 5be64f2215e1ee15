"""The published system that a run follows, beside what the run measured: in sentences."""

from __future__ import annotations

from fmnist.analysis.intervals import wilson_interval
from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.published import TEST_IMAGES, comparable
from fmnist.runs.records.run import PublishedFigures, RecipeRecord


def summary(facts: Facts) -> str:
    """Which recipe it is, and how its figure compares; empty where the run follows none."""
    recipe = facts.run.recipe
    if recipe is None:
        return ""
    return f"{_named(recipe)} {verdict(facts)}".strip()


def _named(recipe: RecipeRecord) -> str:
    part = f", the network “{recipe.part}”" if recipe.part else ""
    return f"This run follows the recipe {recipe.name}, “{recipe.title}”{part}."


def about(facts: Facts) -> list[str]:
    """Source, what the original does, what is done otherwise here: a paragraph each."""
    recipe = facts.run.recipe
    if recipe is None:
        return []
    paragraphs = [_named(recipe), f"{recipe.source}. {recipe.does}", recipe.notes]
    if recipe.changed:
        paragraphs.append(f"Changed on the command line: {text.listing(list(recipe.changed))}.")
    return [p for p in paragraphs if p]


def verdict(facts: Facts) -> str:
    """The published accuracy beside the measured one: above, below, or tied."""
    recipe, metrics = facts.run.recipe, facts.metrics
    if recipe is None or metrics is None or recipe.part:
        return ""
    published, test = recipe.published, metrics.test
    if published.accuracy is None:
        return f"Its author reports that {published.finding}." if published.finding else ""
    reported = f"Its author reports {accuracy(published)} on the test set"
    if not comparable(facts):
        return f"{reported} of Fashion-MNIST, which is not the one of this run."
    low, high = _published_interval(published)
    if test.interval[0] > high:
        result = "above it"
    elif test.interval[1] < low:
        result = "below it"
    else:
        result = "tied with it: the intervals overlap"
    return (
        f"{reported}; this run reaches "
        f"{text.percent(test.accuracy, test.n)} (95{text.THIN}% interval "
        f"{text.interval(test.interval, test.n)}), {result}."
    )


def accuracy(published: PublishedFigures) -> str:
    """``89.44 %``, ``89–91 %``, or a dash."""
    if published.accuracy is None:
        return "–"
    ends = [e for e in (published.accuracy, published.accuracy_high) if e is not None]
    return "–".join(f"{100 * e:g}" for e in ends) + f"{text.THIN}%"


def published_interval(published: PublishedFigures) -> str:
    """The 95 % interval that the published accuracy has by chance alone, or a dash."""
    if published.accuracy is None:
        return "–"
    return text.interval(_published_interval(published))


def _published_interval(published: PublishedFigures) -> tuple[float, float]:
    assert published.accuracy is not None
    n = TEST_IMAGES
    highest = published.accuracy_high or published.accuracy
    low, _ = wilson_interval(round(published.accuracy * n), n)
    return low, wilson_interval(round(highest * n), n)[1]
