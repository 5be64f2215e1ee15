"""The documents of a report as HTML: the hand-in, the appendix, and the page that holds both.

Tables and pictures are made once and shown wherever they belong.
"""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib import resources
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from fmnist.report import glyphs, text
from fmnist.report.bibliography import References
from fmnist.report.class_labels import on_paper
from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts
from fmnist.report.handin import fitting, search
from fmnist.report.handin.author import STATEMENT, Statement, Words
from fmnist.report.handin.claims import standing
from fmnist.report.handin.parts import parts
from fmnist.report.narrative import timing
from fmnist.report.narrative.winner import start_trial
from fmnist.report.outline import HANDIN, SECTIONS, Outline, Section
from fmnist.report.output.content_policy import guarded
from fmnist.report.output.interactive import Screen, cells_of, screen
from fmnist.report.output.templating import data_uri, source
from fmnist.runs.records.run import RunRecord

DEFAULT_TITLE = "{}: a tuned convolutional network"
GIVEN_TITLE = "{}: a convolutional network"
IMPORTED_TITLE = "{}: a search read in from another program"
APPENDIX_TITLE = "Appendix: {}"
FONTS = {
    ("Report Sans", 400, "normal"): "ReportSans-Regular.ttf",
    ("Report Sans", 400, "italic"): "ReportSans-Italic.ttf",
    ("Report Sans", 600, "normal"): "ReportSans-SemiBold.ttf",
    ("Report Mono", 400, "normal"): "ReportMono-Regular.ttf",
    ("Report Symbols", 400, "normal"): "ReportSymbols-Regular.ttf",
}


@dataclass(frozen=True)
class Chapter:
    """A section with its number or letter and finished HTML."""

    number: str
    section: Section
    html: Markup


class Counter:
    """Numbers figures and tables in the order in which they are printed."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def peek(self, kind: str) -> int:
        """The number that ``next`` will give."""
        return self._last.get(kind, 0) + 1

    def next(self, kind: str) -> int:
        """The next number of that kind, from 1."""
        self._last[kind] = self.peek(kind)
        return self._last[kind]


class Pages:
    """Everything that the documents of a run are made of.

    An interim report has no hand-in: its chapters are numbered, those behind a hand-in lettered.
    """

    def __init__(
        self, environment: Environment, facts: Facts, concepts: Sequence[Concept],
        limits: fitting.Limits, words: Words | None = None, outline: Outline = HANDIN,
    ) -> None:  # fmt: skip
        self._words = (words or Words()) if facts.interim else (words or Words()).fill(facts)
        self._environment, self._facts, self._limits = environment, facts, limits
        self._outline = outline
        self._concepts = [] if limits.questions == fitting.NONE else list(concepts)
        shown = [s for s in SECTIONS if s.shown(facts)]
        if limits.questions == fitting.NONE:
            shown = [s for s in shown if s.slug != "questions"]
        marks = (
            [str(n) for n in range(1, len(shown) + 1)] if facts.interim else string.ascii_uppercase
        )
        self._marks = {s.slug: mark for s, mark in zip(shown, marks, strict=False)}
        self._shown = [(s, s.build(facts, concepts) if s.ready(facts) else None) for s in shown]
        self.created = created_at(facts)
        self.title = title(facts)

    @cached_property
    def _parts(self) -> dict[str, Any]:
        return {} if self._facts.interim else parts(self._facts, self._concepts)

    @cached_property
    def _letters(self) -> str:
        """All texts that may hold letters of any script: each page has the same fonts."""
        return "".join((glyphs.texts_of(self._facts), *self._words.files.values()))

    @property
    def present(self) -> set[str]:
        """Keys of the movable parts that the hand-in has; words of the author are none."""
        kept = {key for key, section in fitting.TEXTS_OF.items() if section in self._words.instead}
        keys = (*fitting.PICTURES, *fitting.TEXTS)
        return {key for key in keys if key == "recipe" or self._parts.get(key)} - kept

    def whole(self) -> str:
        """Everything on one page for a screen; of an interim report for paper too."""
        numbers = Counter()
        inline = self._limits.questions == fitting.INLINE
        moved = () if inline else ("answers",)
        first = "" if self._facts.interim else self._handin(numbers, moved, linked=True)
        parts = screen(cells_of(self._facts))
        chapters = self._chapters(numbers, full=True)
        heads = [] if self._facts.interim else self._heads(moved)
        return self._page(
            "whole", parts, handin=first, heads=heads, chapters=chapters, title=self.title
        )

    def handin(self, moved: Collection[str]) -> str:
        """The hand-in alone, without the parts of these keys."""
        first = self._handin(Counter(), moved, linked=False)
        page = self._page(
            "handin", screen(None), handin=first, heads=[], chapters=[], title=self.title
        )
        return on_paper(page, self._facts.class_names)

    def appendix(self) -> str:
        """The chapters that belong on paper, with their contents."""
        chapters = self._chapters(Counter(), full=False)
        name = APPENDIX_TITLE.format(self.title)
        page = self._page(
            "appendix", screen(None), handin="", heads=[], chapters=chapters, title=name
        )
        return on_paper(page, self._facts.class_names)

    def _page(self, edition: str, parts: Screen, **content: Any) -> str:
        facts = self._facts
        page = self._environment.get_template("report.html.j2").render(
            concepts=self._concepts,
            document=facts.run.document,
            run=facts.run,
            created=self.created.isoformat(),
            test=facts.metrics.test if facts.metrics else None,
            interim=facts.interim,
            missing=timing.missing(facts) if facts.interim else "",
            styles=styles(self._environment, self._letters),
            screen=parts,
            edition=edition,
            **content,
        )
        return guarded(glyphs.isolated(page), parts.script, parts.policy)

    def _chapters(self, numbers: Counter, *, full: bool) -> list[Chapter]:
        coming = self._facts.interim and not self._facts.imported
        shared = {
            "numbers": numbers,
            "not_recorded": text.NOT_YET if coming else text.NOT_RECORDED,
            "titles": {s.slug: f"{self._marks[s.slug]} {s.title}" for s, _ in self._shown},
            "full": full,
        }
        return [
            Chapter(self._marks[section.slug], section, self._chapter(section, data, shared))
            for section, data in self._shown
        ]

    def _chapter(
        self, section: Section, data: dict[str, Any] | None, shared: dict[str, Any]
    ) -> Markup:
        if data is None:
            return Markup("<p>{}</p>").format(text.NOT_YET)
        template = self._environment.get_template(section.template)
        return Markup(template.render(chapter=self._marks[section.slug], **shared, **data))

    def _heads(self, moved: Collection[str]) -> list[tuple[str, str, str]]:
        """Anchor, number and title of the sections of the hand-in."""
        answered = self._has_answers(moved)
        shown = [section for section in self._outline if section[0] != "answers" or answered]
        numbers = iter(range(1, len(shown) + 1))
        return [(slug, str(next(numbers)) if counted else "", t) for slug, t, counted in shown]

    def _has_answers(self, moved: Collection[str]) -> bool:
        ours = self._parts["answers"] and "answers" not in moved
        return bool(ours) or "answers" in self._words.sections

    def _handin(self, numbers: Counter, moved: Collection[str], *, linked: bool) -> Markup:
        references = References(self._facts)
        heads = self._heads(moved)
        template = self._environment.get_template("handin.html.j2")
        return Markup(
            template.render(
                **self._parts,
                numbers=numbers,
                moved=moved,
                numbered={slug: number for slug, number, _ in heads},
                titles_of_handin={slug: title for slug, _, title in heads},
                instead=defaultdict(str, self._words.instead),
                after=defaultdict(str, self._words.after),
                written=self._written(heads),
                statement=self._statement(),
                told=lambda paragraph: Markup(" ").join(self._said(paragraph, references)),
                said=lambda paragraph: self._said(paragraph, references),
                cite=references.cite,
                references=references,
                see=self._see(linked=linked),
            )
        )

    def _written(self, heads: Sequence[tuple[str, str, str]]) -> list[str]:
        """What the author wrote, in words."""
        own = [f"“{title}”" for slug, _, title in heads if slug in self._words.instead]
        added = [t for slug, _, t in heads if slug in self._words.after and slug != STATEMENT]
        return own + [f"the end of “{title}”" for title in added]

    def _statement(self) -> Statement:
        """Who made the document, from its title where the author's statement leaves it open."""
        given, document = self._words.statement, self._facts.run.document
        name, course = given.name or document.author, given.course or document.course
        return replace(given, name=name, course=course)

    def _said(self, paragraph: str, references: References) -> list[Markup]:
        """The claims of a paragraph that stand in this run."""
        words = self._environment.get_template("claims.html.j2").module
        found = standing(paragraph, self._facts)
        return [getattr(words, key)(numbers, references.cite).strip() for key, numbers in found]

    def _see(self, *, linked: bool) -> Callable[[str, str], Markup]:
        """Gives a reference to a chapter of the appendix, nothing where this run has none."""

        def see(slug: str, before: str) -> Markup:
            if slug not in self._marks:
                return Markup()
            name = f"appendix {self._marks[slug]}"
            place = Markup('<a href="#{}">{}</a>').format(slug, name) if linked else name
            return Markup("{}{}.").format(before, place)

        return see


