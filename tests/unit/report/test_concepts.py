"""Question files: head, Markdown, formulas, and what they may not do."""

import pytest

from fmnist.report.concepts import ConceptError, load_concepts
from fmnist.report.evidence import EVIDENCE
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
    assert concept.answer == "<p>Because <em>so</em>.</p>\n"


def test_files_stand_in_the_order_of_their_names(tmp_path):
    written(tmp_path, HEAD.replace("Why?", "Second"), "02-b.md")
    concepts = written(tmp_path, HEAD.replace("Why?", "First"), "01-a.md")
    assert [c.question for c in concepts] == ["First", "Second"]


def test_a_formula_becomes_a_picture_with_its_spoken_text(tmp_path):
    (concept,) = written(tmp_path, HEAD + '```formula x is less than "y" & z\nx < y\n```\n')
    assert 'alt="x is less than &quot;y&quot; &amp; z"' in concept.answer
    assert 'src="data:image/svg+xml;base64,' in concept.answer


def test_html_and_images_stay_text(tmp_path):
    (concept,) = written(tmp_path, HEAD + "<script>x</script> ![a](http://b.example/c.png)")
    assert "<script" not in concept.answer
    assert "<img" not in concept.answer


def test_headings_stand_below_the_question(tmp_path):
    (concept,) = written(tmp_path, HEAD + "# One\n\n## Two\n")
    assert concept.answer.count("<h4>") == 2
    assert "<h1>" not in concept.answer


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
    with pytest.raises(ConceptError, match=rf"01-why.md: .*{message}"):
        written(tmp_path, content)


def test_a_missing_question_is_named(tmp_path):
    with pytest.raises(FactsError, match=r"01-why.md: the entry 'question' is missing"):
        written(tmp_path, "+++\n+++\nText")
