"""Sentences about a run follow from its numbers."""

import dataclasses
from pathlib import Path

import pytest

from fmnist.analysis.intervals import newcombe, wilson_interval
from fmnist.report import text
from fmnist.report.evidence import ABSENT, EVIDENCE, conclusion
from fmnist.report.load import load_facts
from fmnist.report.narrative import results, training
from fmnist.report.tables import results as tables
from fmnist.report.tables import search as search_tables
from fmnist.runs.records.metrics import Bootstrap, History, Score, SingleView
from fmnist.runs.records.plan import Plan, RunProfile
from fmnist.runs.records.run import BestConfig
from search.records import Epoch
from search.space import Categorical, Float, Int, SearchSpace


@pytest.fixture(scope="module")
def facts():
    return load_facts(Path(__file__).parents[2] / "data" / "short_run")


def history(rows, chosen):
    epochs = tuple(
        Epoch(i, acc, loss, val_acc, val_loss, 1.0)
        for i, (acc, loss, val_acc, val_loss) in enumerate(rows, start=1)
    )
    return History(epochs, chosen, "rule", 100)


def seen(learnt, held_out=0.9):
    """Accuracies of the kept weights on 1,000 plain images each."""
    scores = [
        Score(1000, round(1000 * share), share, wilson_interval(round(1000 * share), 1000), 0.3)
        for share in (held_out, held_out, learnt)
    ]
    return SingleView(*scores)


INTERVALS = ("precision_interval", "f1_interval", "average_precision_interval")
CALM = [(0.80, 0.5, 0.81, 0.5)] * 4


@pytest.mark.parametrize(
    ("rows", "learnt", "verdict"),
    [
        ([*CALM, (0.90, 0.3, 0.90, 0.3)], 0.91, "none"),
        ([*CALM, (0.90, 0.3, 0.90, 0.3)], 0.93, "mild"),
        ([*CALM, (0.99, 0.3, 0.90, 0.3)], 0.91, "none"),  # augmented batches do not count
        ([*CALM, (0.90, 0.3, 0.90, 0.3)], None, "open"),
        ([*CALM[:3], (0.90, 0.3, 0.90, 0.3)], 0.99, "open"),  # four epochs
        ([*CALM, (0.90, 0.3, 0.90, 0.30), (0.91, 0.2, 0.90, 0.32)], 0.91, "mild"),
        ([*CALM, (0.90, 0.3, 0.90, 0.30), (0.99, 0.1, 0.90, 0.50)], None, "clear"),
        ([*CALM, (0.90, 0.3, 0.90, 0.30), (0.60, 0.9, 0.60, 0.90)], None, "mild"),
    ],
)
def test_overfitting_follows_from_plain_images_and_the_loss(rows, learnt, verdict):
    scores = None if learnt is None else seen(learnt)
    assert results.overfitting(history(rows, 2), scores).verdict == verdict


@pytest.mark.parametrize("bootstrap", [None, Bootstrap("percentile", 100)])
def test_a_class_without_test_images_has_no_scores(facts, bootstrap):
    spread = dict.fromkeys(INTERVALS, (0.1, 0.2)) if bootstrap else {}
    classes = [dataclasses.replace(c, **spread) for c in facts.metrics.test.classes]
    test = dataclasses.replace(facts.metrics.test, bootstrap=bootstrap)
    first = dataclasses.replace(
        classes[0], support=0, recall=0.0, recall_interval=(0.0, 1.0), **dict.fromkeys(spread)
    )
    found = tables.classes(dataclasses.replace(test, classes=(first, *classes[1:])))
    assert set(found.rows[0][1:-1]) == {"–"}
    assert found.rows[0][-1] == "no test images"
    assert len(found.rows[0]) == len(found.head) == len(found.rows[1])
    assert "averages are over the 9 classes with test images" in found.caption


def test_no_score_is_minus_zero():
    assert (text.loss(-1e-7), text.score(-0.0)) == ("0.000", "0.000")


