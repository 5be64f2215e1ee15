"""What the HTML carries for a screen: the values of its plots, the images behind its matrix."""

import base64
import io
import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fmnist.report import text
from fmnist.report.figures import classification, learning_curves, search_history
from fmnist.report.figures.style import canvas, drawing, to_svg
from fmnist.report.figures.tooltips import tell, tell_cells
from fmnist.report.load import load_facts
from fmnist.report.output import interactive

RECORDED = Path(__file__).parents[2] / "data" / "short_run"


@pytest.fixture(scope="module")
def facts():
    return load_facts(RECORDED)


def told(svg):
    """The values inside an SVG document."""
    found = re.findall("<metadata>(.*?)</metadata>", svg, re.DOTALL)
    assert len(found) <= 1
    return json.loads(unescape(found[0])) if found else None


def drawn(points=(), cells=(), limits=(0, 1)):
    with drawing():
        figure, ax = canvas(2)
        ax.set(xlim=limits, ylim=limits)
        tell(ax, points)
        tell_cells(ax, cells)
        return to_svg(figure)


def test_a_plot_without_values_has_no_metadata():
    assert told(drawn()) is None


def test_points_stand_where_the_axes_put_them():
    left, middle, right = (
        p for p in told(drawn([(0, 0, "a"), (0.5, 0.5, "b"), (1, 1, "c")]))["points"]
    )
    assert 0 < left[0] < middle[0] < right[0] <= 1
    assert 1 > left[1] > middle[1] > right[1] >= 0
    assert middle[0] == pytest.approx((left[0] + right[0]) / 2, abs=2e-4)
    assert [p[2] for p in (left, middle, right)] == ["a", "b", "c"]


def test_what_is_not_drawn_is_not_told():
    outside = [(float("nan"), 0, "nan"), (0, float("inf"), "inf"), (9, 9, "outside"), (0, 1, "in")]
    assert [p[2] for p in told(drawn(outside))["points"]] == ["in"]


def test_texts_are_escaped_and_the_svg_stays_whole():
    said = '</metadata><script>"&amp;é'
    svg = drawn([(0, 0, said)])
    assert "<script>" not in svg
    assert told(svg)["points"][0][2] == said
    assert svg.rstrip().endswith("</svg>")


def test_cells_lie_side_by_side():
    cells = [(0, 0, "a"), (0, 1, "b"), (1, 0, "c")]
    first, right, below = told(drawn(cells=cells, limits=(-0.5, 1.5)))["cells"]
    assert right[0] == pytest.approx(first[0] + abs(first[2]), abs=2e-4)
    assert below[0] == first[0]
    assert first[2] == pytest.approx(right[2], abs=2e-4)
    assert [cell[4:] for cell in (first, right, below)] == [["a", 0, 0], ["b", 0, 1], ["c", 1, 0]]


def test_the_matrix_tells_every_count(facts):
    test = facts.metrics.test
    with drawing():
        cells = told(classification.confusion_figure(test).svg)["cells"]
    names = [c.name for c in test.classes]
    assert len(cells) == len(names) ** 2
    for *_, width, height, said, row, column in cells:
        assert width > 0.02
        assert height > 0.02
        assert said.startswith(names[row])
        assert said.endswith(f": {text.counted(test.confusion[row][column], 'image')}")
        assert ("correct" in said) == (row == column)


def test_curves_tell_every_epoch(facts):
    with drawing():
        points = told(learning_curves.accuracy_curves(facts.history, "batches").svg)["points"]
    assert [p[2] for p in points] == [
        *(f"Epoch {e.epoch}, Training (batches): {text.percent(e.accuracy)}"
          for e in facts.history.epochs),
        *(f"Epoch {e.epoch}, Validation: {text.percent(e.val_accuracy)}"
          for e in facts.history.epochs),
    ]  # fmt: skip


def test_of_a_long_training_the_axes_leave_out_the_first_epochs(facts):
    first, *rest = facts.history.epochs
    epochs = [replace(first, accuracy=0.1, val_accuracy=0.1), first, *(rest * 9)]
    renumbered = tuple(replace(e, epoch=n) for n, e in enumerate(epochs, 1))
    long = replace(facts.history, epochs=renumbered)
    with drawing():
        figure = learning_curves.accuracy_curves(long, "batches")
    epochs_told = {int(re.match(r"Epoch (\d+)", p[2])[1]) for p in told(figure.svg)["points"]}
    assert epochs_told == set(range(2, len(epochs) + 1))
    assert f"most of the first {len(epochs) // 10} epochs" in figure.caption
    with drawing():
        short = learning_curves.accuracy_curves(facts.history, "batches")
    assert "are cut" not in short.caption


def test_the_course_of_the_search_tells_every_trial(facts):
    with drawing():
        points = told(search_history.search_history(facts.trials).svg)["points"]
    numbers = sorted(int(re.match(r"Trial (\d+), ", p[2])[1]) for p in points)
    assert numbers == [t.number for t in facts.trials]


def test_every_image_of_the_sprite_is_that_of_its_cell(facts):
    found, predictions = interactive.cells_of(facts), facts.predictions
    sprite = np.asarray(Image.open(io.BytesIO(base64.b64decode(found["sprite"]))))
    place = 0
    for row, column, indices, percents in found["cells"]:
        for index, percent in zip(indices, percents, strict=True):
            assert predictions.test_labels[index] == row
            p = predictions.test_probabilities[index]
            assert int(p.argmax()) == column
            assert percent == round(100 * float(p.max()))
            top, left = 28 * (place // found["columns"]), 28 * (place % found["columns"])
            tile = sprite[top : top + 28, left : left + 28]
            np.testing.assert_array_equal(255 - tile, predictions.image(index))
            place += 1
    wrong = int((predictions.predicted != predictions.test_labels).sum())
    errors = sum(len(cell[2]) for cell in found["cells"] if cell[0] != cell[1])
    assert errors == wrong


@pytest.mark.parametrize("most", [20, 90])
def test_too_many_images_are_cut_from_the_largest_cells(facts, monkeypatch, most):
    whole = {tuple(c[:2]): c[2] for c in interactive.cells_of(facts)["cells"]}
    monkeypatch.setattr(interactive, "MOST_IMAGES", most)
    kept = {tuple(c[:2]): c[2] for c in interactive.cells_of(facts)["cells"]}
    assert most / 2 < sum(map(len, kept.values())) <= most
    assert all(whole[cell][: len(indices)] == indices for cell, indices in kept.items())
    left_out = [len(indices) for cell, indices in whole.items() if cell not in kept]
    assert max(left_out, default=0) <= min(len(whole[cell]) for cell in kept)


def test_without_predictions_there_are_no_images(facts):
    assert interactive.cells_of(replace(facts, predictions=None)) is None


def test_paper_loses_only_what_stands_between_the_marks():
    html = f"a{interactive.BEGIN}<b>\n</b>{interactive.END}c{interactive.BEGIN}d{interactive.END}e"
    assert interactive.for_paper(html) == "ace"
