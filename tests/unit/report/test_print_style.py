"""The style sheet of print: where lines and pages break."""

from datetime import UTC, datetime
from importlib import resources
from io import BytesIO

import pypdf
import pytest

from fmnist.report.output.pdf import print_document

IMAGE = (
    "<img src=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E\" alt='x' "
    "style='width: 80mm; height: {}mm'>"
)


def pages(body, edition="appendix"):
    """The text of each page."""
    screen, paper = (
        resources.files("report_templates").joinpath(name).read_text(encoding="utf-8")
        for name in ("report.css", "pdf.css")
    )
    html = (
        f'<!DOCTYPE html><html lang="en"><head><title>t</title><style>{screen}</style></head>'
        f'<body class="{edition}"><main>{body}</main></body></html>'
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
    printed = pages(
        f'<p style="height: {above}mm">above</p><aside class="evidence">'
        '<p class="evidence-title">In this run</p><p>What was measured.</p><figure>'
        f'<div class="card">{IMAGE.format(110)}</div>'
        "<figcaption>The caption.</figcaption></figure></aside>"
    )
    (page,) = [text for text in printed if "In this run" in text]
    assert "The caption." in page


@pytest.mark.parametrize("above", [150, 180, 215])
def test_what_stands_beside_text_is_not_broken(above):
    first, *_, last = pages(
        f'<p style="height: {above}mm">above</p><div class="whole">'
        f'<div class="right"><figure><p>Its picture.</p>{IMAGE.format(60)}'
        "<figcaption>The caption.</figcaption></figure></div>"
        '<div class="left"><div class="scroll"><table><tbody>'
        f"{'<tr><td>a row of it</td></tr>' * 20}</tbody></table></div></div></div>",
        "handin",
    )
    assert "above" in first
    assert "Its picture." in last
    assert "The caption." in last
    assert last.count("a row of it") == 20


def test_the_last_references_stay_together():
    *_, last = pages(
        f'<p style="height: 232mm">above</p><ol class="sources">{"<li>A source.</li>" * 12}</ol>',
        "handin",
    )
    assert 7 <= last.count("A source.") < 12
