"""The report of a whole night, of a run that has not ended, and of older or other runs."""

import dataclasses
import re
import shutil
from pathlib import Path

import pypdf
import pytest
from report_factory import (
    barely_begun,
    confirmed_run,
    recorded,
    retried,
    searching,
    skip_confirmation,
)
from report_pages import Elements, on_paper, render_html, render_words

from fmnist.report import text
from fmnist.report.load import FactsError, load_facts
from fmnist.report.narrative import results, training
from fmnist.report.render import render_report
from fmnist.runs.records.run import RequestRecord
from search.engines import SAMPLERS_OF


@pytest.fixture(scope="module")
def page(whole_report):
    return Elements((whole_report / "report.html").read_text(encoding="utf-8"))


def read(run, **options):
    return render_words(run, **options).text.replace("\u202f", " ")


def edit(run, name, *pairs):
    path = run / name
    source = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in source, old
        source = source.replace(old, new)
    path.write_text(source, encoding="utf-8")


def test_every_part_of_the_night_is_in_the_report(page):
    for heading in (
        "Confirming the winner", "From the search to the test set",
        "Failures and how the run went on",
        "What was decided on the way", "Checks before the run",
        "Time planned at the start and time taken in each stage",
        "The best trials of the search, trained again on fresh seeds",
    ):  # fmt: skip
        assert heading in page.text, heading
    assert "within the spread between seeds" in page.text
    assert "B. Efron, Bootstrap methods" in page.text
    assert "1.1 times what the plans were made for" in page.text


def test_summary_and_results_tell_of_the_optimism_gap(page):
    told = re.findall(r"the search value was \d\.\d\d percentage points lower", page.text)
    assert len(told) == 1
    assert re.search(r"Checked, nothing to report: [^.]*an optimistic search value", page.text)


def test_the_winner_of_the_confirmation_is_the_one_everywhere(page):
    assert re.search(r"Winning trial\s+12, seed 1633468811", page.text)
    assert "a ring marks trial 12" in page.text
    assert "The best value came in trial 13" in page.text  # that of the search, and said so
    assert not re.search(r"best trial\b", page.text)


def test_a_traceback_is_text(page):
    assert "<b>Negative dimension size</b>" in page.text
    assert "The end of what trial 17 and trial 18 left behind" in page.text


@pytest.mark.slow
def test_a_confirmation_that_was_skipped_leaves_no_empty_figure(tmp_path):
    run = confirmed_run(tmp_path)
    skip_confirmation(run, "switched off with --no-confirm")
    found = read(run)
    assert "not trained again on fresh seeds: switched off with --no-confirm." in found
    assert "Mean with" not in found


def test_an_older_run_is_told_truly(tmp_path):
    found = read(recorded(tmp_path))
    assert "The best trials were not trained again on fresh seeds." in found
    assert re.search(r"Winning trial\s+13, seed", found)
    for absent in ("Checks before the run", "What was decided", "Failures and how", "resamples"):
        assert absent not in found


def test_one_given_configuration_is_not_called_the_best(tmp_path):
    run = recorded(tmp_path)
    for name in ("space.json", "trials.jsonl", "importance.json"):
        (run / name).unlink()
    edit(run, "run.toml", ('kind = "search"', 'kind = "train"'), ("trials = 16\n", ""))
    retried(run)
    found = read(run)
    assert "Fashion-MNIST: a convolutional network" in found
    assert "One given configuration was trained." in found
    assert "The given configuration was trained on 54,000 images" in found
    assert "taken up again from its checkpoint after epoch 3" in found
    assert "chooses the epoch" in found
    for untrue in (
        "best configuration", "Best configuration", "tuned convolutional", "searched range",
        "the configuration and the epoch were chosen", "Optuna", "Winning trial", "Searched",
        "From the search to the test set",
    ):  # fmt: skip
        assert untrue not in found.replace("tensorflow-cpu", ""), untrue
    # Beside an empty one the first line of the text would begin far to the right.
    handin, _ = on_paper(run)
    assert not re.search(r'class="(left|right)">\s*</div>', handin.source)


@pytest.mark.slow
def test_the_other_engine_is_named_in_words(tmp_path):
    run = recorded(tmp_path)
    edit(
        run, "run.toml",
        ('engine = "optuna"', 'engine = "keras-tuner"'),
        ('sampler = "tpe"', 'sampler = "hyperband"'),
    )  # fmt: skip
    found = read(run)
    assert "with KerasTuner, sampler: Hyperband, and scored" in found
    assert "KerasTuner, Hyperband" in found
    assert "O'Malley" in found
    assert "L. Li, K. Jamieson" in found
    assert "T. Akiba" not in found


