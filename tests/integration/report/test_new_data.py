"""The chapter of the author's own pictures: with one and with many, and what is no such file."""

import base64
import json

import pytest
from classes_factory import with_classes
from new_data_factory import PROBLEM, add_new_data
from report_factory import complete_run, recorded, write
from report_pages import Elements, on_paper, render_html, without_plots
from tracing import untraced
from tracing_rules import RULES

from fmnist.report.load import load_facts
from fmnist.report.narrative.new_data import summary
from fmnist.report.outline import SECTIONS
from fmnist.report.output.templating import environment_for
from fmnist.report.pages import Counter
from fmnist.runs.check import check_run
from fmnist.runs.codec import FactsError
from fmnist.runs.folder import Run
from search.checksums import keep_checksums

THIN = "\u202f"


def chapter(run, *, full=True):
    facts = load_facts(run)
    section = next(s for s in SECTIONS if s.slug == "newdata")
    template = environment_for(None).get_template(section.template)
    data = section.build(facts, [])
    return Elements(template.render(numbers=Counter(), chapter="H", full=full, **data))


def changed(run, change):
    found = json.loads((run / "newdata.json").read_text(encoding="utf-8"))
    change(found)
    write(run, "newdata.json", found)


def test_a_report_has_the_chapter_where_there_are_pictures(tmp_path, recorded_html):
    assert 'href="#newdata"' not in recorded_html.read_text(encoding="utf-8")
    run = recorded(tmp_path)
    add_new_data(run)
    with without_plots():
        page = render_html(run).read_text(encoding="utf-8")
    assert page.count('href="#newdata"') == 1
    assert "Of 18 new pictures of the author’s 15 are classified correctly" in page
    assert untraced(run, RULES) == []


@pytest.mark.slow
def test_on_paper_there_are_a_sentence_and_a_chapter(tmp_path):
    run = recorded(tmp_path)
    add_new_data(run)
    handin, appendix = on_paper(run)
    assert "Of 18 new pictures" in handin.text
    assert "New data" not in handin.text
    assert "12 of the 18 pictures, those classified wrongly first," in appendix.text
    assert "The other 6 pictures" not in appendix.text


def test_every_picture_is_shown_as_it_was_and_prepared(tmp_path):
    run = recorded(tmp_path)
    found = add_new_data(run)
    page = chapter(run)
    images = [a for tag, a in page.tags if tag == "img"]
    assert len(images) == 2 * found.n
    assert all(a["alt"] for a in images)
    original = base64.b64encode(found.photos[0].original).decode()
    assert images[0]["src"].endswith(original)
    assert images[0]["class"] == "photo"
    assert images[0]["alt"] == "class0/IMG009.jpg, as it was"  # the first that is wrong
    assert "Shirt, 81% wrong: is T-shirt/top, 19% class0/IMG009.jpg" in page.text.replace(THIN, "")
    assert page.text.count("trimmed to 419 x 211") == found.n
    assert PROBLEM in page.text
    assert "No picture is of Trouser, Dress, Coat, Sandal, Shirt, Sneaker and Bag" in page.text


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([(0, 0, 1)], "1 picture of the author’s own"),
        ([(0, 0, 1)], "1 of 1 picture is classified correctly, 100.0% (95% interval 20.7–100.0%"),
        ([(0, 0, 1)], "One picture says little: the interval of their accuracy is 79 percentage "
         "points wide. Fewer than 10 decide nothing."),
        ([(0, 0, 1)], "Figure 1. The picture as it was and as the network sees it"),
        ([(0, 0, 9)], "All pictures, each as it was"),
        ([(1, 0, 9)], "0 of 9 pictures are classified correctly"),
        ([(1, 0, 1)], "0 of 1 picture is classified correctly"),
        ([(1, 0, 9)], "Fewer than 10 decide nothing."),
        ([(1, 0, 10)], "less often than on test images of the same classes, by more than chance"),
        ([(6, 6, 255)], "more often than on test images of the same classes, by more than chance"),
        ([(6, 6, 255)], "12 of the 255 pictures, each as it was"),
        ([(0, 0, 30), (0, 6, 5)], "A difference from test images of the same classes is not shown"),
    ],
)  # fmt: skip
def test_it_says_no_more_than_the_pictures_show(tmp_path, cells, said):
    run = recorded(tmp_path)
    add_new_data(run, cells)
    assert said in chapter(run).text.replace(THIN, "")