def test_overfitting_sentence_carries_the_numbers():
    rows = [*CALM, (0.9, 0.3, 0.9, 0.30), (0.99, 0.1, 0.91, 0.45)]
    sentence = results.overfitting(history(rows, 2), seen(0.98)).sentence.replace("\u202f", " ")
    low, high = newcombe(980, 1000, 900, 1000)
    assert "98.00 % of 1,000 plain training images correctly, 90.00 % of the validation" in sentence
    assert f"a gap of 8.00 percentage points (95 % interval {100 * low:.2f} to" in sentence
    assert f"{100 * high:.2f} percentage points)" in sentence
    assert "lowest in epoch 5, ends 50.0 % above that" in sentence
    bare = results.overfitting(history(CALM, 2), None).sentence
    assert bare.startswith("Overfitting cannot be judged from 4 epochs.")
    assert "interval" not in bare


def test_confusions_are_the_off_diagonal_in_order(facts):
    test = facts.metrics.test
    found = results.confusions(test)
    assert sum(c.count for c in found) == test.n - test.correct
    assert [c.count for c in found] == sorted((c.count for c in found), reverse=True)


def test_hardest_and_easiest_bound_the_recalls(facts):
    test = facts.metrics.test
    recalls = [c.recall for c in test.classes]
    assert results.hardest(test).recall == min(recalls)
    assert results.easiest(test).recall == max(recalls)


def test_edges_of_the_search_space(facts):
    space = SearchSpace(
        (Int("filters_1", 16, 48), Float("learning_rate", 1e-4, 1e-2, log=True),
         Float("dropout", 0.0, 0.5), Categorical("batch_size", (64, 128)))
    )  # fmt: skip
    best = BestConfig(
        {"filters_1": 48, "dropout": 0.25}, {"learning_rate": 1e-4, "batch_size": 64}, {}, ""
    )
    facts = dataclasses.replace(facts, best=best, space=space, plan=None)
    assert results.at_the_edge(facts) == [
        "Filters 1 (48) and learning rate (10⁻⁴) lie at an end of the searched ranges: wider ones "
        "may hold better values."
    ]
    plan = Plan(sizes=RunProfile(1, 1, 1, most_cost=2.0), jobs=1, threads=None, planned=())
    assert results.at_the_edge(dataclasses.replace(facts, plan=plan)) == [
        "Learning rate (10⁻⁴) lies at an end of the searched range: a wider one may hold better "
        "values.",
        "Larger filter counts were not searched, to leave the final training its epochs.",
    ]
    dropout = dataclasses.replace(facts, space=SearchSpace((Float("dropout", 0.0, 0.5),)))
    none = dataclasses.replace(dropout, best=BestConfig({"dropout": 0.0}, {}, {}, ""))
    for inside in (dropout, none):  # there is nothing below no dropout
        assert results.at_the_edge(inside) == []


def test_validation_and_test_difference_is_judged_by_chance(facts):
    metrics = facts.metrics
    near = dataclasses.replace(metrics.validation, accuracy=metrics.test.accuracy + 0.001)
    far = dataclasses.replace(metrics.validation, accuracy=metrics.test.accuracy + 0.03)
    said = [
        results.validation_against_test(
            dataclasses.replace(facts, metrics=dataclasses.replace(metrics, validation=v))
        )
        for v in (near, far)
    ]
    assert "usually differ by up to 0.84 percentage points, so a bias below that" in said[0]
    assert "so this is more than chance in drawing images. Possible reasons" in said[1]
    assert "which of them was not measured" in said[1]
    assert "Possible reasons" not in said[0]


@pytest.mark.parametrize("key", EVIDENCE)
def test_evidence_speaks_of_this_run(facts, key):
    shown = EVIDENCE[key](facts)
    assert shown is not ABSENT
    assert all(s.endswith(".") for s in shown.sentences)


@pytest.mark.parametrize("key", EVIDENCE)
def test_evidence_says_when_nothing_was_recorded(facts, key):
    bare = dataclasses.replace(
        facts, evidence=None, explanation=None, history=None, best=None, metrics=None
    )
    assert EVIDENCE[key](bare).sentences == ["Not recorded in this run."]
    assert conclusion(key, bare) == ""


