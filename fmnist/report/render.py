"""From a run folder to ``report.html`` and ``report.pdf``.

The same folder gives the same bytes: dates come from the run, never from the clock. The HTML
asks for nothing outside itself; the PDF is made from it with a print style sheet added.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from fmnist.report import findings, glyphs, text
from fmnist.report.concepts import FOLDER, Concept, keep_questions, load_concepts
from fmnist.report.figures.style import drawing
from fmnist.report.load import Facts, load_facts
from fmnist.report.narrative import timing
from fmnist.report.narrative.winner import start_trial
from fmnist.report.outline import SECTIONS, Section
from fmnist.report.output import attachments
from fmnist.report.output.content_policy import guarded
from fmnist.report.output.interactive import cells_of, for_paper, screen
from fmnist.report.output.model_card import FILE as CARD
from fmnist.report.output.model_card import model_card
from fmnist.report.output.pdf import pango_problem
from fmnist.report.output.pdf import print_pdf as _pdf
from fmnist.report.output.templating import data_uri, environment_for, named_errors, source
from search.atomic import write_bytes

# No page and no XML may hold them, whichever text brought them.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
FINAL, INTERIM = "report", "interim"
DEFAULT_TITLE = "{}: a tuned convolutional network"
GIVEN_TITLE = "{}: a convolutional network"
IMPORTED_TITLE = "{}: a search read in from another program"
FONTS = {
    ("Report Sans", 400, "normal"): "ReportSans-Regular.ttf",
    ("Report Sans", 400, "italic"): "ReportSans-Italic.ttf",
    ("Report Sans", 600, "normal"): "ReportSans-SemiBold.ttf",
    ("Report Mono", 400, "normal"): "ReportMono-Regular.ttf",
    ("Report Symbols", 400, "normal"): "ReportSymbols-Regular.ttf",
}


@dataclass(frozen=True)
class Rendered:
    """What was written; ``problem`` says why there is no PDF and what to do."""

    html: Path
    pdf: Path | None
    problem: str | None = None


@dataclass(frozen=True)
class Chapter:
    """A section with its number and finished HTML."""

    number: int
    section: Section
    html: Markup


class Counter:
    """Numbers figures and tables in the order in which they are printed."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def next(self, kind: str) -> int:
        """The next number of that kind, from 1."""
        self._last[kind] = self._last.get(kind, 0) + 1
        return self._last[kind]


def render_report(
    run: Path,
    *,
    templates: Path | None = None,
    questions: Path | None = None,
    interim: bool = False,
    output: Path | None = None,
    cover: Mapping[str, str] | None = None,
) -> Rendered:
    """Write ``report.html``, ``report.pdf`` and ``findings.json`` into the run folder.

    A finished report removes the interim ones.

    Args:
        run: folder of the run.
        templates: folder whose files replace the packaged templates, style sheets and
            (in ``concepts/``) questions of the same name; may be a stranger's.
        questions: folder of question files; they are kept in the run folder, and used from
            then on.
        interim: the run has not ended: write ``interim.html`` and ``interim.pdf`` instead, whose
            chapters say what is not there yet.
        output: another folder to write into; the run's stays as it is.
        cover: texts of the cover in place of the run's.

    Raises:
        FactsError: a missing or broken file of the run.
        ConceptError: a broken question file.
        ReportTemplateError: a broken template of ``templates``.
    """
    folder = output or run
    facts = load_facts(run, interim=interim)
    if cover:
        facts = _with_cover(facts, cover)
    if not interim:
        facts = _with_findings(facts, folder)
    if questions is not None:
        keep_questions(questions, folder / FOLDER)
    concepts = load_concepts(_concept_folder((folder, run), templates))
    environment = environment_for(templates)
    with drawing(), named_errors() if templates else nullcontext():
        html = _html(environment, facts, concepts)
        style = source(environment, "pdf.css")
    html_path, pdf_path = _paths(folder, INTERIM if interim else FINAL)
    attached = [] if interim else attachments.attachments(run, facts.files, concepts)
    card = "" if interim else model_card(environment, facts, _title(facts))
    if card:
        write_bytes(folder / CARD, card.encode("utf-8"))
    rendered = write_both(html, (style, created_at(facts), attached), html_path, pdf_path)
    if not interim:
        for path in _paths(folder, INTERIM):
            path.unlink(missing_ok=True)
    return rendered


