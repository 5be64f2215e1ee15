"""The run beside other runs and published results: sentences, tables, figures, the chapter."""

import json
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from report_factory import barely_begun, recorded, write
from report_pages import render_words

from fmnist.analysis.intervals import wilson_interval
from fmnist.report import published
from fmnist.report.chapters.comparison import comparison, has_comparison
from fmnist.report.figures.forest import leads_figure
from fmnist.report.figures.published import published_figure
from fmnist.report.figures.style import drawing
from fmnist.report.load import load_facts
from fmnist.report.narrative import comparison as comparing
from fmnist.report.outline import SECTIONS
from fmnist.report.tables import comparison as tables
from fmnist.runs.codec import FactsError, document
from fmnist.runs.records.comparison import AHEAD, BEHIND, UNDECIDED, Comparison, Lead, System
from fmnist.runs.records.metrics import Score

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
TEST = json.loads((RECORDED / "metrics.json").read_text(encoding="utf-8"))["test"]
N, CORRECT = TEST["n"], TEST["correct"]
HOSTILE = '<script>alert("x")</script>'


def system(name, correct, lead=None, **more):
    interval = wilson_interval(correct, N)
    return System(
        name, more.pop("kind", "train"), correct, correct / N, interval, lead=lead, **more
    )


def lead(b, c, p):
    difference = (b - c) / N
    return Lead(b, c, difference, (difference - 0.003, difference + 0.003), p, min(1.0, 3 * p))


FOUND = Comparison(
    "Fashion-MNIST", "d1", N,
    (
        system("tuned", CORRECT, kind="tuned"),
        system("x1", CORRECT - 300, lead(400, 100, 1e-9), kind="recipe", recipe="three-conv",
               title="Three", source="A notebook", published=(0.5,)),
        system("x2", CORRECT - 5, lead(105, 100, 0.7), kind="recipe", recipe="simple-cnn",
               published=(0.1, 0.99)),
        system(HOSTILE, CORRECT + 200, lead(100, 300, 1e-7), kind="recipe", recipe=HOSTILE,
               source=HOSTILE, finding=HOSTILE),
    ),
)  # fmt: skip


def compared(folder, found=FOUND):
    run = recorded(folder)
    write(run, "comparison.json", document(found))
    return run


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    return load_facts(compared(tmp_path_factory.mktemp("compared")))


def plain(words):
    return words.replace("\u202f", " ")


def score(correct):
    return Score(N, correct, correct / N, wilson_interval(correct, N), 0.3)


def test_the_summary_names_whom_the_run_beats_and_whom_not(facts):
    said = plain(comparing.summary(facts))
    assert said.startswith("On the same test images the run is ahead of three-conv (3.00 points,")
    assert f"; it is behind {HOSTILE} (−2.00 points" in said
    assert "; it is not clearly better or worse than simple-cnn (0.05 points" in said
    assert said.endswith(": chance alone may explain that.")
    assert comparing.summary(replace(facts, comparison=None)) == ""


def test_two_networks_of_one_recipe_go_by_their_runs():
    twins = tuple(replace(s, recipe="cnn-vs-dense") for s in FOUND.systems[:2])
    assert comparing.label(twins[1], replace(FOUND, systems=twins)) == "x1"
    assert comparing.label(FOUND.systems[1], FOUND) == "three-conv"


def test_each_recipe_is_held_against_its_published_figure():
    below = replace(FOUND.systems[1], published=(0.999,))
    above, agrees = (plain(s) for s in comparing.reached(FOUND))
    assert above.startswith("three-conv is published with 50 %; its run here lies above that")
    assert agrees.startswith("simple-cnn is published with 10–99 %; its run here agrees")
    (sentence,) = comparing.reached(replace(FOUND, systems=(below,)))
    assert "lies below that" in sentence


def test_the_tables_hold_every_system():
    accuracies, tests = tables.accuracies(FOUND), tables.tests(FOUND)
    assert [row[0] for row in accuracies.rows] == ["tuned", "x1", "x2", HOSTILE]
    assert [plain(row[-1]) for row in accuracies.rows] == ["–", "50 %", "10–99 %", HOSTILE]
    assert [row[-1] for row in tests.rows] == [AHEAD, UNDECIDED, BEHIND]
    assert tests.rows[0] == (
        "three-conv", "3.00", "2.70 to 3.30", "400", "100", "< 0.0001", "< 0.0001", AHEAD
    )  # fmt: skip


@pytest.mark.parametrize(
    ("correct", "verdict"),
    [
        (9605, published.AHEAD),
        (9595, published.TIED),
        (9485, published.TIED),
        (9475, published.BEHIND),
    ],
)
def test_a_tie_is_an_interval_of_the_difference_that_holds_zero(correct, verdict):
    densenet = published.PublishedResult("DenseNet", 0.954, "", "somewhere")
    run = Score(10_000, correct, correct / 10_000, wilson_interval(correct, 10_000), 0.3)
    ((row),) = published.placed(run, [densenet])
    assert row.verdict == verdict
    assert (row.difference[0] <= 0 <= row.difference[1]) == (verdict == published.TIED)


