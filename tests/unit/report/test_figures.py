"""Every figure is a closed vector document with alt text, and repeats byte for byte."""

import dataclasses
import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from fmnist.models.caps import network_key
from fmnist.report.chapters.search import _costs, _networks
from fmnist.report.figures import (
    classification,
    confirmation,
    contour,
    image_grids,
    learning_curves,
    parallel_coordinates,
    search_history,
)
from fmnist.report.figures.calibration import reliability_figure
from fmnist.report.figures.formula import formula
from fmnist.report.figures.importance import importance_bars
from fmnist.report.figures.style import drawing
from fmnist.report.load import load_facts
from fmnist.runs.records.calibration import Calibrated, Calibration, FittedOn
from fmnist.runs.records.metrics import History
from search.analysis.results import (
    Candidate,
    Confirmation,
    ConfirmedRun,
    Importance,
    ParameterImportance,
)
from search.records import Epoch, Failure, Trial
from search.space import Float, SearchSpace

FACTS = load_facts(Path(__file__).parents[2] / "data" / "short_run")
LONG_HISTORY = History(
    tuple(Epoch(n, 0.9 - 0.4 / n, 1 / n, 0.9 - 0.3 / n, 1 / n, 1.0) for n in range(1, 31)),
    29, "best", 100,
)  # fmt: skip
IMPORTANCE = Importance(
    "PED-ANOVA", 20, True, "",
    (ParameterImportance("dropout", 0.2, 0.4, False),
     ParameterImportance("learning_rate", 0.8, 0.4, True, interval=(0.3, 0.95))), bootstraps=200,
)  # fmt: skip
CONFIRMATION = Confirmation(
    k=2, seeds=2, candidates=(
        Candidate(4, {}, 0.85, (ConfirmedRun(1, 0.83, 3, 9.0), ConfirmedRun(2, None, 1, 2.0, "x")),
                  0.83, None, (0.82, 0.84), 2),
        Candidate(7, {}, 0.84, (ConfirmedRun(1, 0.83, 3, 9.0), ConfirmedRun(2, 0.85, 3, 9.0)),
                  0.84, 0.01, (0.83, 0.85), 1),
    ),
    winner=7, winner_by="confirmation",
)  # fmt: skip
SIDE = Calibrated(
    0.03, (0.02, 0.04), 0.02, 0.3, 0.1, (0, 5, 200), (None, 0.5, 0.9), (None, 0.4, 0.94)
)
CALIBRATION = Calibration(3, 0.8, FittedOn("validation", 60, "model.keras"), 100, SIDE, SIDE)
FIGURES = {
    "accuracy": lambda: learning_curves.accuracy_curves(FACTS.history, "augmented batches"),
    "long training": lambda: learning_curves.both_curves(LONG_HISTORY, "augmented batches"),
    "few trials": lambda: search_history.search_history(FACTS.trials, small=True),
    "loss": lambda: learning_curves.loss_curves(FACTS.history, "augmented batches"),
    "test": lambda: learning_curves.validation_against_test(
        FACTS.history, FACTS.metrics.test.curve
    ),
    "history": lambda: search_history.search_history(FACTS.trials),
    "front": lambda: search_history.cost_front(FACTS.trials, _costs(FACTS)),
    "slices": lambda: search_history.slices(FACTS.trials, FACTS.space, FACTS.winner)[0],
    "map": lambda: contour.mapped(FACTS.trials, FACTS.space, FACTS.winner),
    "parallel": lambda: parallel_coordinates.parallel(FACTS.trials, FACTS.space, FACTS.winner),
    "importance": lambda: importance_bars(IMPORTANCE),
    "reliability": lambda: reliability_figure(CALIBRATION),
    "confirming": lambda: confirmation.confirmed_runs(CONFIRMATION),
    "confusion": lambda: classification.confusion_figure(FACTS.metrics.test),
    "pr": lambda: classification.pr_figure(
        FACTS.predictions,
        FACTS.metrics.test,
    ),
    "softmax": lambda: classification.softmax_figure(FACTS.evidence.softmax, FACTS.class_names),
}


@pytest.fixture(scope="module")
def drawn():
    with drawing():
        return {name: draw() for name, draw in FIGURES.items()}


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_closed_svg_with_alt_text(drawn, name):
    figure = drawn[name]
    root = ET.fromstring(figure.svg)
    assert root.tag.endswith("svg")
    assert len(figure.alt) > 40
    assert figure.caption.endswith(".")
    references = re.findall(r'(?:href|src)="([^"]*)"|url\(([^)]*)\)', figure.svg)
    assert all((a or b).startswith("#") for a, b in references)
    assert "<text" not in figure.svg
    assert "<image" not in figure.svg
    assert 300 < figure.width < 700


