"""What is printed of a page: labels of figures as text where they stood as shapes."""

import re
from datetime import UTC, datetime
from io import BytesIO

import pypdf
import pytest

from fmnist.report.figures.style import canvas, drawing, to_svg
from fmnist.report.output.paper import printed, with_text
from fmnist.report.output.pdf import print_document
from fmnist.report.output.templating import data_uri
from fmnist.report.pages import font_faces


@pytest.fixture(scope="module")
def plot():
    with drawing():
        figure, ax = canvas(2)
        ax.set_title("Bags & boots")
        ax.set_xlabel("first fit")
        ax.set_ylabel("a --flag")
        ax.annotate("☂", (0.5, 0.5))
        return to_svg(figure)


def labels(svg):
    return {text: tag for tag, text in re.findall("<text ([^>]*)>([^<]*)</text>", svg)}


def test_labels_become_text_where_they_stood(plot):
    found = labels(with_text(plot))
    title = found["Bags &amp; boots"]
    assert 'font-weight="600"' in title
    assert 'font-size="9"' in title
    place = re.search(r'transform="(translate\([^)]*\))', title)[1]
    assert f'{place} scale(0.09 -0.09)"' in plot
    starts = [float(x) for x in re.search('x="([^"]*)"', title)[1].split()]
    assert len(starts) == len("Bags & boots")
    assert starts == sorted(starts)


def test_a_label_with_a_ligature_has_the_place_of_its_first_letter_alone(plot):
    assert 'x="0.00"' in labels(with_text(plot))["first fit"]


def test_what_could_not_be_the_same_stays_a_shape(plot):
    changed = with_text(plot)
    assert "<!-- ☂ -->" in changed
    assert "<!-- a - -flag -->" in changed
    used = set(re.findall(r'href="#([^"]*)"', changed))
    assert used <= set(re.findall(r'id="([^"]*)"', changed))


def test_words_of_a_figure_are_found_in_the_pdf(plot):
    uri = data_uri("image/svg+xml", plot.encode())
    html = (
        f"<html lang=en><head><title>A page</title><style>{font_faces()}</style></head><body>"
        f'<img src="{uri}" alt="A plot"></body></html>'
    )
    pdf = print_document(html, "", datetime(2026, 11, 21, tzinfo=UTC)).pdf
    (page,) = pypdf.PdfReader(BytesIO(pdf)).pages
    assert "Bags & boots" in page.extract_text()


def test_what_only_a_screen_unfolds_is_not_printed():
    assert printed("a<details><p>b</p></details>c<!-- screen -->d<!-- /screen -->e") == "ace"
