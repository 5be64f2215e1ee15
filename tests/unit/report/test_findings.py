"""Sentences about a run follow from its numbers."""

import dataclasses
from pathlib import Path

import pytest

from fmnist.report.evidence import ABSENT, EVIDENCE
from fmnist.report.load import load_facts
from fmnist.report.narrative import results, training
from fmnist.report.tables import search as search_tables
from fmnist.runs.records.metrics import History
from fmnist.runs.records.run import BestConfig
from search.records import Epoch
from search.space import Categorical, Float, Int, SearchSpace


@pytest.fixture(scope="module")
def facts():
    return load_facts(Path(__file__).parents[2] / "data" / "recorded_run")


def history(rows, chosen):
    epochs = tuple(
        Epoch(i, acc, loss, val_acc, val_loss, 1.0)
        for i, (acc, loss, val_acc, val_loss) in enumerate(rows, start=1)
    )
    return History(epochs, chosen, "rule", 100)


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([(0.80, 0.5, 0.81, 0.5), (0.90, 0.3, 0.90, 0.3)], "none"),
        ([(0.80, 0.5, 0.81, 0.5), (0.95, 0.2, 0.90, 0.3)], "mild"),
        ([(0.90, 0.3, 0.90, 0.30), (0.91, 0.2, 0.90, 0.32)], "mild"),
        ([(0.90, 0.3, 0.90, 0.30), (0.99, 0.1, 0.90, 0.50)], "clear"),
        ([(0.90, 0.3, 0.90, 0.30), (0.60, 0.9, 0.60, 0.90)], "mild"),
    ],
)
def test_overfitting_follows_from_the_curves(rows, verdict):
    assert results.overfitting(history(rows, 2)).verdict == verdict


def test_overfitting_sentence_carries_the_numbers():
    found = results.overfitting(history([(0.9, 0.3, 0.9, 0.30), (0.99, 0.1, 0.91, 0.45)], 2))
    assert "8.00 percentage points above" in found.sentence
    assert "lowest in epoch 1" in found.sentence
    assert "50.0\u202f%" in found.sentence


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


def test_edges_of_the_search_space():
    space = SearchSpace(
        (Int("filters_1", 16, 48), Float("learning_rate", 1e-4, 1e-2, log=True),
         Float("dropout", 0.0, 0.5), Categorical("batch_size", (64, 128)))
    )  # fmt: skip
    best = BestConfig(
        {"filters_1": 48, "dropout": 0.25}, {"learning_rate": 1e-4, "batch_size": 64}, {}, ""
    )
    found = results.at_the_edge(best, space)
    assert found == [
        "Filters 1 (48) and learning rate (10⁻⁴) lie at an end of the searched ranges: wider ones "
        "may hold better values."
    ]
    assert results.at_the_edge(best, SearchSpace((Float("dropout", 0.0, 0.5),))) == []


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
    assert "by chance alone" in said[0]
    assert "more than the two sample sizes explain" in said[1]
    assert "the test images from another" in said[1]


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


def test_recipe_names_what_is_on_and_only_that():
    best = BestConfig(
        {"filters_1": 8, "filters_2": 16, "filters_3": 0, "kernel_size": 3, "pooling": "average",
         "batch_norm": False, "dense_units": 0, "dropout": 0.2, "l2": 0.0, "normalisation": "unit"},
        {"learning_rate": 0.01, "batch_size": 64, "epochs": 3, "optimizer": "sgd",
         "schedule": "constant", "flip": False, "shift": 0}, {}, "",
    )  # fmt: skip
    network, said = training.network(best), " ".join(training.sentences(best))
    assert "2 convolution stages with 8 and 16 filters" in network
    assert "average pooling" in network
    assert "batch normalisation" not in network
    assert "dense layer" not in network
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
