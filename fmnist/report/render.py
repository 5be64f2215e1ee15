"""From a run folder to ``report.html``, ``report.pdf`` and ``appendix.pdf``.

The same folder gives the same bytes: dates come from the run, never from the clock. The HTML
asks for nothing outside itself and holds everything; ``report.pdf`` is the hand-in of a few pages,
``appendix.pdf`` what belongs behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from fmnist.report import findings
from fmnist.report.class_labels import on_paper
from fmnist.report.concepts import FOLDER, keep_questions, load_concepts
from fmnist.report.figures.style import drawing
from fmnist.report.glyphs import texts_of
from fmnist.report.handin import author
from fmnist.report.handin import rubric as rubrics
from fmnist.report.handin.fitting import Fitted, Limits, fit
from fmnist.report.load import Facts, load_facts
from fmnist.report.outline import HANDIN
from fmnist.report.output import attachments
from fmnist.report.output.attachments import Attachment
from fmnist.report.output.model_card import FILE as CARD
from fmnist.report.output.model_card import model_card
from fmnist.report.output.pdf import Printed, Sheets, pango_problem
from fmnist.report.output.pdf import lay_out as _lay_out
from fmnist.report.output.second_process import Printer, printer, seldom_collected
from fmnist.report.output.templating import environment_for, named_errors, source
from fmnist.report.pages import Pages
from fmnist.runs.artifacts import APPENDIX_PDF, REPORT, REPORT_PDF, RUBRIC, RUBRIC_CHECK
from search.atomic import write_bytes

INTERIM = ("interim.html", "interim.pdf")


@dataclass(frozen=True)
class Rendered:
    """What was written; ``problem`` says why there is no PDF and what to do.

    ``handin`` and ``appendix`` are None in an interim report and in a comparison, ``rubric`` where
    the run follows none.
    """

    html: Path
    pdf: Path | None
    problem: str | None = None
    handin: Fitted | None = None
    appendix: Path | None = None
    appendix_pages: int = 0
    rubric: rubrics.Checked | None = None


def render_report(
    run: Path,
    *,
    templates: Path | None = None,
    questions: Path | None = None,
    text: Path | None = None,
    rubric: Path | None = None,
    authored: bool = True,
    interim: bool = False,
    output: Path | None = None,
    cover: Mapping[str, Any] | None = None,
) -> Rendered:
    """Write ``report.html``, both PDFs, ``findings.json`` and the model card into the run folder.

    A finished report removes the interim ones.

    Args:
        run: folder of the run.
        templates: folder whose files replace the packaged templates, style sheets and
            (in ``concepts/``) questions of the same name; may be a stranger's.
        questions: folder of question files; they are kept in the run folder, and used from
            then on.
        text: folder of the author's own words; kept and used like the questions.
        rubric: file of the parts that the hand-in must have; kept and used like the questions.
        authored: whether the author's words stand in the hand-in at all.
        interim: the run has not ended: write ``interim.html`` and ``interim.pdf`` instead, whose
            chapters say what is not there yet.
        output: another folder to write into; the run's stays as it is.
        cover: fields of the document in place of the run's.

    Raises:
        FactsError: a missing or broken file of the run.
        MarkdownError: a broken question file, or one of the author's words.
        RubricError: a broken rubric.
        LimitError: the run asks for a place of the questions that there is not.
        ReportTemplateError: a broken template of ``templates``.
    """
    folder = output or run
    facts = load_facts(run, interim=interim)
    if cover := {name: text for name, text in (cover or {}).items() if text != ""}:
        document = replace(facts.run.document, **cover)
        facts = replace(facts, run=replace(facts.run, document=document))
    asked = _rubric((folder, run), rubric)
    limits = Limits.of(asked.limited(facts.run.document) if asked else facts.run.document)
    if not interim:
        facts = _with_findings(facts, folder)
    if questions is not None:
        keep_questions(questions, folder / FOLDER)
    concepts = load_concepts(_concept_folder((folder, run), templates))
    words, own = author.Words(), asked.own if asked else ()
    if authored and (texts := text or _first((folder, run), author.FOLDER)):
        words = author.load_words(texts, own)
    environment = environment_for(templates)
    errors = named_errors() if templates else nullcontext()
    with (
        seldom_collected(),
        drawing(texts_of(facts)),
        printer(wanted=not interim) as second,
        errors,
    ):
        outline = asked.outline(words.sections) if asked else HANDIN
        pages = Pages(environment, facts, concepts, limits, words, outline)
        if text is not None:  # only now: it has no number that this run lacks
            author.keep_words(text, folder / author.FOLDER, own)
        if rubric is not None:
            rubrics.keep_rubric(rubric, folder)
        style = source(environment, "pdf.css")
        if interim:
            paths = [folder / name for name in INTERIM]
            return write_both(pages.whole(), style, pages.created, paths, facts.class_names)
        if card := model_card(environment, facts, pages.title):
            write_bytes(folder / CARD, card.encode("utf-8"))
        attached = attachments.attachments(run, facts.files, concepts)
        rendered = _print(folder, pages, style, limits, attached, second)
        if asked and rendered.handin:
            checked = rubrics.check(asked, rendered.handin, words.sections)
            write_bytes(folder / RUBRIC_CHECK.name, rubrics.as_markdown(checked).encode("utf-8"))
            rendered = replace(rendered, rubric=checked)
    for name in INTERIM:
        (folder / name).unlink(missing_ok=True)
    return rendered


def _with_findings(facts: Facts, folder: Path) -> Facts:
    """Write ``findings.json``; in the run's folder it is one of its files, which the PDF has."""
    findings.write(folder, findings.find(facts))
    if folder != facts.folder:
        return facts
    return replace(facts, files=tuple(sorted({*facts.files, findings.FILE})))


