"""The report of data sets with other classes: many of them, long names, other scripts."""

import io
import re
from dataclasses import replace

import pytest
from classes_factory import with_classes
from fontTools.ttLib import TTFont
from report_factory import recorded
from report_pages import render_html, render_words

from fmnist.report import glyphs, text
from fmnist.report.bibliography import sources
from fmnist.report.figures import classification, many_classes
from fmnist.report.figures.run_comparison import recall_figure
from fmnist.report.figures.style import drawing
from fmnist.report.load import load_facts
from fmnist.report.tables import results as tables

FASHION = ("Fashion-MNIST", "garment", "shoe", "T-shirt", "trouser")
FOREIGN = ("Пальто", "き", "猫", "جمل", "Ελλάδα", "ไทย", "$x$ & <b>")


def numbered(count):
    return tuple(f"class {k}" for k in range(count))


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    """Facts by number of classes."""
    return {
        n: load_facts(with_classes(tmp_path_factory.mktemp("run"), numbered(n)))
        for n in (2, 10, 26, 47, 62)
    }


@pytest.mark.parametrize("classes", [2, 10, 26, 47, 62])
def test_figures_of_so_many_classes_fit_on_a_page(facts, classes):
    from fmnist.analysis.classification import pr_curves

    of, predictions = facts[classes], facts[classes].predictions
    curves = pr_curves(predictions.test_labels, predictions.test_probabilities)
    with drawing():
        made = [
            classification.confusion_figure(of.metrics.test),
            classification.pr_figure(curves, of.metrics.test),
            classification.softmax_figure(of.evidence.softmax, of.class_names),
        ]
    for figure in made:
        assert figure.height < 96 * 6.8
        assert len(figure.svg) < 900_000
    matrix, pr, softmax = made
    assert f"{classes} true by {classes} predicted" in matrix.alt
    assert len(pr.table) == classes + 1  # the curves are some of them, the table has all
    assert ("the 20 classes with the lowest AP" in pr.caption) == (classes > 20)
    assert ("most probable of" in softmax.caption) == (classes > text.FEW_CLASSES)
    assert len(softmax.table) <= text.FEW_CLASSES + 1


def test_runs_side_by_side_show_the_classes_that_differ_most(facts):
    test = facts[62].metrics.test
    classes = list(test.classes)
    classes[40] = replace(classes[40], recall=0.0)
    other = replace(test, classes=tuple(classes))
    with drawing():
        figure = recall_figure([("one", test), ("other", other)])
        few = recall_figure([("one", facts[10].metrics.test)] * 8)
    assert figure.height < 96 * 8.5
    assert "class 40" in figure.svg
    assert "Drawn are the 23 classes in which the runs differ most." in figure.caption
    assert "Drawn are" not in few.caption


def test_a_matrix_says_where_its_numbers_are_left_out():
    assert many_classes.matrix_look(10, 4, 4.6).height == 4.6
    assert many_classes.matrix_look(2, 4, 4.6).height < 3
    assert many_classes.matrix_look(26, 4, 4.6).numbered
    assert many_classes.matrix_look(47, 2, 4.6).numbered
    assert not many_classes.matrix_look(62, 4, 4.6).numbered


def test_the_table_of_many_classes_has_every_error(facts):
    test = facts[47].metrics.test
    table = tables.confusion(test)
    assert len(table.head) == 4
    counts = test.counts()
    for k, (name, images, correct, errors) in enumerate(table.rows):
        assert (name, int(images), int(correct)) == (f"class {k}", counts[k].sum(), counts[k, k])
        named = {int(a): int(b) for a, b in re.findall(r"class (\d+) \((\d+)\)", errors)}
        assert named == {j: int(n) for j, n in enumerate(counts[k]) if n and j != k}


def test_a_matrix_with_long_names_is_told_by_class(facts, tmp_path):
    assert len(tables.confusion(facts[10].metrics.test).head) == 11
    names = ("Donaudampfschifffahrt", *numbered(9))
    long = load_facts(with_classes(tmp_path, names))
    assert len(tables.confusion(long.metrics.test).head) == 4


def test_the_report_of_another_data_set_says_nothing_of_fashion_mnist(tmp_path):
    more = {"notes": ["Mirrored images were left out."], "test": "split off", "pictures": "whole"}
    text = render_words(with_classes(tmp_path, numbered(26), **more)).text
    assert "own: a tuned convolutional network" in text
    assert "Mirrored images were left out." in text
    assert "The test set had been split off before" in text
    assert "and its mirror image, was compared" not in text
    # The one example of the answers is named as such.
    left = text.replace("that of the upper garments in Fashion-MNIST", "")
    left = left.replace("a shoe may be mirrored", "")
    found = [word for word in FASHION if word.lower() in re.sub(r"\s+", " ", left).lower()]
    assert not found


@pytest.mark.parametrize(
    ("name", "author"),
    [
        ("MNIST", "Y. LeCun"),
        ("EMNIST letters", "G. Cohen"),
        ("KMNIST", "T. Clanuwat"),
        ("Kuzushiji-49", "T. Clanuwat"),
        ("own", ""),
    ],
)
def test_the_data_set_has_its_own_source(tmp_path, name, author):
    facts = load_facts(with_classes(tmp_path, numbered(3), name=name))
    found = sources(facts, [])
    assert any(s.startswith(author) for s in found if author) == bool(author)
    assert not any("Fashion-MNIST" in s for s in found)


def test_fashion_mnist_has_its_source(tmp_path):
    assert any("Fashion-MNIST" in s for s in sources(load_facts(recorded(tmp_path)), []))


def test_names_that_no_font_has_are_spelt(tmp_path):
    facts = load_facts(with_classes(tmp_path, FOREIGN))
    spelt = ("Пальто", "ki", "U+732B", "جمل", "Ελλάδα", "U+0E44 U+0E17 U+0E22", "$x$ & <b>")
    assert facts.class_names == spelt
    assert tuple(c.name for c in facts.metrics.test.classes) == spelt
    assert "fonts of this report lack letters" in facts.run.data.notes[-1]
    assert load_facts(with_classes(tmp_path / "b", numbered(2))).run.data.notes == ()


def test_spelt_names_stay_different():
    assert glyphs.spelt(["き", "キ", "ki", "o"]) == ("ki (0)", "ki (1)", "ki (2)", "o")
    assert glyphs.spelt(["e\u0301"]) == ("é",)


def test_the_letters_that_are_missing_come_along():
    assert glyphs.face(("A", "é", "Ω")) is None
    family, font = glyphs.face(("Пальто B", "جمل"))
    assert glyphs.face(("Пальто B", "جمل"))[1] == font
    with TTFont(io.BytesIO(font)) as read:
        assert {ord(c) for c in "Пальто B"} <= set(read.getBestCmap())
    assert family == "Report More"
    assert len(font) < 60_000


def test_the_page_has_that_font(tmp_path):
    page = render_html(with_classes(tmp_path, FOREIGN)).read_text(encoding="utf-8")
    assert '@font-face{font-family:"Report More"' in page
    assert "$x$ &amp; &lt;b&gt;" in page


def test_numbers_beside_a_name_from_right_to_left_stay_there():
    assert glyphs.isolated("جمل") == "\u2068جمل\u2069"
    assert glyphs.isolated("Пальто") == "Пальто"
