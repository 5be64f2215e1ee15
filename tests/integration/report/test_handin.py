"""The hand-in as it is printed: its pages, its words, what has no room in it."""

import re
import subprocess
from pathlib import Path

import pypdf
import pytest
from layout_cases import recorded_night, searched_in_full, thin_run, with_long_names
from report_factory import recorded
from report_pages import filled, render_handin

from fmnist.report.handin.fitting import PICTURES, TEXTS, count_words
from fmnist.report.outline import HANDIN
from fmnist.report.pages import Pages
from fmnist.report.render import render_report
from fmnist.runs import artifacts
from fmnist.runs.folder import Run

FOOT_AND_TWO_LINES = 85
"""Points above the lower edge of a page where a heading may stand last."""
RUBRICS = sorted((Path(__file__).parents[3] / "report_templates" / "rubrics").glob("*.toml"))


def limited(folder, make=recorded, **document):
    """A run, the recorded one unless told, whose document asks for this."""
    run = Run(make(folder))
    record = run.read_toml(artifacts.RUN)
    record["document"] |= document
    run.write_toml(artifacts.RUN, record)
    return run.path


def text_of(pdf):
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(pdf).pages).split())


def test_the_hand_in_has_six_pages_at_most_and_every_section(recorded_report):
    pdf = recorded_report / "report.pdf"
    assert len(pypdf.PdfReader(pdf).pages) <= 6
    text = text_of(pdf)
    for _, title, _ in HANDIN:
        assert title in text
    assert "to be filled in by the author" in text


def check_pages(pdf, most, folder):
    """No page is emptier than a quarter, the last holds some lines, no heading stands alone."""
    document = pypdf.PdfReader(pdf)
    *full, last = filled(pdf, folder)
    assert len(full) + 1 == len(document.pages) <= most
    assert min(full) >= 0.75
    assert last >= 0.15
    marks = [m for m in document.outline if not isinstance(m, list)]
    assert len(marks) > 8
    assert all(mark.top > FOOT_AND_TWO_LINES for mark in marks[1:])


def test_the_pages_of_the_hand_in_are_filled(recorded_report, tmp_path):
    check_pages(recorded_report / "report.pdf", 6, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("most", [4, 6])
@pytest.mark.parametrize(
    "make", [recorded, recorded_night, thin_run, searched_in_full, with_long_names]
)
def test_the_pages_of_other_hand_ins_are_filled(tmp_path, make, most):
    check_pages(render_handin(limited(tmp_path, make, max_pages=most)), most, tmp_path)


def test_the_appendix_is_short_enough_to_be_read(recorded_report):
    assert len(pypdf.PdfReader(recorded_report / "appendix.pdf").pages) <= 20


@pytest.mark.slow
def test_four_pages_are_four_pages_and_no_picture_is_moved_out(tmp_path):
    found = render_report(limited(tmp_path, max_pages=4))
    assert len(pypdf.PdfReader(found.pdf).pages) == found.handin.pages <= 4
    assert found.handin.moved == ()
    text = text_of(found.pdf)
    assert "Discussion" in text
    assert "In this run" not in text


@pytest.mark.slow
def test_two_pages_and_a_cover_move_pictures_out(tmp_path):
    found = render_report(limited(tmp_path, max_pages=2, cover=True))
    assert len(pypdf.PdfReader(found.pdf).pages) == 3
    assert found.handin.pages == 2
    assert found.handin.moved
    # Texts after all pictures.
    pictures = [name in PICTURES.values() for name in found.handin.moved]
    assert pictures == sorted(pictures, reverse=True)
    assert set(found.handin.moved) <= {*PICTURES.values(), *TEXTS.values()}
    assert found.handin.excess == ""
    done = subprocess.run(["qpdf", "--check", found.pdf], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_words_of_the_author_count_as_pages_and_are_never_moved_out(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "discussion.md").write_text("My own words about it. " * 300, encoding="utf-8")
    found = render_report(limited(tmp_path, max_pages=3), text=own)
    assert len(pypdf.PdfReader(found.pdf).pages) == found.handin.pages
    assert found.handin.moved
    assert (found.handin.pages <= 3) == (found.handin.excess == "")
    assert text_of(found.pdf).count("My own words about it.") >= 297  # some lie across two pages


@pytest.mark.slow
@pytest.mark.parametrize("rubric", RUBRICS, ids=lambda path: path.stem)
def test_a_rubric_names_the_pages_on_which_its_parts_stand(tmp_path, rubric):
    found = render_report(limited(tmp_path), rubric=rubric)
    pages = [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(found.pdf).pages]
    assert found.handin.excess == ""
    answered = [answer for answer in found.rubric.found if answer.state == "answered"]
    judged = [answer for answer in found.rubric.found if answer.state != "whole document"]
    assert len(answered) >= 0.7 * len(judged) > 2
    for answer in answered:
        first = int(re.findall(r"\d+", answer.pages)[0])
        assert answer.line.name.lower() in pages[first - 1].lower(), answer
    assert "rubric" not in " ".join(pages).lower()


@pytest.mark.slow
def test_without_questions_there_are_none_anywhere(tmp_path):
    found = render_report(limited(tmp_path, questions="none"))
    assert "Concept questions" not in found.html.read_text(encoding="utf-8")
    assert "Concept questions" not in text_of(found.appendix)


@pytest.mark.slow
def test_the_words_that_are_told_are_those_of_the_page(tmp_path, monkeypatch):
    pages, real = [], Pages.handin
    monkeypatch.setattr(
        Pages, "handin", lambda self, keys: pages.append(real(self, keys)) or pages[-1]
    )
    found = render_report(limited(tmp_path, max_words=1400))
    assert found.handin.words == count_words(pages[-1]) <= 1400
