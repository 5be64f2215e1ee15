"""Refit, ensemble and mirror images in the report: each said where its figures stand."""

from dataclasses import replace

import pytest
from report_factory import confirmed_run, refit, with_ensemble
from report_pages import render_words

from fmnist.report.chapters.method import method
from fmnist.report.load import FactsError, load_facts
from fmnist.report.narrative import final_model, results, winner
from fmnist.report.tables import method as method_tables
from fmnist.report.tables import results as tables
from fmnist.report.tables.model import ensemble_members


@pytest.fixture
def run(tmp_path):
    return confirmed_run(tmp_path)


def test_without_them_nothing_is_said(run):
    facts = load_facts(run)
    assert (final_model.refit(facts), final_model.views(facts), final_model.ensemble(facts)) == (
        "",
        "",
        "",
    )
    assert ensemble_members(facts) is None
    assert [row[0] for row in tables.headline(facts).rows] == ["Validation", "Test"]
    assert "mirror" not in tables.headline(facts).caption


@pytest.mark.parametrize(
    ("views", "names"),
    [
        ((False, 0), ""),
        ((True, 0), "the image and its mirror image"),
        ((False, 2), "the image and two copies moved by two pixels along a diagonal"),
        (
            (True, 1),
            "the image, two copies moved by a pixel along a diagonal, and the mirror image of each",
        ),
    ],
)
def test_what_a_prediction_is_the_mean_over_is_named(run, views, names):
    flip, shift = views
    metrics = replace(load_facts(run).metrics, test_time_flip=flip, test_time_shift=shift)
    assert final_model.view_names(metrics) == names


def test_a_refit_says_which_figures_are_of_which_training(run):
    refit(run)
    facts = load_facts(run)
    chosen, images = facts.history.chosen_epoch, facts.history.training_images
    assert final_model.refit(facts) == (
        "The final model was trained on 60,000 images, training and validation together, for the "
        f"{chosen} epochs that validation chose; the curves and all validation figures are from "
        f"the training on {images:,}."
    )
    assert tables.headline(facts).rows[0][0] == "Validation, before the refit"
    assert "Network before the refit, validation" in [row[0] for row in tables.gap(facts).rows]
    assert method_tables.splits(facts).rows[1][2].endswith("then fits the weights too")


def test_nothing_on_validation_images_is_said_of_the_final_network(run):
    refit(run)
    facts = load_facts(run)
    assert "The network before the refit reaches" in winner.optimism(facts)
    assert "the final one" in winner.optimism(facts)
    assert "final network" not in results.trial_effort(facts)
    assert results.validation_against_test(facts).endswith("from before the refit.")


def test_a_refit_that_was_left_out_is_said_too(run):
    refit(run, reason="there was no time for the refit")
    facts = load_facts(run)
    assert "there was no time for the refit" in final_model.refit(facts)
    assert f"the one trained on {facts.history.training_images:,} images" in final_model.refit(
        facts
    )
    assert tables.headline(facts).rows[0][0] == "Validation"


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.004, "is beyond chance"), (0.3, "chance may explain"), (1e-9, "p < 0.0001")],
)
def test_the_lead_of_an_ensemble_is_judged(run, p, words):
    with_ensemble(run, p)
    facts = load_facts(run)
    found = facts.metrics.ensemble
    sentence = final_model.ensemble(facts)
    assert words in sentence
    assert f"{found.correct:,} of {found.n:,} test images" in sentence
    assert "0.50 percentage points above the one network" in sentence
    assert sentence.endswith("about the one network.")


def test_members_and_those_left_out_are_listed(run):
    with_ensemble(run, left_out=(4,))
    facts = load_facts(run)
    table = ensemble_members(facts)
    assert [row[0] for row in table.rows] == ["1, the final network", "2", "3", "4, left out"]
    assert table.rows[-1][-1] == "there was no time for it"
    assert "2 further networks, of 3 planned" in final_model.ensemble(facts)
    refit(run)
    assert "learnt the validation images" in ensemble_members(load_facts(run)).caption


@pytest.mark.slow
def test_the_one_network_stays_the_headline(run):
    refit(run)
    with_ensemble(run)
    page, facts = render_words(run), load_facts(run)
    lead = f"classifies {facts.metrics.test.correct:,} of the {facts.metrics.test.n:,} test images"
    words = page.text
    assert lead in words
    assert words.index(lead) < words.index("Averaged with 2 further networks")
    assert words.count("The final model was trained on 60,000 images") >= 2
    assert "An ensemble, apart from the one network" in words
    assert "mean over the image and its mirror image" in words


def test_a_test_set_read_before_the_refit_is_told(run):
    refit(run)
    path = run / "ledger.json"
    text = path.read_text(encoding="utf-8")
    assert '"evaluate"' in text
    last = text.rindex('"evaluate"')
    path.write_text(text[:last] + '"ensemble"' + text[last + len('"evaluate"') :], encoding="utf-8")
    assert "optimistic" in method(load_facts(run), ())["test_reads"]


def test_a_broken_record_names_its_file(run):
    (run / "refit.json").write_text('{"schema": 1, "used": 1}', encoding="utf-8")
    with pytest.raises(FactsError, match=r"refit\.json"):
        load_facts(run)