@pytest.mark.parametrize("engine", SAMPLERS_OF)
def test_every_engine_and_sampler_has_words(engine):
    for sampler in SAMPLERS_OF[engine]:
        request = RequestRecord(0, sampler, engine=engine)
        assert training.engine(request) in ("Optuna", "KerasTuner")
        assert training.sampler(request) != sampler


@pytest.mark.parametrize(
    ("pruner", "why"),
    [
        ("median", r"it fell behind \(the median rule\)"),
        ("halving", r"it fell behind \(successive halving\)"),
        ("none", "because the"),
    ],
)
def test_why_trials_were_stopped_early_depends_on_what_was_asked(tmp_path, pruner, why):
    facts = load_facts(recorded(tmp_path))
    stopped = dataclasses.replace(facts.trials[3], state="pruned")
    request = dataclasses.replace(facts.run.request, pruner=pruner)
    facts = dataclasses.replace(
        facts,
        trials=(*facts.trials[:3], stopped, *facts.trials[4:]),
        run=dataclasses.replace(facts.run, request=request),
    )
    told = results.stopped_early(facts)
    assert re.search(rf"1 trial was stopped early, .*{why}.*time ran out\.", told)


def test_an_interim_report_stands_beside_and_says_so(tmp_path):
    run = searching(tmp_path)
    with pytest.raises(FactsError, match=r"best_config.toml: missing"):
        render_report(run)
    found = read(run, interim=True)
    assert {p.name for p in run.glob("*.html")} == {"interim.html"}
    assert {p.name for p in run.glob("*.pdf")} == {"interim.pdf"}
    assert "Interim report. The run had not ended when this was made" in found
    assert "Not there yet: the best configuration, the final training, the results on" in found
    assert "Under way: trial 3, epoch 2 done, 80.32 % on the validation images." in found
    assert "a ring marks" not in found  # of so few trials no figure shows anything
    assert "This command goes on with the run where it stopped" in found
    assert "fmnist train --config" not in found
    assert text.NOT_RECORDED not in found
    assert "Confirming the winner" not in found


def test_an_interim_report_needs_no_trial(tmp_path):
    found = read(barely_begun(tmp_path), interim=True)
    assert "No trial has ended yet." in found
    assert found.count(text.NOT_YET) >= 8
    assert "The search space" in found


def test_an_interim_report_needs_no_space(tmp_path):
    run = barely_begun(tmp_path)
    (run / "space.json").unlink()
    assert "No trial has ended yet." in read(run, interim=True)


@pytest.mark.slow
def test_the_final_report_takes_the_interim_one_away(tmp_path):
    run = confirmed_run(tmp_path)
    read(run, interim=True)
    assert (run / "interim.html").is_file()
    read(run)
    assert (run / "report.html").is_file()
    assert not list(run.glob("interim.*"))


def test_no_number_of_the_test_set_before_its_time(tmp_path):
    run = confirmed_run(tmp_path)
    (run / "metrics.json").unlink()
    found = read(run, interim=True)
    assert "92.45" not in found
    assert "Test image" not in found
    assert "Confirming the winner" in found
    assert "The best trials of the search, trained again on fresh seeds." in found


@pytest.mark.slow
@pytest.mark.parametrize(
    "next_file", ["importance.json", "confirmation.json", "history.json", "predictions.npz",
                  "metrics.json", "explain.npz"],
)  # fmt: skip
def test_an_interim_report_can_be_made_between_any_two_files(tmp_path, next_file):
    order = [
        "importance.json", "confirmation.json", "best_config.toml", "history.json",
        "predictions.npz", "metrics.json", "explain.npz", "evidence.json",
    ]  # fmt: skip
    run = confirmed_run(tmp_path)
    for name in order[order.index(next_file) :]:
        (run / name).unlink()
    found = read(run, interim=True)
    assert "Interim report." in found
    assert "nan %" not in found


@pytest.mark.slow
def test_every_page_of_an_interim_pdf_is_marked(tmp_path):
    pdf = pypdf.PdfReader(render_report(searching(tmp_path), interim=True).pdf)
    for number, sheet in enumerate(pdf.pages):
        words = sheet.extract_text()
        assert "Interim report" in words, number
    assert "Interim report · Fashion-MNIST" in pdf.pages[4].extract_text()


def test_a_final_pdf_is_not_marked(printed_pages):
    assert not any("Interim" in words for words in printed_pages)


@pytest.mark.slow
def test_an_interim_report_of_the_same_files_is_the_same(tmp_path):
    run = searching(tmp_path)
    before = render_html(run, interim=True).read_bytes()
    copy = Path(shutil.copytree(run, tmp_path / "b" / "run"))
    assert render_html(copy, interim=True).read_bytes() == before
