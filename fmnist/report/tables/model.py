"""Tables of the chosen configuration and its network."""

from __future__ import annotations

from dataclasses import replace

from fmnist.config.config import fields_help
from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.narrative.final_model import view_names
from fmnist.report.tables.base import Table

OFF = ("0", "no")
"""How values print that switch something off."""


def configuration(facts: Facts) -> Table | None:
    """Every field of the best configuration with its meaning."""
    if facts.best is None:
        return None
    help_texts, searched = fields_help(), facts.searched
    fields = facts.best.values().items()
    if not facts.by_search:
        given = tuple((text.title_case(n), text.value(v), help_texts.get(n, "")) for n, v in fields)
        return Table("The configuration", ("Field", "Value", "Meaning"), given, numeric=(1,))
    rows = tuple(
        (
            text.title_case(name),
            text.value(item),
            "yes" if name in searched else _not_searched(facts, name),
            help_texts.get(name, ""),
        )
        for name, item in fields
    )
    head = ("Field", "Value", "Searched", "Meaning")
    return Table("The chosen configuration", head, rows, numeric=(1,))


def in_force(facts: Facts) -> Table | None:
    """The configuration without what is switched off and was not searched."""
    whole = configuration(facts)
    if whole is None:
        return None
    searched = {text.title_case(name) for name in facts.searched}
    rows = tuple(r for r in whole.rows if r[0] in searched or r[1] not in OFF)
    return replace(whole, caption=f"{whole.caption}, without what is switched off", rows=rows)


def _not_searched(facts: Facts, name: str) -> str:
    """In a study of another program: whether the value is the user's word or our default."""
    imported = facts.run.imported
    if imported is None:
        return "no"
    return "fixed" if name in imported.settings else "default"


def layers(facts: Facts) -> Table | None:
    """Layers, shapes of their outputs, parameters."""
    if facts.evidence is None or not facts.evidence.layers:
        return None
    rows = [
        (layer.name, layer.type, text.shape(layer.output_shape), text.count(layer.parameters))
        for layer in facts.evidence.layers
    ]
    rows.append(("total", "", "", text.count(facts.evidence.parameters)))
    head = ("Layer", "Type", "Output shape", "Parameters")
    return Table("The layers of the network", head, tuple(rows), numeric=(2, 3), foot=1)


def ensemble_members(facts: Facts) -> Table | None:
    """The networks of the ensemble; those that were left out too."""
    if facts.metrics is None or facts.metrics.ensemble is None:
        return None
    found = facts.metrics.ensemble
    n = facts.run.splits.validation
    rows = [
        (
            f"{m.member}" + (", the final network" if m.member == 1 else ""),
            "–" if m.trial is None else str(m.trial),
            str(m.seed),
            "–" if m.validation_accuracy is None else text.percent(m.validation_accuracy, n),
        )
        for m in found.members
    ]
    rows += [(f"{m.member}, left out", "–", "–", m.reason) for m in found.left_out]
    head = ("Member", "Trial", "Seed", "Validation accuracy")
    caption = "The networks whose probabilities are averaged"
    if facts.refit_used:
        caption += "; they learnt the validation images, so they have no figure there"
    elif view_names(facts.metrics):
        caption += "; validation accuracies are of predictions from the image alone"
    return Table(caption, head, tuple(rows), numeric=(1, 2, 3))