def title(facts: Facts) -> str:
    """The author's title, or one that says what the run is."""
    recipe = facts.run.recipe
    if facts.run.document.title:
        return facts.run.document.title
    if recipe is not None:
        return f"{facts.run.data.name}: {recipe.part or recipe.title}"
    if facts.run.imported is not None:
        return IMPORTED_TITLE.format(facts.run.imported.study)
    tuned = facts.by_search and not (facts.winner and facts.winner.number == start_trial(facts))
    tuned = tuned and search.search_unclear(facts) is None
    given = DEFAULT_TITLE if tuned else GIVEN_TITLE
    return given.format(facts.run.data.name)


def styles(environment: Environment, text: str) -> Markup:
    """The style sheet of the page with the fonts in it that the letters of ``text`` take."""
    more = glyphs.faces(text)
    faces = (_font_face(family, 400, "normal", font) for family, font in more.items())
    families = ", ".join(f'"{family}"' for family in more or [glyphs.FAMILY])
    order = f":root{{--more: {families}}}\n"
    return Markup("".join((font_faces(), *faces, order, source(environment, "report.css"))))


def font_faces() -> str:
    """Style sheet with the fonts of the report in it."""
    folder = resources.files("report_templates").joinpath("fonts")
    return "".join(
        _font_face(*look, folder.joinpath(name).read_bytes()) for look, name in FONTS.items()
    )


def _font_face(family: str, weight: int, style: str, font: bytes) -> str:
    return (
        f'@font-face{{font-family:"{family}";font-weight:{weight};font-style:{style};'
        f'src:url({data_uri("font/ttf", font)}) format("truetype")}}\n'
    )


def created_at(facts: Facts) -> datetime:
    """When the run was started; it dates the report."""
    return started_at(facts.run)


def started_at(run: RunRecord) -> datetime:
    """The same from the record of the run alone."""
    try:
        created = datetime.fromisoformat(run.created)
    except ValueError:
        return datetime(1980, 1, 1, tzinfo=UTC)
    return created if created.tzinfo else created.replace(tzinfo=UTC)