def test_a_picture_that_is_not_kept_is_counted_all_the_same(tmp_path):
    run = recorded(tmp_path)
    add_new_data(run, [(0, 0, 30)])

    def forget(found):
        for photo in found["photos"][20:]:
            del photo["original"], photo["pixels"]

    changed(run, forget)
    page = chapter(run)
    assert len([1 for tag, _ in page.tags if tag == "img"]) == 2 * 20
    assert "30 of 30 pictures are" in page.text
    assert "The next 8 pictures" in page.text


def test_a_class_without_test_images(tmp_path):
    run = recorded(tmp_path)
    found = add_new_data(run, same_classes=None)
    assert "No test image is of some classes" in summary(found)[2]
    assert "A difference from the test images is not shown" in summary(found)[3]
    assert "–" in chapter(run).text


def test_of_many_classes_those_without_pictures_are_counted(tmp_path):
    run = with_classes(tmp_path, [f"class {k}" for k in range(47)])
    add_new_data(run, [(3, said, 1) for said in range(3, 9)])
    page = chapter(run)
    assert "46 classes have no picture: nothing is said of these classes." in page.text
    assert "class 4 (1), class 5 (1), class 6 (1) and 2 more" in page.text


def test_names_of_others_stay_texts(tmp_path):
    run = recorded(tmp_path)
    add_new_data(run, folder="<script>alert(1)</script>")

    def rename(found):
        found["photos"][0]["file"] = found["photos"][0]["steps"][0] = "<img src=x>"
        found["left_out"] = ["<b>x</b>"]

    changed(run, rename)
    page = chapter(run)
    assert not [1 for tag, a in page.tags if tag == "script" or a.get("src") == "x"]
    assert "<script>alert(1)</script>" in page.text
    assert "<b>x</b>" in page.text


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda f: f.update(test_correct=1), "is of another network"),
        (lambda f: f.update(correct=1), "counts 1 of 18 pictures right, but has 15 of 18"),
        (lambda f: f.update(photos=[], n=0, correct=0), "counts 0 of 0 pictures right"),
        (lambda f: f["photos"][0].update(label=10, predicted=10), "expected classes 0 to 9"),
        (lambda f: f["photos"][0].update(label=-1, predicted=-1), "must be a number from 0 on"),
        (lambda f: f["photos"][0].update(pixels="AAAA"), "pixels must be 28 x 28 grey levels"),
        (lambda f: f["photos"][0].update(original="AAAA"), "original must be a PNG of at most 84"),
        (lambda f: f["photos"][0].update(original=4), "original: expected"),
        (lambda f: f.pop("accuracy"), "the entry 'accuracy' is missing"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(tmp_path, change, problem):
    run = recorded(tmp_path)
    add_new_data(run)
    changed(run, change)
    with pytest.raises(FactsError, match=problem) as error:
        load_facts(run)
    assert "newdata.json" in str(error.value)


def test_damage_is_found_and_its_remedy_named(tmp_path):
    run = recorded(tmp_path)
    keep_checksums(run)
    add_new_data(run)
    assert check_run(Run(run)) == []
    (run / "newdata.json").write_bytes(
        (run / "newdata.json").read_bytes().replace(b"0.8125", b"0.8126")
    )
    (problem,) = check_run(Run(run))
    assert f"newdata.json: is not as it was written: fmnist newdata {run} PHOTOS makes" in problem


def test_without_results_nothing_is_told_of_the_pictures(tmp_path):
    run = complete_run(tmp_path)
    assert load_facts(run).new_data is not None
    (run / "metrics.json").unlink()
    assert load_facts(run, interim=True).new_data is None
