"""The report of data sets with other classes: many of them, long names, other scripts."""

import io
import re
from dataclasses import replace

import fonts_factory
import numpy as np
import pypdf
import pytest
from classes_factory import with_classes
from fontTools.ttLib import TTFont
from markupsafe import escape
from report_factory import recorded
from report_pages import Elements, on_paper, render_words, without_plots

from fmnist.analysis.classification import PrCurve
from fmnist.report import class_labels, glyphs, text
from fmnist.report.bibliography import sources
from fmnist.report.figures import classification, many_classes
from fmnist.report.figures.run_comparison import recall_figure
from fmnist.report.figures.style import drawing
from fmnist.report.load import load_facts
from fmnist.report.render import render_report
from fmnist.report.tables import results as tables
from fmnist.report.tables.run_comparison import recalls

FASHION = ("Fashion-MNIST", "garment", "shoe", "T-shirt", "trouser")
LONG = ("女式长袖连衣裙一", "女式长袖连衣裙二")
HARDEST = "The 20 classes of the lowest F1 on the test set (report.html has all)"
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


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 10, 26, 47, 62])
def test_figures_of_so_many_classes_fit_on_a_page(facts, classes):
    of = facts[classes]
    with drawing():
        made = [
            classification.confusion_figure(of.metrics.test),
            classification.pr_figure(of.predictions, of.metrics.test),
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_class_without_test_images_is_scored_nowhere(tmp_path):
    """Most images of class 4 are taken for class 3, of which there are none."""
    run = with_classes(tmp_path, numbered(10), untested=3)
    words = " ".join(render_words(run).text.split())
    assert words.count("class 3 – – – no test images") == 1  # in the hand-in
    assert words.count("class 3 – – – – – no test images") == 1
    assert words.count("averages are over the 9 classes with test images") == 2
    assert "No test images of 1 class. The test set holds no image of class 3" in words
    for wrong in ("class 3 0.0", "0.000 for class 3", "called so, 0.0", "favours class 3"):
        assert wrong not in words
    assert "no test images |" in (run / "model_card.md").read_text(encoding="utf-8")
    test = load_facts(run).metrics.test
    with drawing():
        assert "class 3" not in recall_figure([("one", test), ("other", test)]).svg
    assert ("class 3", "–", "–", "–") in recalls([("one", test), ("other", test)]).rows


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


@pytest.fixture
def no_fonts(monkeypatch):
    """A machine without fonts: there are only those that the program brings along."""
    fonts_factory.install(monkeypatch)


@pytest.fixture
def with_font(monkeypatch, tmp_path):
    """A machine whose one font has these letters and such terms of use."""

    def installed(letters, terms=0):
        font = fonts_factory.make_font(tmp_path / "Machine.ttf", letters, terms)
        fonts_factory.install(monkeypatch, font)

    return installed


@pytest.mark.slow
def test_page_and_model_card_have_the_names_that_paper_has_to_spell(tmp_path, no_fonts):
    run = with_classes(tmp_path, FOREIGN)
    handin, appendix = on_paper(run, cover={"title": "猫 and Ω", "author": "王"})
    page = Elements((run / "report.html").read_text(encoding="utf-8"))
    card = (run / "model_card.md").read_text(encoding="utf-8")
    assert all(name in page.text for name in (*FOREIGN, "猫 and Ω", "王"))
    assert all(str(escape(name)) in card for name in FOREIGN if "$" not in name)
    assert "U+732B" not in page.text + card
    for paper in (handin, appendix):
        assert not set("き猫ไทย王") & set(paper.source.partition("</head>")[2])
        assert "U+732B and Ω" in paper.text
        assert "U+738B" in paper.text
        assert ("meta", {"name": "author", "content": "王"}) in paper.tags
        assert "Пальто, ki, U+732B, \u2068جمل\u2069, Ελλάδα, U+0E44 U+0E17 U+0E22" in paper.text
    assert "apt install fonts-noto-cjk fonts-noto-core" in page.text


@pytest.mark.slow
def test_names_that_our_fonts_have_are_printed_as_they_are(tmp_path, no_fonts):
    names = ("Пальто", "Ελλάδα", "été", "a → b", "$x$ & <b>")
    run = with_classes(tmp_path, names)
    assert load_facts(run).run.data.notes == ()
    assert text.listing(names) in on_paper(run)[0].text
    assert class_labels.labels([*names, "e\u0301"]) == [*names, "é"]


def test_spelt_names_stay_different(no_fonts):
    names = ["き", "キ", "ki", "o", *LONG]
    spelt = class_labels.printed_names(names)
    assert spelt[:4] == ["ki (0)", "ki (1)", "ki", "o"]
    assert spelt[4:] == [f"U+5973 U+5F0F U+957F U+8896…{end}" for end in ("U+4E00", "U+4E8C")]
    page = f"<head>き</head><td>き</td> キ ki <b>{LONG[1]}</b> 女"
    said = f"<head>き</head><td>ki (0)</td> ki (1) ki <b>{spelt[5]}</b> U+5973"
    assert class_labels.on_paper(page, names) == said


def test_labels_that_fall_together_when_cut_stay_different(no_fonts):
    def cut(*names):
        found = class_labels.labels(names)
        assert len(set(found)) == len(names)
        assert all(class_labels.width(name) <= class_labels.LONGEST for name in found)
        return found

    ship, middle = "Donaudampfschifffahrt {}".format, "the same beginning {} the end".format
    assert cut(ship("A"), ship("B"), "Bag") == ["Donaudampfschiff…A", "Donaudampfschiff…B", "Bag"]
    assert cut(middle("one"), middle("two")) == ["the same be… (0)", "the same be… (1)"]
    assert cut(*LONG) == ["U+5973…U+4E00", "U+5973…U+4E8C"]
    assert cut("u\u0328\u0304" * 19, "x") == ["ų̄" * 8 + "…", "x"]


def test_figures_draw_letters_of_a_font_of_this_machine(tmp_path, with_font):
    with_font("猫帽")
    facts = load_facts(with_classes(tmp_path, ("猫", "帽", "ไ")))
    with drawing("".join(facts.class_names)):
        svg = classification.confusion_figure(facts.metrics.test).svg
    assert {"猫", "帽", "U+0E44"} < set(re.findall("<!-- (.*) -->", svg))
    assert len(set(re.findall(r'"#(Machine-\w+)"', svg))) == 2
    (note,) = facts.run.data.notes
    assert "fonts-noto-core" in note
    assert "fonts-noto-cjk" not in note


def test_a_font_that_may_not_be_embedded_is_left_out(with_font):
    for terms in (fonts_factory.RESTRICTED, fonts_factory.WHOLE_ONLY):
        with_font("猫", terms)
        assert glyphs.spelt("猫") == "U+732B"
    with_font("猫", fonts_factory.PRINTABLE)
    assert glyphs.spelt("猫") == "猫"


def test_a_broken_font_costs_its_letters_alone(tmp_path, monkeypatch):
    broken = tmp_path / "A.ttf"
    broken.write_bytes(b"no font")
    font = fonts_factory.make_font(tmp_path / "B.ttf", "猫")
    fonts_factory.install(monkeypatch, broken, tmp_path / "gone.ttf", font)
    assert glyphs.spelt("猫") == "猫"
    font.write_bytes(font.read_bytes()[:200])  # broken since
    assert list(glyphs.faces("猫 Ж")) == ["Report More"]


def test_the_letters_that_are_missing_come_along(with_font):
    with_font("猫帽")
    assert glyphs.faces("Aé Ω → ✗") == {}
    found = glyphs.faces("Пальто B 猫 جمل")
    assert glyphs.faces("Пальто B 猫 جمل") == found
    for font, letters in zip(found.values(), ("Пальтоجمل ", "猫 "), strict=True):
        with TTFont(io.BytesIO(font)) as read:
            assert set(map(ord, letters)) == set(read.getBestCmap())
    assert list(found) == ["Report More", "Report More B"]
    assert sum(map(len, found.values())) < 60_000


@pytest.mark.slow
def test_the_page_has_these_fonts(tmp_path, with_font):
    with_font("猫")
    page = render_words(with_classes(tmp_path, FOREIGN)).source
    assert '@font-face{font-family:"Report More B"' in page
    assert '--more: "Report More", "Report More B"}' in page
    assert "$x$ &amp; &lt;b&gt;" in page


@pytest.mark.slow
def test_the_pdf_has_the_letters_of_a_font_of_this_machine(tmp_path, with_font):
    with_font("猫")
    result = render_report(with_classes(tmp_path, ("猫", "Пальто", "帽", "جمل")))
    for path in (result.pdf, result.appendix):
        pages = pypdf.PdfReader(path).pages
        fonts = {f["/BaseFont"] for page in pages for f in page["/Resources"]["/Font"].values()}
        assert {name.split("+")[1] for name in fonts} <= {
            *("Report-More", "Report-More-B", "Report-Sans", "Report-Sans-Semi-Bold"),
            *("Report-Sans-Italic", "Report-Mono", "Report-Symbols"),
        }
        assert "猫, Пальто, U+5E3D" in re.sub(r"\s+", " ", pages[0].extract_text())


def test_names_from_right_to_left_leave_what_is_around_them_alone():
    page = "<head>جمل</head><p>جمل أحمر, 0.975</p> Пальто"
    assert glyphs.isolated(page) == ("<head>جمل</head><p>\u2068جمل أحمر\u2069, 0.975</p> Пальто")


@pytest.fixture(scope="module")
def most(tmp_path_factory):
    """A run with as many classes as there can be."""
    return with_classes(tmp_path_factory.mktemp("run"), numbered(255))


def test_a_matrix_of_255_classes_has_one_shape_a_colour_and_names_in_steps(most):
    test = load_facts(most).metrics.test
    with drawing():
        figure = classification.confusion_figure(test)
    colours = len(np.unique(test.counts()[~np.eye(255, dtype=bool)]))  # of hits one, of 0 none
    assert len(re.findall('style="fill: #[^"]*stroke: #ffffff', figure.svg)) == colours
    shown = re.findall("<!-- class (.*) -->", figure.svg)
    assert shown == 2 * [str(k) for k in range(0, 255, 4)]
    assert "One class in 4 is named." in figure.caption
    assert many_classes.matrix_look(62, 4, 4.6).step == 1


def test_no_curve_is_computed_that_is_not_drawn(most, facts, monkeypatch):
    computed = []
    monkeypatch.setattr(
        "fmnist.analysis.classification._curve",
        lambda hits, scores: computed.append(1) or PrCurve(np.array([0.0, 1]), np.ones(2), 1.0),
    )
    for of, drawn in ((load_facts(most), 20), (facts[10], 10)):
        computed.clear()
        with drawing(), without_plots():
            classification.pr_figure(of.predictions, of.metrics.test)
        assert len(computed) == drawn


@pytest.fixture(scope="module")
def appendix(most):
    """Its appendix; the page lies in its folder."""
    return on_paper(most)[1]


@pytest.mark.slow
def test_paper_has_the_hardest_of_255_classes_and_the_page_has_all(most, appendix):
    test = load_facts(most).metrics.test
    hardest = sorted(test.classes, key=lambda c: c.f1)[:20]
    page = Elements((most / "report.html").read_text(encoding="utf-8"))
    scores = "Scores of each class on the test set"

    def rows(of, caption):
        table = of.source.split(caption)[1].split("</table>")[0]
        return re.findall(r'<th scope="row">(class \d+)</th>', table)

    shown, whole = rows(appendix, HARDEST), rows(page, scores)
    assert shown == [c.name for c in test.classes if c in hardest]
    assert whole == [c.name for c in test.classes]


@pytest.mark.slow
def test_the_appendix_of_255_classes_has_rows_for_few_of_them(appendix, tmp_path):
    of_few = on_paper(with_classes(tmp_path, numbered(10)))[1]
    many, few = (sum(tag == "tr" for tag, _ in page.tags) for page in (appendix, of_few))
    assert many - few <= 12
