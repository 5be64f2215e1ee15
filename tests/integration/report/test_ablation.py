"""The report with and without experiments: chapter, figure, tables and the concept answers."""

from dataclasses import replace

import pytest
from ablation_factory import OWN, VALUES, confusion, measured
from report_factory import confirmed_run, write
from report_pages import Elements, render_html, without_plots

from fmnist.report.chapters.ablation import experiments
from fmnist.report.evidence import ABSENT, EVIDENCE
from fmnist.report.evidence.overfitting import early_stopping
from fmnist.report.figures.ablation import effects_figure
from fmnist.report.figures.style import drawing
from fmnist.report.load import load_facts
from fmnist.report.narrative import ablation as reading
from fmnist.report.tables import ablation as tables
from fmnist.runs.codec import FactsError, document

QUESTIONS = ("cnn_vs_dense", "filters", "pooling", "normalisation", "overfitting", "improvements")


@pytest.fixture
def run(tmp_path):
    return confirmed_run(tmp_path)


def shown(run, key):
    found = EVIDENCE[key](load_facts(run))
    return " ".join([*found.sentences, *found.measured, *found.skipped])


# ---- reading ----------------------------------------------------------------------------------


def test_what_was_recorded_is_read(run):
    record = measured(run)
    found = load_facts(run).experiments
    assert [e.key for e in found.experiments] == [e.key for e in record.experiments]
    assert found.ranked[0].key == "longer"
    assert found.ranked[-1].key == "dense"
    assert found.fidelity.seeds == 3
    assert load_facts(run).experiments == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "great"}, "verdict must be one of"),
        ({"p": 1.5}, "between 0 and 1"),
        ({"accuracy": -0.1}, "between 0 and 1"),
        ({"difference": 0.5}, "within its interval"),
        ({"title": 3}, "title"),
    ],
)
def test_a_broken_entry_is_refused_by_name(run, change, message):
    record = document(measured(run))
    record["experiments"][0] |= change
    write(run, "experiments.json", record)
    with pytest.raises(FactsError, match=f"experiments.json.*{message}"):
        load_facts(run)


@pytest.mark.parametrize("change", [{"schema": 2}, {"base": None}, {"fidelity": None}])
def test_a_broken_record_is_refused(run, change):
    write(run, "experiments.json", document(measured(run)) | change)
    with pytest.raises(FactsError, match=r"experiments\.json"):
        load_facts(run)


# ---- the chapter ------------------------------------------------------------------------------


def test_table_and_figure_rank_all_variants(run):
    record = measured(run)
    found = load_facts(run).experiments
    table = tables.measured(found)
    assert [row[0] for row in table.rows[:2]] == ["as it is", "twice the epochs"]
    assert len(table.rows) == 1 + len(VALUES)
    by_title = {row[0]: row for row in table.rows}
    for e in record.experiments:
        row = by_title[e.title]
        assert row[3] == f"{100 * e.accuracy:.2f}\u202f%"
        assert row[4].replace("−", "-") == f"{100 * e.difference:.2f}"
        assert row[-1] == e.verdict
    figure = effects_figure(found)
    assert figure.table is not None
    assert [row[0] for row in figure.table[1:]] == [row[0] for row in table.rows[1:]]
    assert "twice the epochs" in figure.alt.lower()
    with drawing():
        assert effects_figure(found).svg == effects_figure(found).svg


def test_the_hand_in_draws_the_largest_effects_of_many(run):
    measured(run)
    found = load_facts(run).experiments
    few = effects_figure(found, 3)
    assert "the 3 of 6 variants that differ most gain or lose" in few.caption
    assert [row[0] for row in few.table[1:]] == [
        "twice the epochs", "without augmentation", "a dense network of equal parameters",
    ]  # fmt: skip
    assert "each variant gains or loses" in effects_figure(found, 6).caption