def test_every_published_figure_has_a_source_and_the_interval_of_its_images():
    results = published.load_published()
    assert len(results) >= 20
    assert list(results) == sorted(results, key=lambda r: r.accuracy)
    assert len({r.name for r in results}) == len(results)
    for r in results:
        assert len(r.source) > 20
        assert r.what
        assert r.interval[0] < r.accuracy < r.interval[1]
    human = next(r for r in results if r.name == "Human performance")
    assert human.interval == pytest.approx(wilson_interval(835, 1000))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accuracy": 93.9}, "result 1: accuracy must lie within 0 to 1"),
        ({"n": 0}, "n above 0"),
        ({"source": "hearsay"}, "'hearsay' is not among"),
        ({"what": 3}, "result 1: what: expected a text"),
    ],
)
def test_a_broken_published_entry_is_named(changes, message):
    row = {"name": "A", "accuracy": 0.9, "what": "", "source": "s", **changes}
    with pytest.raises(FactsError, match=message):
        published.parse_published({"sources": {"s": "Somewhere"}, "results": [row]})


def test_only_the_real_test_images_are_set_beside_published_results(facts):
    assert published.comparable(facts)
    data = replace(facts.run.data, verified=False)
    other = replace(facts, run=replace(facts.run, data=data))
    assert not published.comparable(other)
    assert published.place(other) == ""
    assert comparison(other, ())["place"] == ""
    assert not has_comparison(replace(other, comparison=None))
    assert not published.comparable(
        replace(facts, metrics=replace(facts.metrics, test=replace(facts.metrics.test, n=500)))
    )


@pytest.mark.parametrize(
    ("accuracy", "dense", "residual"),
    [
        (0.925, "above", "below"),
        (0.905, "not told apart from", "below"),
        (0.955, "above", "not told apart from"),
        (0.975, "above", "above"),
    ],
)
def test_two_published_results_are_the_anchors(facts, accuracy, dense, residual):
    span = (accuracy - 0.004, accuracy + 0.004)
    test = replace(facts.metrics.test, accuracy=accuracy, interval=span)
    said = published.place(replace(facts, metrics=replace(facts.metrics, test=test)))
    assert f"Dense network 256-128-64 (90.0\u202f%), which this run is {dense};" in said
    assert f"with Cutout (95.5\u202f%), which this run is {residual}." in said


@pytest.mark.parametrize("correct", [100, 9249, 9999])
def test_the_run_is_drawn_among_published_results_wherever_it_stands(correct):
    rows = published.placed(score(correct), published.load_published())
    with drawing():
        figure, again = (published_figure(score(correct), rows) for _ in range(2))
    assert figure.svg == again.svg
    assert ET.fromstring(figure.svg).tag.endswith("svg")
    assert f"{100 * correct / N:.2f}" in figure.alt
    assert len(figure.table) == len(rows) + 1
    assert "chosen on the test set" in figure.caption
    assert "intervals are ours" in figure.caption


def test_the_forest_plot_repeats_and_tells_its_numbers():
    with drawing():
        figure, again = leads_figure(FOUND), leads_figure(FOUND)
    assert figure.svg == again.svg
    assert "<script" not in figure.svg
    assert "three-conv" in figure.alt
    assert [row[0] for row in figure.table[1:]] == ["tuned", "three-conv", "simple-cnn", HOSTILE]
    assert "published accuracy of the recipe" in figure.caption


@pytest.mark.slow
def test_the_report_has_the_chapter_twice_the_same_and_escapes_names(tmp_path):
    run = compared(tmp_path)
    page = render_words(run)
    before = (run / "report.html").read_bytes()
    render_words(run)
    assert (run / "report.html").read_bytes() == before
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 2  # ours and the images
    assert {"id": "comparison"} in [attributes for tag, attributes in page.tags if tag == "section"]
    assert HOSTILE in page.text
    assert "Comparison. On the same test images the run is ahead of" in page.text
    assert "Fine-tuned DARTS" in page.text


def test_without_anything_to_compare_the_chapter_is_left_out(facts):
    data = replace(facts.run.data, verified=False)
    other = replace(facts, run=replace(facts.run, data=data), comparison=None)
    assert "comparison" in [section.slug for section in SECTIONS if section.shown(facts)]
    assert "comparison" not in [section.slug for section in SECTIONS if section.shown(other)]
    given = replace(other.run, request=replace(other.run.request, kind="train"))
    assert "search" not in [s.slug for s in SECTIONS if s.shown(replace(other, run=given))]


def test_an_unfinished_run_leaves_the_chapter_open(tmp_path):
    run = barely_begun(tmp_path)
    write(run, "comparison.json", document(FOUND))
    assert load_facts(run, interim=True).comparison is None
    page = render_words(run, interim=True)
    assert "three-conv" not in page.text


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda record: record.update(n=N - 1), "not this run"),
        (lambda record: record["systems"].pop(0), "not this run"),
        (lambda record: record["systems"].clear(), "a first system and the lead"),
        (lambda record: record["systems"][1].update(lead=None), "a first system and the lead"),
        (lambda record: record["systems"][1].pop("interval"), "'interval' is missing"),
        (lambda record: record.update(schema=2), "expected schema 1"),
    ],
)
def test_a_comparison_of_another_run_or_a_broken_one_is_refused(tmp_path, spoil, message):
    run, record = recorded(tmp_path), document(FOUND)
    spoil(record)
    write(run, "comparison.json", record)
    with pytest.raises(FactsError, match=rf"comparison\.json: .*{message}"):
        load_facts(run)


def test_the_other_folders_are_not_needed(tmp_path):
    run = compared(tmp_path)
    moved = Path(shutil.move(run, tmp_path / "elsewhere"))
    assert load_facts(moved).comparison == FOUND
