"""From a run folder to ``report.html`` and ``report.pdf``.

The same folder gives the same bytes: dates come from the run, never from the clock. The HTML
asks for nothing outside itself; the PDF is made from it with a print style sheet added.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
)
from markupsafe import Markup

from fmnist.report import text, timing
from fmnist.report.concepts import Concept, load_concepts
from fmnist.report.facts import Facts, load_facts
from fmnist.report.figures.style import drawing
from fmnist.report.sections import SECTIONS, Section
from search.atomic import write_bytes

FINAL, INTERIM = "report", "interim"
DEFAULT_TITLE = "{}: a tuned convolutional network"
GIVEN_TITLE = "{}: a convolutional network"
PDF_VARIANT = "pdf/ua-1"
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


def render_report(run: Path, *, templates: Path | None = None, interim: bool = False) -> Rendered:
    """Write ``report.html`` and ``report.pdf`` into the run folder; removes interim reports.

    Args:
        run: folder of the run.
        templates: folder whose files replace the packaged templates, style sheets and
            (in ``concepts/``) questions of the same name.
        interim: the run has not ended: write ``interim.html`` and ``interim.pdf`` instead, whose
            chapters say what is not there yet.

    Raises:
        FactsError: a missing or broken file of the run.
        ConceptError: a broken question file.
    """
    facts = load_facts(run, interim=interim)
    concepts = load_concepts(_concept_folder(templates))
    environment = _environment(templates)
    with drawing():
        html = _html(environment, facts, concepts)
    html_path, pdf_path = _paths(run, INTERIM if interim else FINAL)
    rendered = _write(html, _source(environment, "pdf.css"), facts, html_path, pdf_path)
    if not interim:
        for path in _paths(run, INTERIM):
            path.unlink(missing_ok=True)
    return rendered


def _paths(run: Path, name: str) -> tuple[Path, Path]:
    return run / f"{name}.html", run / f"{name}.pdf"


def _write(html: str, style: str, facts: Facts, html_path: Path, pdf_path: Path) -> Rendered:
    """The HTML last: where it is, a run is finished, and its PDF must be there."""
    page, problem = html.encode("utf-8"), None
    try:
        import weasyprint  # noqa: F401
    except OSError as error:
        problem = _pango_problem(error, pdf_path.name, html_path.name)
    else:
        try:
            printed = _pdf(html, style, facts)
        except Exception:
            write_bytes(html_path, page)  # a fault in printing must not cost the HTML too
            raise
        write_bytes(pdf_path, printed)
    write_bytes(html_path, page)
    return Rendered(html_path, None if problem else pdf_path, problem)


def _concept_folder(templates: Path | None) -> Path | None:
    if templates is None or not (templates / "concepts").is_dir():
        return None
    return templates / "concepts"


def _environment(templates: Path | None) -> Environment:
    loaders: list[BaseLoader] = [PackageLoader("report_templates", package_path="")]
    if templates is not None:
        loaders.insert(0, FileSystemLoader(templates))
    environment = Environment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "percent": text.percent,
        "interval": text.interval,
        "count": text.count,
        "counted": text.counted,
        "duration": text.duration,
        "listing": text.listing,
        "field": text.title_case,
        "svg_uri": lambda svg: _data_uri("image/svg+xml", svg.encode("utf-8")),
        "png_uri": lambda png: _data_uri("image/png", png),
    }
    return environment


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _html(environment: Environment, facts: Facts, concepts: Sequence[Concept]) -> str:
    absent = text.NOT_YET if facts.interim else text.NOT_RECORDED
    shared: dict[str, Any] = {"numbers": Counter(), "not_recorded": absent}
    shown = [s for s in SECTIONS if s.shown(facts)]
    chapters = [
        Chapter(
            number,
            section,
            _chapter(environment, section, facts, concepts, {**shared, "chapter": number}),
        )
        for number, section in enumerate(shown, start=1)
    ]
    return environment.get_template("report.html.j2").render(
        chapters=chapters,
        concepts=concepts,
        document=facts.run.document,
        title=facts.run.document.title or _title(facts),
        run=facts.run,
        created=_created(facts).isoformat(),
        test=facts.metrics.test if facts.metrics else None,
        interim=facts.interim,
        missing=timing.missing(facts) if facts.interim else "",
        styles=Markup(_font_faces() + _source(environment, "report.css")),
    )


def _title(facts: Facts) -> str:
    recipe = facts.run.recipe
    if recipe is not None:
        return f"{facts.run.data.name}: {recipe.part or recipe.title}"
    title = DEFAULT_TITLE if facts.by_search else GIVEN_TITLE
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


def _font_faces() -> str:
    folder = resources.files("report_templates").joinpath("fonts")
    faces = []
    for (family, weight, style), name in FONTS.items():
        data = _data_uri("font/ttf", folder.joinpath(name).read_bytes())
        faces.append(
            f'@font-face{{font-family:"{family}";font-weight:{weight};font-style:{style};'
            f'src:url({data}) format("truetype")}}\n'
        )
    return "".join(faces)


def _created(facts: Facts) -> datetime:
    try:
        created = datetime.fromisoformat(facts.run.created)
    except ValueError:
        return datetime(1980, 1, 1, tzinfo=UTC)
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _pdf(html: str, style: str, facts: Facts) -> bytes:
    """Print the HTML with the print style sheet."""
    import weasyprint
    from weasyprint.urls import URLFetcher

    class DataOnly(URLFetcher):  # type: ignore[misc]
        """Opens nothing but data URIs: a report may not read files or the network."""

        def __init__(self) -> None:
            super().__init__(allowed_protocols=["data"], fail_on_errors=True)

    # Passed as an argument the sheet would rank below the one in the HTML, so it goes in after it.
    printed = html.replace("</head>", f"<style>{style}</style></head>", 1)
    with _fixed_clock(_created(facts)):
        document = weasyprint.HTML(string=printed, url_fetcher=DataOnly())
        pdf: bytes = document.write_pdf(pdf_variant=PDF_VARIANT)
    return pdf


@contextmanager
def _fixed_clock(moment: datetime) -> Iterator[None]:
    """Let font subsetting write the run's date instead of today's."""
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = str(int(moment.timestamp()))
    try:
        yield
    finally:
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before


def _pango_problem(error: OSError, pdf: str, html: str) -> str:
    return (
        f"{pdf} was not written: WeasyPrint found no Pango library on this system "
        f"({str(error).splitlines()[0] if str(error) else type(error).__name__}). Install it "
        "(Debian and Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0; macOS: brew install "
        "pango; Windows: see WeasyPrint's installation page) and make the report again, or print "
        f"{html} to PDF from a browser."
    )
