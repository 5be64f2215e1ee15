"""The style sheet of print: where lines and pages break."""

from datetime import UTC, datetime
from importlib import resources
from io import BytesIO

import pypdf
import pytest

from fmnist.report.output.pdf import print_document


def pages(body):
    """The text of each page."""
    screen, paper = (
        resources.files("report_templates").joinpath(name).read_text(encoding="utf-8")
        for name in ("report.css", "pdf.css")
    )
    html = (
        f'<!DOCTYPE html><html lang="en"><head><title>t</title><style>{screen}</style></head>'
        f'<body class="appendix"><main>{body}</main></body></html>'
    )
    pdf = print_document(html, paper, datetime(2026, 11, 21, tzinfo=UTC)).pdf
    return [page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf)).pages]


@pytest.mark.parametrize(
    ("words", "hyphenated"),
    [
        ("<p>International experimentation</p>", True),
        ('<p class="byline"><span class="author">Konstantin International</span></p>', False),
        ('<p class="course">Experimental internationalisation</p>', False),
        ("<p>Call <code>fmnist train --experiments none</code></p>", False),
        ("<pre>fmnist train --experiments none</pre>", False),
    ],
)
def test_names_and_commands_are_not_hyphenated(words, hyphenated):
    (page,) = pages(f'<div style="width: 17mm">{words}</div>')
    assert ("\u2010" in page) == hyphenated


@pytest.mark.parametrize("above", [50, 130, 180])
def test_a_box_has_its_figure_on_the_page_on_which_it_begins(above):
    image = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"
    printed = pages(
        f'<p style="height: {above}mm">above</p><aside class="evidence">'
        '<p class="evidence-title">In this run</p><p>What was measured.</p><figure>'
        f'<div class="card"><img src="{image}" style="width: 80mm; height: 110mm" alt="x"></div>'
        "<figcaption>The caption.</figcaption></figure></aside>"
    )
    (page,) = [text for text in printed if "In this run" in text]
    assert "The caption." in page
