"""From the HTML of the report to its PDF, with the files of the run attached."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from fmnist.errors import UserError
from fmnist.report.output.attachments import Attachment
from fmnist.report.output.paper import printed

PDF_VARIANT = "pdf/ua-1"
LEAST_ON_OTHERS, LEAST_ON_LAST = 0.75, 0.25
"""Shares of a page that have to be filled."""
NOWHERE = "http://report.invalid/"
"""What relative addresses are taken from (RFC 2606): they lead nowhere, as all others do."""


class PrintingError(UserError):
    """A page that asks for something outside itself; it names what."""


@dataclass(frozen=True)
class Printed:
    """A finished PDF."""

    pdf: bytes
    pages: int


@dataclass(frozen=True)
class Sheets:
    """A document laid out on pages, not written yet."""

    document: Any

    @property
    def pages(self) -> int:
        """How many pages it has."""
        return len(self.document.pages)

    @property
    def even(self) -> bool:
        """Whether no page but the last is a quarter empty, and that one holds more than a rest."""
        *full, last = (_filled(page) for page in self.document.pages)
        return last >= LEAST_ON_LAST and all(share >= LEAST_ON_OTHERS for share in full)

    def places(self, anchors: Sequence[str]) -> dict[str, str]:
        """On which pages each element with an id stands, as ``p. 2`` or ``pp. 2–3``."""
        pages = list(enumerate(self.document.pages, start=1))
        found = {a: [n for n, page in pages if a in page.anchors] for a in anchors}
        return {
            anchor: f"p. {on[0]}" if len(on) == 1 else f"pp. {on[0]}–{on[-1]}"
            for anchor, on in found.items()
            if on
        }

    def write(self, created: datetime, attachments: Sequence[Attachment] = ()) -> bytes:
        """The PDF, with files attached; the same each time."""
        files = [_embedded(file, created) for file in attachments]
        with _fixed_clock(created), _nothing_loaded():
            pdf: bytes = self.document.write_pdf(
                pdf_variant=PDF_VARIANT,
                attachments=files,
                finisher=lambda _, pdf: _relate(pdf, attachments),
            )
        return pdf


def _filled(page: Any) -> float:
    """The share of a page down to its lowest line or picture; only the boxes tell where it is."""
    from weasyprint.formatting_structure.boxes import ReplacedBox, TextBox

    box = page._page_box
    shown = (b for b in box.children[0].descendants() if isinstance(b, ReplacedBox | TextBox))
    lowest = max((b.position_y + b.height for b in shown), default=0.0)
    return float((lowest - box.content_box_y()) / box.height)


def lay_out(html: str, style: str) -> Sheets:
    """Lay the HTML out on pages, with the print style sheet.

    Raises:
        PrintingError: the page or a style sheet asks for a file or an address.
    """
    import weasyprint
    from weasyprint.urls import URLFetcher

    class DataOnly(URLFetcher):  # type: ignore[misc]
        """Opens nothing but data URIs: a report may not read files or the network."""

        def __init__(self) -> None:
            super().__init__(allowed_protocols=["data"], fail_on_errors=True)

    # Passed as an argument the sheet would rank below the one in the HTML, so it goes in after it.
    page_html = printed(html).replace("</head>", f"<style>{style}</style></head>", 1)
    with _nothing_loaded():
        page = weasyprint.HTML(string=page_html, base_url=NOWHERE, url_fetcher=DataOnly())
        return Sheets(page.render(pdf_variant=PDF_VARIANT))


def print_document(
    html: str, style: str, created: datetime, attachments: Sequence[Attachment] = ()
) -> Printed:
    """Lay the HTML out and write it; see ``lay_out``."""
    sheets = lay_out(html, style)
    return Printed(sheets.write(created, attachments), sheets.pages)


@contextmanager
def _nothing_loaded() -> Iterator[None]:
    from weasyprint.urls import FatalURLFetchingError

    try:
        yield
    except FatalURLFetchingError as error:
        raise PrintingError(f"a report may load nothing: {error}") from None


def _embedded(file: Attachment, created: datetime) -> Any:
    import weasyprint

    moment = created.astimezone(UTC)
    return weasyprint.Attachment(
        file_obj=BytesIO(file.content),
        name=file.name,
        description=file.description,
        created=moment,
        modified=moment,
    )


def _relate(pdf: Any, attachments: Sequence[Attachment]) -> None:
    """Say of every attachment what it is to the document, and what kind of file.

    WeasyPrint does so for PDF/A only, and takes kinds of files from the system's table of them.
    """
    from weasyprint.pdf import pydyf

    by_name = {file.name: file for file in attachments}
    related = pydyf.Array()
    for item in pdf.objects:
        if not isinstance(item, pydyf.Dictionary) or item.get("Type") != "/Filespec":
            continue
        file = by_name[item["UF"].string]
        item["AFRelationship"] = f"/{file.relationship}"
        stream = pdf.objects[int(item["EF"]["F"].split()[0])]
        stream.extra["Subtype"] = "/" + file.kind.replace("/", "#2f")
        related.append(item.reference)
    if related:
        pdf.catalog["AF"] = related


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


def pango_problem(error: OSError, pdf: str, html: str) -> str:
    """Why there is no PDF, and what to do."""
    return (
        f"{pdf} was not written: WeasyPrint found no Pango library on this system "
        f"({str(error).splitlines()[0] if str(error) else type(error).__name__}). Install it "
        "(Debian and Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0; macOS: brew install "
        "pango; Windows: see WeasyPrint's installation page) and make the report again, or print "
        f"{html} to PDF from a browser."
    )