@pytest.mark.parametrize(
    "name", ["history", "map", "parallel", "importance", "reliability", "confirming", "pr", "front"]
)
def test_figure_repeats_exactly(drawn, name):
    with drawing():
        assert FIGURES[name]().svg == drawn[name].svg


def test_tables_hold_the_numbers_of_the_figure(drawn):
    table = drawn["accuracy"].table
    assert len(table) == 1 + len(FACTS.history.epochs)
    assert len(drawn["history"].table) == 1 + len(FACTS.trials)
    for figure in drawn.values():
        assert figure.table is None or len({len(row) for row in figure.table}) == 1


def test_the_front_holds_what_no_trial_beats_at_the_same_cost_or_less():
    values = [0.8, 0.9, 0.85, 0.9, 0.95, 0.7]
    states = ["complete"] * 4 + ["pruned", "complete"]
    trials = [
        Trial(i, state, {}, value, (), 1, "", 1.0)
        for i, (state, value) in enumerate(zip(states, values, strict=True))
    ]
    cost = search_history.Cost("Parameters", {0: 100, 1: 300, 2: 200, 3: 400, 4: 50, 5: 100})
    assert [t.number for t in cost.front(trials)] == [0, 2, 1]
    alike = search_history.Cost("Parameters", dict.fromkeys(range(6), 7.0))
    assert search_history.cost_front(trials, [alike]) is None


def test_the_front_has_a_panel_for_each_cost_and_a_line_for_each_limit():
    plain = _costs(FACTS)
    assert [c.cap for c in plain] == [None, None]
    assert set(plain[0].values) == {t.number for t in FACTS.trials}
    times = {network_key(c): n / 1e3 for n, c in _networks(FACTS).items()}
    asked = dataclasses.replace(
        FACTS.run.request, max_parameters=500_000, max_size=2_000_000, max_latency=5e-3
    )
    run = dataclasses.replace(FACTS.run, request=asked)
    capped = _costs(dataclasses.replace(FACTS, run=run, latencies=times))
    assert [c.cap for c in capped] == [500_000, 2_000, 5]
    with drawing():
        free, limited = (search_history.cost_front(FACTS.trials, c) for c in (plain, capped))
    assert free.table[0] == ["Trial", "Parameters", "Validation accuracy", "On a front of"]
    assert limited.table[0][1:4] == ["Parameters", "Size in kB", "Time for an image in ms"]
    assert "not trained" in limited.caption
    assert "not trained" not in free.caption
    limit, lines = "#d55e00", [figure.svg.lower() for figure in (free, limited)]
    assert [limit in svg for svg in lines] == [False, True]


def test_history_figure_takes_failed_trials_and_none_complete():
    failed = Trial(0, "failed", {}, None, (), 1, "", 1.0, Failure("nan", "loss is NaN"))
    with drawing():
        figure = search_history.search_history([failed])
    assert "1 failed" in figure.alt


def test_best_so_far_counts_only_complete_trials():
    trials = [
        Trial(i, state, {}, value, (), 1, "", 1.0)
        for i, (state, value) in enumerate(
            [("pruned", 0.9), ("complete", 0.7), ("pruned", 0.99), ("complete", 0.8)]
        )
    ]
    found = search_history.best_so_far(trials)
    assert np.isnan(found[0])
    assert found[1:] == [0.7, 0.7, 0.8]


def test_names_outside_the_fonts_or_with_dollars_do_not_fail():
    classes = tuple(
        dataclasses.replace(c, name=name)
        for c, name in zip(
            FACTS.metrics.test.classes, ["$a_b$", "Пальто", "包", *"DEFGHIJ"], strict=True
        )
    )
    with drawing():
        figure = classification.confusion_figure(
            dataclasses.replace(FACTS.metrics.test, classes=classes)
        )
    ET.fromstring(figure.svg)


def test_drawing_leaves_the_settings_alone():
    before = dict(mpl.rcParams)
    with drawing():
        pass
    assert dict(mpl.rcParams) == before