def _concept_folder(folders: Sequence[Path], templates: Path | None) -> Path | None:
    """The run's own questions, those of the template folder, or None for ours."""
    own = _first(folders, FOLDER)
    return own or (_first([templates], "concepts") if templates else None)


def _rubric(folders: Sequence[Path], given: Path | None) -> rubrics.Rubric | None:
    """The rubric that is given, or the run's own."""
    kept = (folder / RUBRIC.name for folder in folders)
    file = given or next((path for path in kept if path.is_file()), None)
    return rubrics.load_rubric(file) if file else None


def _first(folders: Sequence[Path], name: str) -> Path | None:
    """The first folder of that name in one of them."""
    return next((folder / name for folder in folders if (folder / name).is_dir()), None)


def _print(
    folder: Path,
    pages: Pages,
    style: str,
    limits: Limits,
    attached: Sequence[Attachment],
    second: Printer,
) -> Rendered:
    """Write page, hand-in and appendix; both PDFs carry the records of the run."""
    problem = _no_pango(REPORT_PDF, REPORT)
    if not problem:  # the longest work of all, so it begins first
        second.begin(pages.appendix(), style, pages.created, attached)
    with _written_last(folder / REPORT, pages.whole()):
        fitted = _fit(pages, style, limits, problem)
        rendered = Rendered(folder / REPORT, None, problem, fitted)
        if fitted.sheets is None:
            return rendered
        handin = fitted.sheets.write(pages.created, attached)
        return _write(folder, rendered, handin, second.result())


def _fit(pages: Pages, style: str, limits: Limits, problem: str | None) -> Fitted:
    def lay_out(html: str, size: float) -> Sheets:
        return _lay_out(html, f"{style}html{{font-size:{size}pt}}")

    return fit(pages.handin, None if problem else lay_out, limits, pages.present)


def _write(folder: Path, rendered: Rendered, handin: bytes, appendix: Printed) -> Rendered:
    """Write both PDFs, each of which carries the records of the run."""
    write_bytes(folder / REPORT_PDF, handin)
    write_bytes(folder / APPENDIX_PDF, appendix.pdf)
    return replace(
        rendered, pdf=folder / REPORT_PDF, appendix=folder / APPENDIX_PDF,
        appendix_pages=appendix.pages,
    )  # fmt: skip


def write_both(
    html: str, style: str, created: datetime, paths: Sequence[Path], names: Sequence[str]
) -> Rendered:
    """Write a page and its one PDF, as an interim report and a comparison have them.

    ``names`` of the classes stay different where paper has to spell them.
    """
    html_path, pdf_path = paths
    problem = _no_pango(pdf_path.name, html_path.name)
    with _written_last(html_path, html):
        if not problem:
            paper = on_paper(html, names)
            write_bytes(pdf_path, _lay_out(paper, style).write(created))
    return Rendered(html_path, None if problem else pdf_path, problem)


def _no_pango(pdf: str, html: str) -> str | None:
    """Why no PDF can be made here; None where it can."""
    try:
        import weasyprint  # noqa: F401
    except OSError as error:
        return pango_problem(error, pdf, html)
    return None


@contextmanager
def _written_last(path: Path, html: str) -> Iterator[None]:
    """The HTML last: where it is, a run is finished, and its PDFs must be there.

    A fault in printing must not cost the HTML too.
    """
    try:
        yield
    finally:
        write_bytes(path, html.encode("utf-8"))