def test_one_huge_effect_does_not_hide_the_others(run):
    measured(run)
    assert "logarithmic" not in effects_figure(load_facts(run).experiments).caption
    measured(run, VALUES | {"batch_norm": (0.1, 0.12, 0.1)})
    assert "logarithmic" in effects_figure(load_facts(run).experiments).caption


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["longer", "dense", "pooling"], "1 is better and 1 is worse; the other 1 is not decided"),
        (["pooling"], "none was found to differ"),
        (["dense"], "none is better and 1 is worse."),
    ],
)
def test_the_outcome_is_counted(run, keys, words):
    measured(run, {key: VALUES[key] for key in keys})
    assert words in experiments(load_facts(run), ())["outcome"]


def test_the_chapter_says_how_large_and_what_was_skipped(run):
    measured(run, failures=["batch_norm"])
    found = experiments(load_facts(run), ())
    assert "the same 6,000 images for 3 epochs, with 3 seeds each" in found["intro"]
    assert "6,000 validation images" in found["intro"]
    assert (
        "The experiment “without batch normalisation” was skipped: its training failed (nan: the "
        "loss became nan in epoch 1)."
    ) in found["skipped"]
    assert found["methods"] == "t interval over the seeds"


def test_both_confusion_matrices_of_augmentation_stand_side_by_side(run):
    measured(run)
    found = experiments(load_facts(run), ())
    shares = [
        f"{sum(confusion(a, 10)[0, 6] for a in accuracies) / 18:.1f}"
        for accuracies in (OWN, VALUES["augmentation"])
    ]
    assert found["confused"] == (
        f"The confusion that changes most is T-shirt/top taken for Shirt: {shares[0]}\u202f% of "
        f"its images as it is, {shares[1]}\u202f% without augmentation. Single confusions are "
        "counted and not tested."
    )
    figure = found["confusions"]
    assert figure.alt.startswith("Two confusion matrices of 10 classes, as it is and without augme")
    assert "over 3 trainings of each on the same 6,000 validation images" in figure.caption
    measured(run, {"dense": VALUES["dense"]})
    without = experiments(load_facts(run), ())
    assert (without["confusions"], without["confused"]) == (None, "")
    # Of one training each the counts are shown, and nothing is said of them.
    measured(run, {"augmentation": VALUES["augmentation"][:1]})
    single = experiments(load_facts(run), ())
    assert "over 1 training of each" in single["confusions"].caption
    assert single["confused"] == ""


@pytest.mark.parametrize("change", ["a class less", "an image more"])
def test_confusions_that_do_not_add_up_are_refused(run, change):
    record = document(measured(run))
    e = next(e for e in record["experiments"] if e["key"] == "augmentation")
    if change == "a class less":
        e["confusions"]["base"].pop()
    else:
        e["confusions"]["variant"][0][0] += 1
    write(run, "experiments.json", record)
    with pytest.raises(FactsError, match=r"augmentation: each confusion matrix must hold 6000"):
        load_facts(run)


# ---- the answers ------------------------------------------------------------------------------


def test_each_answer_has_its_experiments(run):
    measured(run)
    dense = shown(run, "cnn_vs_dense")
    assert "A dense network of equal parameters: 84.23" in dense
    assert "the variant is worse" in dense
    assert "not decided" in shown(run, "pooling")
    assert "Pixels in" in shown(run, "normalisation")
    assert "Without augmentation: 89.12" in shown(run, "overfitting")
    assert "p after Holm's correction" in shown(run, "overfitting")


def test_improvements_are_ranked_by_what_was_measured(run):
    measured(run)
    found = EVIDENCE["improvements"](load_facts(run))
    assert found.sentences[0].startswith("Of 6 changes that were tried alone, these were better")
    assert "twice the epochs (2.02)" in found.sentences[0]
    assert found.measured[1].startswith("Twice the epochs: 90.18")
    measured(run, {"pooling": VALUES["pooling"]})
    assert "none was found to be better" in EVIDENCE["improvements"](load_facts(run)).sentences[0]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_skipped_experiment_is_said_to_be(run, question):
    measured(run, {})
    text = shown(run, question)
    assert "skipped: there was no time." in text
    assert load_facts(run).experiments.experiments == ()


@pytest.mark.parametrize("question", QUESTIONS)
def test_without_experiments_the_answer_stands_and_says_so(run, question):
    assert "No experiment was made on this." in shown(run, question)


