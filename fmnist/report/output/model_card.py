"""The model card of a run: Markdown with a YAML head, in the shape that Hugging Face reads."""

from __future__ import annotations

import html
import re
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.findings import NOTE, find
from fmnist.report.narrative import results, training
from fmnist.report.narrative.winner import start_trial

FILE, TEMPLATE = "model_card.md", "model_card.md.j2"
HUB_DATA = "zalando-datasets/fashion_mnist"
"""Name of the published data set on the Hugging Face hub."""
_MARKS = re.compile(r"([\\`*_\[\]|~#])")


def model_card(environment: Environment, facts: Facts, title: str) -> str:
    """The card as text; empty where the run has no test figures yet.

    Args:
        environment: of the templates; texts of the run are escaped for HTML and for Markdown.
        title: of the report.
    """
    metrics, best = facts.metrics, facts.best
    if metrics is None or best is None:
        return ""
    card = environment.overlay(finalize=plain)
    return card.get_template(TEMPLATE).render(
        title=title,
        name=facts.run.name,
        run=facts.run,
        hub_data=HUB_DATA,
        test=metrics.test,
        validation=metrics.validation,
        flip=metrics.test_time_flip,
        shift=metrics.test_time_shift,
        refit=facts.refit if facts.refit_used else None,
        ensemble=metrics.ensemble,
        history=facts.history,
        network=training.network(best),
        hardest=results.hardest(metrics.test),
        settings=[(key, text.value(value)) for key, value in sorted(best.values().items())],
        environment=facts.environment,
        origin=_origin(facts),
        findings=[f for f in find(facts).found if f.severity != NOTE and f.code != "class-hard"],
    )


def _origin(facts: Facts) -> str:
    """How the configuration came about."""
    if facts.search_given_back:
        return "the plan's own for this machine and time; the search was given back"
    if not facts.by_search:
        return "given, not searched for"
    if facts.winner is not None and facts.winner.number == start_trial(facts):
        return (
            "the one that the search began with; it found none clearly better on validation images"
        )
    return "searched for, on validation images only"


def plain(value: Any) -> Any:
    """Text of the run as it is read in Markdown: no mark-up of its own, and one line."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    line = html.escape(" ".join(value.split()), quote=False)
    return Markup(_MARKS.sub(r"\\\1", line))
