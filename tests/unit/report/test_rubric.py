"""A teacher's rubric: what is refused, the outline that it makes, and what counts as answered."""

from pathlib import Path

import pytest

from fmnist.report.handin.fitting import Fitted, Limits
from fmnist.report.handin.rubric import (
    DONE,
    OPEN,
    PARTLY,
    WHOLE,
    RubricError,
    as_markdown,
    check,
    keep_rubric,
    load_rubric,
)
from fmnist.report.outline import HANDIN
from fmnist.runs.records.run import Document

EXAMPLES = sorted((Path(__file__).parents[3] / "report_templates" / "rubrics").glob("*.toml"))
USUAL = [slug for slug, *_ in HANDIN]
PARTS = """
pages = 5
[[part]]
name = "Baseline"
points = 4
section = "performance"
keywords = ["dense|linear", "Chance"]
[[part]]
name = "Results of the CNN"
points = 6
section = "performance"
[[part]]
name = "New data"
points = 10
section = "new-data"
advice = "Take photographs | of clothes"
[[part]]
name = "Contributions"
section = "statement"
[[part]]
name = "Grammar"
points = 2
"""


def rubric(tmp_path, content=PARTS):
    path = tmp_path / "mine.toml"
    path.write_text(content, encoding="utf-8")
    return path


class Sheets:
    """Stands for pages that were laid out."""

    pages = 4

    def places(self, anchors):
        return {anchor: f"p. {n}" for n, anchor in enumerate(anchors, start=1)}


def fitted(**sections):
    html = "".join(f"<section id='{name}'>{said}</section>" for name, said in sections.items())
    return Fitted(Sheets(), 4, 1200, (), html=html.replace("new_data", "new-data"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_valid_and_ask_for_an_order(path):
    found = load_rubric(path)
    outline = found.outline(found.own)
    assert {slug for slug, *_ in outline} == {*USUAL, *found.own}
    assert outline != HANDIN
    assert Limits.of(found.limited(Document())).pages == found.pages


def test_there_are_five_examples():
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[[part", r"mine.toml: cannot be read as TOML: "),
        ("title = 'x'", r"mine.toml: has no part; write a table \[\[part\]\]"),
        ("page = 4\n[[part]]\nname = 'a'", "unknown entry 'page'; known are part, title, pages"),
        ("[[part]]\nname = 'a'\nscore = 4", "part 1: unknown entry 'score'; known are name"),
        ("[[part]]\npoints = 4", "the entry 'name' is missing"),
        ("[[part]]\nname = 'a'\npoints = 'b'", "expected a number"),
        ("[[part]]\nname = 'a'\npoints = -1", r"part 1 \('a'\): points must be 0 to 1000"),
        ("[[part]]\nname = 'a'\n[[part]]\nname = 'a'", "part 2 .* needs a name of its own"),
        ("[[part]]\nname = 'a'\nsection = 'results'", "found 'results'; .* chapters of the append"),
        ("[[part]]\nname = 'a'\nsection = 'A b'", "section must be one of .* found 'A b'"),
        ("[[part]]\nname = 'a'\nkeywords = [' ']", "a keyword is empty"),
        ("questions = 'all'\n[[part]]\nname = 'a'", "questions must be one of inline, appendix"),
        ("pages = -1\n[[part]]\nname = 'a'", "limits from 1 on"),
    ],
)  # fmt: skip
def test_a_broken_rubric_is_refused_and_not_kept(tmp_path, content, message):
    (tmp_path / "run").mkdir()
    with pytest.raises(RubricError, match=message) as caught:
        keep_rubric(rubric(tmp_path, content), tmp_path / "run")
    assert str(caught.value).startswith("mine.toml: ")
    assert not list((tmp_path / "run").iterdir())


def test_sections_follow_the_rubric_and_take_its_names(tmp_path):
    found = load_rubric(rubric(tmp_path))
    order = {slug: (title, counted) for slug, title, counted in found.outline(["new-data"])}
    assert list(order)[:4] == ["abstract", "performance", "new-data", "statement"]
    assert list(order)[-2:] == ["answers", "references"]
    assert order["performance"] == ("Baseline and results of the CNN", True)
    assert order["statement"] == ("Contributions", False)
    assert order["discussion"] == ("Discussion", True)
    assert "new-data" not in [slug for slug, *_ in found.outline([])]


def test_limits_of_the_document_count_more_than_those_of_the_rubric(tmp_path):
    found = load_rubric(rubric(tmp_path))
    assert found.limited(Document()).max_pages == 5
    assert found.limited(Document(max_pages=3)).max_pages == 3


def test_what_is_answered_is_told_with_its_page(tmp_path):
    hand_in = fitted(
        performance="<b>A linear</b> model.", statement="Use of AI: to be filled in by the author"
    )
    checked = check(load_rubric(rubric(tmp_path)), hand_in, [])
    baseline, results, new, statement, grammar = checked.found
    assert (baseline.state, baseline.pages) == (PARTLY, "p. 1")
    assert baseline.advice == (
        "nothing is said of “Chance”: write it in performance.after.md (--text)"
    )
    assert (results.state, results.pages, results.advice) == (DONE, "p. 1", "")
    assert (new.state, new.pages, new.advice) == (OPEN, "", "Take photographs | of clothes")
    assert (statement.state, statement.pages) == (PARTLY, "p. 2")
    assert "statement.md" in statement.advice
    assert (grammar.state, grammar.advice) == (WHOLE, "")
    assert checked.summary == "1 of 4 lines answered, 6 of 20 points; 4 of 5 pages"
    table = as_markdown(checked)
    assert "| 10 | New data | – | open | Take photographs \\| of clothes |" in table


def test_what_the_author_adds_is_found(tmp_path):
    hand_in = fitted(
        performance="Dense, and chance.", new_data="30 photographs", statement="AI: none"
    )
    checked = check(load_rubric(rubric(tmp_path)), hand_in, ["new-data"])
    assert [a.state for a in checked.found] == [DONE, DONE, DONE, DONE, WHOLE]
    assert checked.summary.startswith("4 of 4 lines answered, 20 of 20 points")


def test_answers_in_the_appendix_are_not_answered(tmp_path):
    path = rubric(tmp_path, "[[part]]\nname = 'Questions'\nsection = 'answers'")
    (found,) = check(load_rubric(path), fitted(performance="x"), []).found
    assert found.state == OPEN
    assert "--questions inline" in found.advice
