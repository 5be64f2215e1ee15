"""The chapter on trials that were read in: from where, taken for what, what was not done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fmnist.report import text
from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts, present
from fmnist.report.narrative import imported as words
from fmnist.report.tables.base import Table
from fmnist.runs.records.run import Imported


def imported(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Source, parameters, values, notes, and how to go on."""
    found = present(facts.run.imported, "run.toml: imported")
    return {
        "not_done": words.NOT_DONE,
        "conditions": words.CONDITIONS,
        "values": words.values(found),
        "fields": words.unsearched(facts),
        "source": _source(facts, found),
        "mapping": _mapping(found),
        "notes": found.notes,
        "run": facts.run.name,
        "best": facts.best is not None,
        "command": facts.run.command,
    }


def _source(facts: Facts, found: Imported) -> Table:
    rows = (
        ("Kind", found.kind),
        ("Study", found.study),
        ("Source", found.source),
        ("Read in", text.moment(found.at)),
        ("Program version", facts.run.version),
    )
    return Table("What was read in", ("Item", "Value"), rows)


def _mapping(found: Imported) -> Table:
    rows = [(name, text.title_case(field)) for name, field in found.mapping.items()]
    rows += [(name, "left out") for name in found.dropped]
    head = ("Parameter of the study", "Taken for")
    return Table("Parameters of the study and the fields they were taken for", head, tuple(rows))