def test_mosaics_are_images_of_the_size_they_say():
    pictures = [
        image_grids.kernel_mosaic(FACTS.explanation.kernels),
        image_grids.strongest_filters(FACTS.explanation),
        *image_grids.feature_map_mosaics(FACTS.explanation),
    ]
    assert len(pictures) == 2 + len(FACTS.explanation.feature_maps)
    for picture in pictures:
        image = Image.open(io.BytesIO(picture.png))
        assert image.size == (picture.width, picture.height)
        assert picture.width <= 640
        assert picture.alt


def test_dead_feature_maps_do_not_divide_by_zero():
    dead = np.zeros((3, 3, 4), dtype=np.float32)
    pictures = image_grids.feature_map_mosaics(
        dataclasses.replace(FACTS.explanation, feature_maps=(dead,))
    )
    assert "4 feature maps of 3 by 3" in pictures[-1].alt


def test_wrong_predictions_are_marked_in_words():
    predictions = FACTS.predictions
    wrong = int(np.flatnonzero(predictions.predicted != predictions.test_labels)[0])
    right = next(
        int(i)
        for i in predictions.random_index
        if predictions.predicted[i] == predictions.test_labels[i]
    )
    tiles = image_grids.prediction_tiles(predictions, [wrong, right], FACTS.class_names)
    assert [t.mark for t in tiles] == ["wrong", ""]
    assert tiles[0].alt.endswith("wrong")
    assert tiles[0].lines[1] == f"is {FACTS.class_names[predictions.test_labels[wrong]]}"


def test_formula_is_svg_and_refuses_what_it_cannot_read():
    svg, width = formula(r"p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}")
    ET.fromstring(svg)
    assert 3 < width < 20
    with pytest.raises(ValueError, match="Expected"):
        formula(r"\frac{")


def test_importances_of_older_runs_have_no_intervals():
    bare = dataclasses.replace(
        IMPORTANCE,
        bootstraps=0,
        parameters=tuple(dataclasses.replace(p, interval=None) for p in IMPORTANCE.parameters),
    )
    with drawing():
        figure = importance_bars(bare)
    assert "resamples" not in figure.caption
    assert [row[2] for row in figure.table[1:]] == ["–", "–"]


def test_importance_table_says_what_noise_explains(drawn):
    table = drawn["importance"].table
    assert table[1][0] == "learning rate"
    assert table[1][2:] == ["0.30–0.95", "0.40", "stands out from noise"]
    assert table[2][4] == "not distinguishable from noise"


def test_an_interval_that_misses_the_estimate_is_drawn():
    odd = ParameterImportance("dropout", 0.9, 0.4, True, interval=(0.1, 0.5))
    with drawing():
        figure = importance_bars(dataclasses.replace(IMPORTANCE, parameters=(odd,)))
    ET.fromstring(figure.svg)


def test_confirmation_figure_has_the_winner_first(drawn):
    figure = drawn["confirming"]
    assert [row[0] for row in figure.table] == ["Trial", "7", "4"]
    assert "trial 4 from 85.00" in figure.alt
    assert figure.table[2][2] == "83.00\u202f%"


def test_a_candidate_whose_runs_all_failed_has_its_row():
    lost = Candidate(9, {}, 0.8, (ConfirmedRun(3, None, 0, 1.0, "bug"),), rank=3)
    with drawing():
        figure = confirmation.confirmed_runs(
            dataclasses.replace(CONFIRMATION, candidates=(*CONFIRMATION.candidates, lost))
        )
    assert figure.table[3][2:] == ["–", "–", "–"]
    assert "no value" in figure.alt


def test_history_of_pruned_trials_alone_has_no_best():
    pruned = Trial(0, "pruned", {}, 0.5, (), 1, "", 1.0)
    with drawing():
        figure = search_history.search_history([pruned])
    assert "nan" not in figure.alt


def test_a_wide_space_is_drawn_in_figures_that_leave_no_half_page_empty():
    """A figure cannot be broken over pages: at most 12 plots each, every hyperparameter once."""
    space = SearchSpace(tuple(Float(f"field_{n}", 0.0, 1.0) for n in range(18)))
    trials = [dataclasses.replace(t, params={p.name: 0.5 for p in space}) for t in FACTS.trials]

    drawn = search_history.slices(trials, space, None)

    assert [figure.alt.split()[0] for figure in drawn] == ["9", "9"]
    assert all(sum(f"field {n}" in figure.alt for figure in drawn) == 1 for n in (0, 8, 9, 17))
    half_a_page = 247 / 2 / 25.4 * 96  # mm of type area, in CSS pixels
    assert all(figure.height < half_a_page for figure in drawn)
