"""The author's own words: their files, the numbers in them, and what is refused."""

import re
from pathlib import Path

import pytest

from fmnist.report.handin import values
from fmnist.report.handin.author import keep_words, load_words
from fmnist.report.load import load_facts
from fmnist.report.markdown import MarkdownError

ROOT = Path(__file__).parents[3]
FACTS = load_facts(ROOT / "tests" / "data" / "short_run")
NUMBERS = values.values_of(FACTS)


def folder(tmp_path, **files):
    for name, content in files.items():
        (tmp_path / f"{name.replace('__', '.')}.md").write_text(content, encoding="utf-8")
    return tmp_path


def filled(source):
    return values.fill("discussion.md", source, NUMBERS)


def test_numbers_are_those_of_the_report():
    test = FACTS.metrics.test
    said = filled("{{ test.accuracy }} of {{ test.images }}, **{{ hardest.name }}**")
    assert said == "<p>92.45\u202f% of 10,000, <strong>Shirt</strong></p>\n"
    shirt, top = (FACTS.class_names.index(name) for name in ("Shirt", "T-shirt/top"))
    said = filled('{{ confused["Shirt"]["T-shirt/top"] }} `{{ config.batch_size }}`')
    assert said == f"<p>{test.confusion[shirt][top]} <code>64</code></p>\n"


def test_every_group_has_the_names_that_it_says_in_a_whole_run():
    for group, (names, find) in values.GROUPS.items():
        found = find(FACTS)
        assert set(found) <= set(names)
        assert all(isinstance(value, str) for value in found.values())
        # The recorded run is older than the calibration, and than the dense network of a run's own,
        # and has no pictures of its author's.
        if group not in ("calibration", "new_data"):
            assert set(found) | {"trained"} & set(names) == set(names), group


def test_every_name_is_documented():
    readme = (ROOT / "report_templates" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| (`.*?) \|", readme.split("## Your own words")[1])
    documented = readme.split("## Your own words")[1]
    for group, (names, _) in values.GROUPS.items():
        assert f"`{group}." in " ".join(rows)
        assert all(f"`{name}`" in documented or f".{name}`" in documented for name in names)
    assert all(f"`{table}" in documented for table in values.TABLES)


def test_values_stay_texts():
    hostile = {"data": {"name": "*<script>1</script>* [x](file:///etc)"}}
    assert values.fill("a.md", "{{ data.name }}", hostile) == (
        "<p>*&lt;script&gt;1&lt;/script&gt;* [x](file:///etc)</p>\n"
    )
    assert filled("<b>number000001</b> {{ data.classes }}\n") == (
        "<p>&lt;b&gt;number000001&lt;/b&gt; 10</p>\n"
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a\n{{ test.acuracy }}", "line 2: unknown number 'test.acuracy'; known are test.acc"),
        ("{{ secret }}", "line 1: unknown number 'secret'; known are"),
        ("{{ test }}", "line 1: unknown number 'test'"),
        ("{{ test.accuracy.__class__ }}", "line 1: unknown number"),
        ("a\n\n{{ test.accuracy", "line 3: unexpected end of template"),
        ("{{ 7 * 7 }}", "line 1: only a name such as {{ test.accuracy }} can be filled in"),
        ("{{ range(10) }}", "only a name such as"),
        ('{{ test.accuracy | upper }}', "only a name such as"),
        ("{% for i in test %}{% endfor %}", "only a name such as"),
        ('{% include "x" %}', "only a name such as"),
        ("[x](/etc/passwd)", "the link '/etc/passwd' must begin with one of"),
        (" \n", "is empty; write the text, or remove the file"),
    ],
)  # fmt: skip
def test_a_broken_text_is_refused_when_it_is_read(tmp_path, source, message):
    with pytest.raises(MarkdownError) as caught:
        load_words(folder(tmp_path, discussion=source))
    assert str(caught.value).startswith("discussion.md")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('\n{{ recall["Hat"] }}', "line 2: this run has no number 'recall.Hat'; known under"),
        ("{{ calibration.after }}", "no number 'calibration.after'; known under"),
        ("{{ recall }}", "'recall' is a table; name one of T-shirt/top, Trouser"),
        ("{{ config.items }}", "no number 'config.items'"),
    ],
)  # fmt: skip
def test_a_number_that_the_run_lacks_is_refused_when_it_is_filled_in(tmp_path, source, message):
    words = load_words(folder(tmp_path, limitations__after=source))
    with pytest.raises(MarkdownError) as caught:
        words.fill(FACTS)
    assert str(caught.value).startswith("limitations.after.md")
    assert message in str(caught.value)


def test_no_number_is_lost_in_a_formula():
    with pytest.raises(MarkdownError, match=r"discussion\.md: a formula is drawn as it stands"):
        filled("```formula the loss\nx = {{ test.errors }}\n```\n")


def test_braces_can_be_written():
    assert filled("{% raw %}{{ x }}{% endraw %}") == "<p>{{ x }}</p>\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("summary", "summary.md: is no section of the hand-in; a text is"),
        ("statement__after", "statement.after.md: is no section"),
        ("references", "the numbered references stay; name it references.after.md"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_section_is_refused(tmp_path, name, message):
    with pytest.raises(MarkdownError, match=message):
        load_words(folder(tmp_path, **{name: "Text"}))


def test_a_text_of_another_ending_and_two_for_one_section_are_refused(tmp_path):
    (tmp_path / "discussion.txt").write_text("Text", encoding="utf-8")
    with pytest.raises(MarkdownError, match=r"discussion.txt: is no section"):
        load_words(tmp_path)
    (tmp_path / "discussion.txt").unlink()
    with pytest.raises(MarkdownError, match=r"discussion.md and discussion.after.md are about one"):
        load_words(folder(tmp_path, discussion="a", discussion__after="b"))


def test_the_statement_has_fields_and_a_text_whose_lines_are_those_of_the_file(tmp_path):
    words = load_words(folder(tmp_path, statement='+++\nai = "none"\n+++\nThanks.'))
    assert (words.statement.ai, words.statement.contribution) == ("none", "")
    assert words.fill(FACTS).after["statement"] == "<p>Thanks.</p>\n"
    with pytest.raises(MarkdownError, match=r"statement.md, line 4: unknown number 'x'"):
        load_words(folder(tmp_path, statement='+++\nai = "none"\n+++\n{{ x }}'))
    with pytest.raises(MarkdownError, match="unknown field 'tool'"):
        load_words(folder(tmp_path, statement='+++\ntool = "none"\n+++\n'))


def test_texts_are_kept_whole_or_not_at_all(tmp_path):
    own, kept = tmp_path / "own", tmp_path / "run" / "text"
    own.mkdir()
    folder(own, README="not taken", discussion="{{ test.loss }}", summary="not known")
    kept.parent.mkdir()
    with pytest.raises(MarkdownError, match=r"summary\.md: is no section"):
        keep_words(own, kept)
    assert not kept.exists()
    (own / "summary.md").unlink()
    keep_words(own, kept)
    assert [f.name for f in kept.iterdir()] == ["discussion.md"]
    assert (kept / "discussion.md").read_text(encoding="utf-8") == "{{ test.loss }}"