@pytest.mark.parametrize("key", EVIDENCE)
def test_each_answer_is_concluded_in_one_line(facts, key):
    said = conclusion(key, facts)
    if key == "softmax":  # without calibration nothing follows
        assert said == ""
    else:
        assert said.startswith("In use here: " if key == "improvements" else "In this run: ")
        assert said.endswith(".")
        assert "\n" not in said


def test_the_conclusion_names_what_is_in_use_and_what_is_not(facts):
    def said(**fields):
        best = dataclasses.replace(facts.best, model={**facts.best.model, **fields})
        return conclusion("improvements", dataclasses.replace(facts, best=best))

    used, unused = said(batch_norm=True, dropout=0.0).split("Not in use:")
    assert "batch normalisation" in used
    assert "dropout" in unused
    used, unused = said(batch_norm=False, dropout=0.1).split("Not in use:")
    assert "batch normalisation" in unused
    assert "dropout" in used


@pytest.mark.parametrize(
    ("fields", "words"),
    [({}, "learned from"), ({"stem": 24, "whitening": True}, "and not trained"),
     ({"stem": 0, "whitening": True}, "learned from")],
)  # fmt: skip
def test_kernels_of_a_whitening_stem_are_not_called_learned(facts, fields, words):
    best = dataclasses.replace(facts.best, model={**facts.best.model, **fields})
    changed = dataclasses.replace(facts, best=best)
    for said in (conclusion("filters", changed), EVIDENCE["filters"](changed).sentences[0]):
        assert words in said


def test_the_conclusion_on_a_dense_network_follows_the_interval(facts):
    def said(*interval):
        test = dataclasses.replace(facts.metrics.test, interval=interval)
        metrics = dataclasses.replace(facts.metrics, test=test)
        run = dataclasses.replace(
            facts.run, data=dataclasses.replace(facts.run.data, verified=True)
        )
        return conclusion("cnn_vs_dense", dataclasses.replace(facts, metrics=metrics, run=run))

    assert "is consistent with this" in said(0.91, 0.93)
    assert "is not told apart" in said(0.89, 0.91)
    assert "is below" in said(0.87, 0.89)


def test_recipe_names_what_is_on_and_only_that():
    best = BestConfig(
        {"filters_1": 8, "filters_2": 16, "filters_3": 0, "kernel_size": 3, "pooling": "average",
         "activation": "silu", "batch_norm": False, "dense_units": 0, "dropout": 0.2, "l2": 0.0,
         "normalisation": "unit"},
        {"learning_rate": 0.01, "batch_size": 64, "epochs": 3, "optimizer": "sgd",
         "schedule": "constant", "flip": False, "shift": 0}, {}, "",
    )  # fmt: skip
    network, said = training.network(best), " ".join(training.sentences(best))
    assert "2 convolution stages with 8 and 16 filters" in network
    assert "followed by average pooling and SiLU." in network
    assert "batch normalisation" not in network
    assert "a dense layer of" not in network
    assert "constant learning rate of 0.01" in said
    assert "not augmented" in said
    assert "dropout of 0.2" in said
    assert "L2" not in said


def test_the_space_says_where_the_networks_are_wider(facts):
    def caption(**model):
        changed = dataclasses.replace(facts.best, model={**facts.best.model, **model})
        return search_tables.space(dataclasses.replace(facts, best=changed)).caption

    assert caption() == caption(width=1.0) == "The search space"
    assert caption(width=2.0).endswith("have 2 times as many filters (width)")


def test_trials_are_columns_where_there_are_more_hyperparameters_than_fit(facts):
    usual = search_tables.best_trials(facts)
    more = tuple(Int(f"field_{i}", 0, 1) for i in range(9))
    wide = dataclasses.replace(facts, space=SearchSpace((*facts.space, *more)))
    turned = search_tables.best_trials(wide)
    assert len(turned.head) == 1 + 6 < 1 + len(usual.rows)
    assert turned.head == ("Trial", *(row[0] for row in usual.rows[:6]))
    assert turned.rows[0] == ("Validation accuracy", *(row[1] for row in usual.rows[:6]))
    assert len(turned.rows) == 1 + len(wide.space)
