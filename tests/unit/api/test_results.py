"""A run from Python: its tables, figures and paths, by the recorded run."""

import sys
from pathlib import Path

import numpy as np
import pytest
from report_factory import complete_run

import fmnist
from fmnist.errors import UserError
from fmnist.report.figures import Figure
from fmnist.runs.codec import FactsError
from fmnist.runs.folder import RunError

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
FIGURES = [
    "confirmation", "confusion_matrix", "importance", "learning_curves", "parallel_coordinates",
    "precision_recall", "reliability", "search_history",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return fmnist.open_run(complete_run(tmp_path_factory.mktemp("api")))


def test_trials_are_a_frame_with_a_column_for_each_parameter(run):
    frame = run.trials
    assert list(frame.index) == [t.number for t in run.facts.trials]
    best = frame.loc[frame["value"].idxmax()]
    trial = max(run.facts.trials, key=lambda t: t.value or 0)
    assert best["params.learning_rate"] == trial.params["learning_rate"]
    assert frame["epochs"].sum() == len(run.epochs)
    assert run.epochs.loc[(trial.number, 1), "val_accuracy"] == trial.epochs[0].val_accuracy


def test_scores_of_the_classes_and_the_confusion_matrix_agree(run):
    matrix, scores = run.metrics.confusion_matrix, run.metrics.per_class
    assert matrix.to_numpy().sum() == run.metrics.test.n
    recall = np.diag(matrix) / matrix.sum(axis=1)
    np.testing.assert_allclose(scores["recall"], recall, atol=1e-4)
    assert (scores["recall_low"] <= scores["recall"]).all()
    assert run.metrics.interval[0] < run.metrics.accuracy < run.metrics.interval[1]
    right = np.trace(matrix.to_numpy())
    assert right / run.metrics.test.n == pytest.approx(run.metrics.accuracy, abs=1e-4)


def test_the_final_training_and_the_configuration(run):
    assert len(run.history) == len(run.facts.history.epochs)
    assert run.config.epochs == len(run.history)
    assert run.predictions.test_probabilities.shape[1] == len(run.metrics.per_class)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn(run, name):
    figure = getattr(run.figures, name)()
    assert isinstance(figure, Figure)
    assert figure._repr_svg_().lstrip().startswith("<?xml")
    assert "#ReportSans-" in figure.svg
    assert figure.alt
    assert figure.caption


def test_all_figures_are_tried(run):
    public = [n for n in dir(run.figures) if not n.startswith("_")]
    assert sorted(public) == sorted([*FIGURES, "facts"])


def test_a_notebook_shows_the_headline(run):
    shown = run._repr_html_()
    assert f"{100 * run.metrics.accuracy:.2f}" in shown
    assert "95 % interval" in shown.replace("\u202f", " ")


def test_what_is_not_there_yet_is_named(tmp_path):
    (tmp_path / "run.toml").write_bytes((RECORDED / "run.toml").read_bytes())
    run = fmnist.open_run(tmp_path)
    assert not run.finished
    assert run.trials.empty
    with pytest.raises(FactsError, match=r"metrics\.json: missing"):
        _ = run.metrics
    with pytest.raises(UserError, match=r"no report\.pdf yet"):
        _ = run.pdf
    with pytest.raises(FactsError, match=r"trials\.jsonl: missing"):
        run.figures.search_history()
    assert "not yet" in run._repr_html_()


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="not a run folder"):
        fmnist.open_run(tmp_path)


def test_without_pandas_the_error_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UserError, match=r"pip install 'fmnist-report\[notebook\]'"):
        _ = run.trials