def _with_cover(facts: Facts, cover: Mapping[str, str]) -> Facts:
    """The facts with other texts on the cover, where they are not empty."""
    texts = {name: text for name, text in cover.items() if text}
    document = replace(facts.run.document, **texts)
    return replace(facts, run=replace(facts.run, document=document))


def _with_findings(facts: Facts, folder: Path) -> Facts:
    """Write ``findings.json``; in the run's folder it is one of its files, which the PDF has."""
    findings.write(folder, findings.find(facts))
    if folder != facts.folder:
        return facts
    return replace(facts, files=tuple(sorted({*facts.files, findings.FILE})))


def _paths(run: Path, name: str) -> tuple[Path, Path]:
    return run / f"{name}.html", run / f"{name}.pdf"


def write_both(html: str, printing: tuple[Any, ...], html_path: Path, pdf_path: Path) -> Rendered:
    """The HTML last: where it is, a run is finished, and its PDF must be there."""
    page, problem = _CONTROL.sub("", html).encode("utf-8"), None
    try:
        import weasyprint  # noqa: F401
    except OSError as error:
        problem = pango_problem(error, pdf_path.name, html_path.name)
    else:
        try:
            printed = _pdf(for_paper(page.decode()), *printing)
        except Exception:
            write_bytes(html_path, page)  # a fault in printing must not cost the HTML too
            raise
        write_bytes(pdf_path, printed)
    write_bytes(html_path, page)
    return Rendered(html_path, None if problem else pdf_path, problem)


def _concept_folder(folders: Sequence[Path], templates: Path | None) -> Path | None:
    """The run's own questions, those of the template folder, or None for ours."""
    own = [
        *(folder / FOLDER for folder in folders),
        *([templates / "concepts"] if templates else []),
    ]
    return next((folder for folder in own if folder.is_dir()), None)


def _html(environment: Environment, facts: Facts, concepts: Sequence[Concept]) -> str:
    coming = facts.interim and not facts.imported
    absent = text.NOT_YET if coming else text.NOT_RECORDED
    shown = [s for s in SECTIONS if s.shown(facts)]
    shared: dict[str, Any] = {
        "numbers": Counter(),
        "not_recorded": absent,
        "titles": {s.slug: s.title for s in shown},
    }
    chapters = [
        Chapter(
            number,
            section,
            _chapter(environment, section, facts, concepts, {**shared, "chapter": number}),
        )
        for number, section in enumerate(shown, start=1)
    ]
    parts = screen(cells_of(facts))
    page = environment.get_template("report.html.j2").render(
        chapters=chapters,
        concepts=concepts,
        document=facts.run.document,
        title=_title(facts),
        run=facts.run,
        created=created_at(facts).isoformat(),
        test=facts.metrics.test if facts.metrics else None,
        interim=facts.interim,
        missing=timing.missing(facts) if facts.interim else "",
        styles=styles(environment, (*facts.class_names, *astuple(facts.run.document))),
        screen=parts,
    )
    return guarded(page, parts.script, parts.policy)


def _title(facts: Facts) -> str:
    recipe = facts.run.recipe
    if facts.run.document.title:
        return facts.run.document.title
    if recipe is not None:
        return f"{facts.run.data.name}: {recipe.part or recipe.title}"
    if facts.run.imported is not None:
        return IMPORTED_TITLE.format(facts.run.imported.study)
    tuned = facts.by_search and not (facts.winner and facts.winner.number == start_trial(facts))
    title = DEFAULT_TITLE if tuned else GIVEN_TITLE
    return title.format(facts.run.data.name)


def _chapter(
    environment: Environment,
    section: Section,
    facts: Facts,
    concepts: Sequence[Concept],
    shared: dict[str, Any],
) -> Markup:
    if not section.ready(facts):
        return Markup("<p>{}</p>").format(text.NOT_YET)
    template = environment.get_template(section.template)
    return Markup(template.render(**shared, **section.build(facts, concepts)))


def styles(environment: Environment, names: Sequence[str] = ()) -> Markup:
    """The style sheet of the page with the fonts in it; ``names`` may need letters of another."""
    more = glyphs.face(names)
    faces = _font_faces() + (_font_face(more[0], 400, "normal", more[1]) if more else "")
    return Markup(faces + source(environment, "report.css"))


def _font_faces() -> str:
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
    try:
        created = datetime.fromisoformat(facts.run.created)
    except ValueError:
        return datetime(1980, 1, 1, tzinfo=UTC)
    return created if created.tzinfo else created.replace(tzinfo=UTC)
