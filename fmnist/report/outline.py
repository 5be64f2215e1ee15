"""What stands where: the ordered list of sections.

A new section is a function in ``chapters``, its entry in ``SECTIONS`` and its template.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fmnist.report.chapters.ablation import experiments, has_experiments
from fmnist.report.chapters.comparison import comparison, has_comparison
from fmnist.report.chapters.images import images
from fmnist.report.chapters.imported import imported
from fmnist.report.chapters.method import method
from fmnist.report.chapters.model import configuration, inside, training
from fmnist.report.chapters.new_data import has_new_data, new_data
from fmnist.report.chapters.reproducibility import questions, reproduction
from fmnist.report.chapters.results import test_results
from fmnist.report.chapters.search import search
from fmnist.report.chapters.summary import summary
from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts

Build = Callable[[Facts, Sequence[Concept]], dict[str, Any]]


@dataclass(frozen=True)
class Section:
    """One chapter of the report.

    Attributes:
        slug: anchor and, with ``section_`` and ``.html.j2`` around it, the template.
        title: heading.
        build: facts and questions to the data of the template.
        needs: facts without which an interim report leaves the chapter open.
        search_only: left out where one given configuration was trained.
        applies: left out where this says no.
        imported: whether a run of trials that were read in has it too.
    """

    slug: str
    title: str
    build: Build
    needs: tuple[str, ...] = ()
    search_only: bool = False
    applies: Callable[[Facts], bool] = lambda facts: True
    imported: bool = False

    @property
    def template(self) -> str:
        """Name of the template file."""
        return f"section_{self.slug}.html.j2"

    def shown(self, facts: Facts) -> bool:
        """Whether the report has this chapter at all."""
        if facts.imported and not self.imported:
            return False
        return (facts.by_search or not self.search_only) and self.applies(facts)

    def ready(self, facts: Facts) -> bool:
        """Whether all the facts it needs are there."""
        return all(getattr(facts, name) is not None for name in self.needs)


SECTIONS: tuple[Section, ...] = (
    Section("summary", "Summary", summary, imported=True),
    Section(
        "imported",
        "Where the trials come from",
        imported,
        applies=lambda facts: facts.imported,
        imported=True,
    ),
    Section("method", "Data and method", method),
    Section("search", "Search", search, search_only=True, imported=True),
    Section("configuration", "Configuration", configuration, ("best",), imported=True),
    Section("training", "Training", training, ("history",)),
    Section("results", "Results on the test set", test_results, ("metrics", "predictions")),
    Section(
        "comparison",
        "Comparison with published results",
        comparison,
        ("metrics",),
        applies=has_comparison,
    ),
    Section("images", "Images", images, ("metrics", "predictions")),
    Section("newdata", "New data", new_data, ("metrics",), applies=has_new_data),
    Section("inside", "What the network sees", inside),
    Section("experiments", "Experiments", experiments, applies=has_experiments),
    Section("questions", "Concept questions", questions),
    Section("reproduction", "Reproduction", reproduction),
)

Outline = tuple[tuple[str, str, bool], ...]
HANDIN: Outline = (
    ("abstract", "Abstract", False),
    ("objective", "Objective and data", True),
    ("model", "Model and training", True),
    ("performance", "Results", True),
    ("errors", "Errors", True),
    ("discussion", "Discussion", True),
    ("limitations", "Limitations", True),
    ("conclusion", "Conclusion", True),
    ("answers", "Questions", True),
    ("statement", "How this document was made", False),
    ("references", "References", False),
)
"""Anchor, title and whether it is numbered, of each section of the hand-in."""
