"""Intervals, calibration and findings in the report, and reports of runs that lack them."""

import dataclasses
import json
import re

import pytest
from report_factory import recorded, refit, with_statistics, write
from report_pages import Elements, render_words

from fmnist.report import findings
from fmnist.report.chapters import summary as chapter
from fmnist.report.figures import contour, parallel_coordinates
from fmnist.report.figures.calibration import reliability_figure
from fmnist.report.figures.style import drawing
from fmnist.report.load import FactsError, load_facts
from fmnist.report.narrative import calibration
from fmnist.report.tables import results as tables
from search.space import SearchSpace

HEADING = "Can its probabilities be trusted?"


@pytest.fixture(scope="module")
def facts(recorded_report):
    return load_facts(recorded_report)


@pytest.fixture(scope="module")
def page(recorded_html):
    return Elements(recorded_html.read_text(encoding="utf-8"))


def test_class_scores_stand_with_their_intervals(facts, page):
    for row in [*facts.metrics.test.classes, facts.metrics.test.macro]:
        for low, high in (row.f1_interval, row.average_precision_interval):
            assert f"{low:.3f}–{high:.3f}" in page.text
    assert "over 100 resamples of the 10,000 images" in page.text


def test_calibration_is_told_drawn_and_tabled(facts, page):
    assert HEADING in page.text
    assert calibration.verdict(facts) in page.text
    assert calibration.scaling(facts) in page.text
    found = facts.metrics.calibration
    table = tables.calibration(found)
    assert [row[1] for row in table.rows] == [
        f"{100 * side.ece:.2f}\u202f%" for side in (found.before, found.after)
    ]
    with drawing():
        figure = reliability_figure(found)
    filled = [k for k in range(found.bins) if found.before.counts[k] or found.after.counts[k]]
    assert len(figure.table) == 1 + len(filled)
    assert figure.alt in [a.get("alt") for tag, a in page.tags if tag == "img"]


@pytest.mark.slow
def test_the_findings_stay_on_one_page_of_the_appendix(printed_pages):
    pages = [" ".join(page.split()) for page in printed_pages]
    assert any("Findings" in p and "Checked, nothing to report" in p for p in pages)


def test_findings_are_on_page_one_and_beside_the_report(recorded_report, facts, page):
    data = json.loads((recorded_report / findings.FILE).read_text(encoding="utf-8"))
    found = findings.find(facts)
    assert findings.Findings.from_json(data) == found
    shown = chapter.summary(facts, ())
    assert [*shown["found"], *shown["further"]] == list(found.found)
    for finding in shown["found"]:
        assert finding.sentence in page.text
    for finding in found.found:
        assert finding.title in page.text


def test_every_link_of_a_finding_leads_to_a_chapter(page):
    ids = {a["id"] for _, a in page.tags if "id" in a}
    links = [a["href"] for tag, a in page.tags if tag == "a" and a.get("class") in ("see", "at")]
    assert len(links) > 3
    assert {link.removeprefix("#") for link in links} <= ids


def test_the_summary_does_not_say_a_sentence_twice(recorded_html):
    source = recorded_html.read_text(encoding="utf-8")
    chapter = source[source.index('<section id="summary">') : source.index('<section id="method">')]
    words = Elements(chapter).text
    sentences = [s for s in re.split(r"(?<=[.:]) ", words) if len(s) > 40]
    assert len(sentences) == len(set(sentences))


def test_more_findings_than_fit_are_told_by_their_titles(facts):
    several = tuple(
        dataclasses.replace(f, sentence=f.sentence * 4) for f in findings.find(facts).found
    )
    story = [("Search", "x" * 500)]
    shown = chapter._fitting(story, several)
    assert 0 < shown < len(several)
    alarming = [dataclasses.replace(f, severity=findings.WARNING) for f in several]
    assert chapter._fitting(story, alarming) == len(several)


@pytest.mark.slow
def test_an_older_run_has_neither_and_still_a_report(tmp_path):
    run = recorded(tmp_path)
    words = render_words(run).text
    assert HEADING not in words
    assert "resamples of the" not in words
    assert len(tables.classes(load_facts(run).metrics.test).head) == 7
    data = json.loads((run / findings.FILE).read_text(encoding="utf-8"))
    assert "miscalibrated" in data["not_applicable"]


def test_an_interim_report_leaves_no_findings_behind(tmp_path):
    run = recorded(tmp_path)
    (run / "metrics.json").unlink()
    render_words(run, interim=True)
    assert not (run / findings.FILE).exists()


def test_after_a_refit_the_temperature_is_that_of_the_network_before(tmp_path):
    run = with_statistics(tmp_path)
    assert "before the refit" not in calibration.scaling(load_facts(run))
    refit(run)
    assert "with the network before the refit" in calibration.scaling(load_facts(run))


def test_calibration_within_chance_is_said_to_be(facts):
    found = facts.metrics.calibration
    calm = dataclasses.replace(found.before, ece=0.004, ece_by_chance=0.008)
    metrics = dataclasses.replace(
        facts.metrics, calibration=dataclasses.replace(found, before=calm)
    )
    said = calibration.verdict(dataclasses.replace(facts, metrics=metrics))
    assert "no more than a perfectly calibrated network" in said
    assert "more than the" not in said


def test_a_broken_calibration_names_the_entry(tmp_path):
    run = with_statistics(tmp_path)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    metrics["calibration"]["before"]["ece"] = "much"
    write(run, "metrics.json", metrics)
    with pytest.raises(FactsError, match=r"metrics\.json: calibration: before: ece"):
        load_facts(run)


def test_the_map_needs_both_fields_and_parallel_lines_three_trials(facts):
    without = SearchSpace(tuple(p for p in facts.space if p.name != "dropout"))
    with drawing():
        assert contour.mapped(facts.trials, without, facts.winner) is None
        assert parallel_coordinates.parallel(facts.trials[:2], facts.space, facts.winner) is None
        figure = parallel_coordinates.parallel(facts.trials, facts.space, facts.winner)
    assert [len(row) for row in figure.table] == [2 + len(facts.space)] * (1 + len(facts.trials))
    values = [row[1] for row in figure.table[1:]]
    assert values == sorted(values, reverse=True)


def test_many_hyperparameters_stand_in_rows_of_equal_length():
    rows = parallel_coordinates._rows(list(range(18)))
    assert [len(row) for row in rows] == [9, 9]
    assert [len(row) for row in parallel_coordinates._rows(list(range(10)))] == [5, 5]
    assert [len(row) for row in parallel_coordinates._rows(list(range(6)))] == [6]