@pytest.mark.parametrize("question", ["softmax", "confusion_matrix"])
def test_other_answers_have_none(run, question):
    measured(run)
    found = EVIDENCE[question](load_facts(run))
    assert found.measured == found.skipped == []
    assert "experiment" not in " ".join(found.sentences)


def test_what_is_absent_stays_absent(run):
    facts = replace(load_facts(run), evidence=None)
    assert EVIDENCE["pooling"](facts) is ABSENT
    measured(run)
    facts = replace(load_facts(run), evidence=None)
    assert EVIDENCE["pooling"](facts).sentences == []
    assert len(EVIDENCE["pooling"](facts).measured) == 2


def test_early_stopping_is_read_from_the_curve(run):
    history = load_facts(run).history
    last = replace(history, chosen_epoch=history.epochs[-1].epoch)
    assert "tells nothing about stopping earlier" in early_stopping(last, "one-cycle")
    assert "stopping earlier" not in early_stopping(last, "constant")
    first = replace(history, chosen_epoch=1)
    gain = 100 * (history.epochs[0].val_accuracy - history.epochs[-1].val_accuracy)
    assert f"{gain:.2f} percentage points" in early_stopping(first, "constant")


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_decide_nothing_anywhere(run, seeds):
    measured(run, {key: values[:seeds] for key, values in VALUES.items()})
    facts = load_facts(run)
    assert {e.verdict for e in facts.experiments.experiments} == {"not decided"}
    chapter = experiments(facts, ())
    assert "two trained networks are compared, not two configurations" in chapter["doubt"]
    for question in QUESTIONS:
        assert "the variant is" not in shown(run, question)
    assert "too small to be evidence" in shown(run, "overfitting")
    assert "tried alone" not in shown(run, "improvements")


def test_verdicts_of_older_files_hold_no_longer_than_their_seeds(run):
    record = document(measured(run))
    for e in record["experiments"]:
        del e["adjusted"]
        e["seeds"], e["verdict"] = (1, "better") if e["key"] == "dropout" else (3, "better")
    record["experiments"][0]["verdict"] = "no difference found"
    write(run, "experiments.json", record)
    found = {e.key: e for e in load_facts(run).experiments.experiments}
    assert found["dropout"].verdict == found["dense"].verdict == "not decided"
    assert found["longer"].verdict == "better"
    assert found["longer"].shown_interval == found["longer"].interval


def test_experiments_far_below_the_final_network_say_so_first(run):
    measured(run, {"dense": (0.6, 0.61, 0.6)}, own=(0.7, 0.71, 0.7))
    facts = load_facts(run)
    chapter = experiments(facts, ())
    final = facts.history.chosen.val_accuracy
    assert f"reach 70.3\u202f%, less than 90\u202f% of the {100 * final:.1f}" in chapter["doubt"]
    assert chapter["intro"].startswith("These trainings see 18,000 images in ")
    measured(run)
    assert experiments(load_facts(run), ())["doubt"] == ""


# ---- rendered ---------------------------------------------------------------------------------


def test_the_report_has_the_chapter_where_there_are_experiments(recorded_html, whole_report):
    older, found = (
        Elements(html.read_text(encoding="utf-8"))
        for html in (recorded_html, whole_report / "report.html")
    )
    assert not [a for _, a in older.tags if a.get("id") == "experiments"]
    assert "No experiment was made on this." in older.text
    assert [a for _, a in found.tags if a.get("id") == "experiments"]
    assert "Twice the epochs: 90.18" in found.text
    assert "Of 6 variants, 2 are better" in found.text


@pytest.mark.slow
def test_strangers_words_stay_words(run):
    record = document(measured(run))
    record["experiments"][0]["title"] = "<script>alert(1)</script>"
    record["skipped"][0]["reason"] = "<img src=x>"
    write(run, "experiments.json", record)
    with without_plots():
        html = render_html(run).read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_the_size_is_said_in_words():
    sizes = [reading.Fidelity(1, 300, 1, 1), reading.Fidelity(2_000, 300, 3, 4)]
    assert [reading.size(s) for s in sizes] == [
        "1 image for 1 epoch, with one seed", "2,000 images for 3 epochs, with 4 seeds each",
    ]  # fmt: skip
