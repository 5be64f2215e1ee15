"""The table of a recipe: its published figures beside those of the run."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.narrative import recipe as followed
from fmnist.report.published import TEST_IMAGES
from fmnist.report.tables.base import Table


def published(facts: Facts) -> Table | None:
    """Accuracy, loss and F1 as published and as measured; None without published numbers.

    They are about Fashion-MNIST, so there is none for other classes.
    """
    recipe, metrics = facts.run.recipe, facts.metrics
    if recipe is None or metrics is None or recipe.part or not facts.run.data.mirrors:
        return None
    figures, test = recipe.published, metrics.test
    rows = []
    if figures.accuracy is not None:
        rows.append(
            (
                "Test accuracy",
                followed.accuracy(figures),
                followed.published_interval(figures),
                text.percent(test.accuracy, test.n),
                text.interval(test.interval, test.n),
            )
        )
    if figures.loss is not None:
        rows.append(("Test loss", text.loss(figures.loss), "", text.loss(test.loss), ""))
    measured = {c.name: c.f1 for c in test.classes}
    rows += [
        (f"F1 of {name}", f"{value:g}", "", text.score(measured[name]), "")
        for name, value in figures.f1.items()
        if name in measured
    ]
    if not rows:
        return None
    interval = f"95{text.THIN}% interval"
    head = ("Figure", "Published", interval, "This run", interval)
    count = text.count(TEST_IMAGES)
    caption = (
        "The published figures beside those of this run; the interval of the published accuracy "
        f"takes it to rest on {count} test images"
    )
    return Table(caption, head, tuple(rows), numeric=(1, 2, 3, 4))
