"""Question files: head, Markdown, formulas, and what they may not do."""

import pytest

from fmnist.report.concepts import forms, load_concepts
from fmnist.report.evidence import EVIDENCE
from fmnist.report.markdown import MarkdownError
from fmnist.runs.codec import FactsError

HEAD = '+++\nquestion = "Why?"\nevidence = "pooling"\nsources = ["A book"]\n+++\n'


def written(folder, body, name="01-why.md"):
    (folder / name).write_text(body, encoding="utf-8")
    return load_concepts(folder)


def test_the_eight_questions_are_there_with_evidence():
    concepts = load_concepts()
    assert len(concepts) == 8
    assert {c.evidence for c in concepts} == set(EVIDENCE)
    assert all(c.sources for c in concepts)
    assert len({c.slug for c in concepts}) == 8


def test_head_and_body_are_read(tmp_path):
    (concept,) = written(tmp_path, HEAD + "\nBecause *so*.\n")
    assert (concept.question, concept.evidence, concept.sources) == ("Why?", "pooling", ("A book",))
    assert concept.long == "<p>Because <em>so</em>.</p>\n"


def test_files_stand_in_the_order_of_their_names(tmp_path):
    written(tmp_path, HEAD.replace("Why?", "Second"), "02-b.md")
    concepts = written(tmp_path, HEAD.replace("Why?", "First"), "01-a.md")
    assert [c.question for c in concepts] == ["First", "Second"]


def test_a_formula_becomes_a_picture_with_its_spoken_text(tmp_path):
    (concept,) = written(tmp_path, HEAD + '```formula x is less than "y" & z\nx < y\n```\n')
    assert 'alt="x is less than &quot;y&quot; &amp; z"' in concept.long
    assert 'src="data:image/svg+xml;base64,' in concept.long


def test_html_and_images_stay_text(tmp_path):
    (concept,) = written(tmp_path, HEAD + "<script>x</script> ![a](http://b.example/c.png)")
    assert "<script" not in concept.long
    assert "<img" not in concept.long


def test_headings_stand_below_the_question(tmp_path):
    (concept,) = written(tmp_path, HEAD + "# One\n\n## Two\n")
    assert concept.long.count("<h4>") == 2
    assert "<h1>" not in concept.long


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no head", "expected a TOML head"),
        ("+++\nquestion = \n+++\n", "not valid TOML"),
        (HEAD.replace('"pooling"', '"poolings"'), "evidence must be one of .* found 'poolings'"),
        (HEAD + "```formula\nx\n```\n", "needs its spoken text"),
        (HEAD + "```formula broken\n\\frac{\n```\n", "formula"),
    ],
)
def test_a_broken_file_is_named(tmp_path, content, message):
    with pytest.raises(MarkdownError, match=rf"01-why.md: .*{message}"):
        written(tmp_path, content)


def test_a_missing_question_is_named(tmp_path):
    with pytest.raises(FactsError, match=r"01-why.md: the entry 'question' is missing"):
        written(tmp_path, "+++\n+++\nText")


@pytest.mark.parametrize("concept", load_concepts(), ids=lambda c: c.file)
def test_our_short_answers_fit_a_hand_in(concept):
    body = concept.written.split("+++")[2]
    short, long = forms(concept.file, body)
    assert 90 <= len(short.split()) <= 110
    assert len(long.split()) > 2 * len(short.split())
    assert concept.short.startswith("<p>")
    assert "Short answer" not in concept.short + concept.long


def test_a_file_without_the_headings_is_all_long(tmp_path):
    (concept,) = written(tmp_path, HEAD + "Because.\n")
    assert (concept.short, concept.long) == ("", "<p>Because.</p>\n")


def test_both_forms_are_read(tmp_path):
    (concept,) = written(tmp_path, HEAD + "## Short answer\nA.\n\n## Long answer\nB.\n\n## C\n")
    assert concept.short == "<p>A.</p>\n"
    assert concept.long == "<p>B.</p>\n<h4>C</h4>\n"


@pytest.mark.parametrize("body", ["## Short answer\nA.", "## Long answer\nB.\n## Short answer\nA."])
def test_one_form_alone_is_refused(tmp_path, body):
    with pytest.raises(MarkdownError, match=r"01-why.md: expected '## Short answer' and then"):
        written(tmp_path, HEAD + body)
