"""The chapter of the images, Grad-CAM and the drawing of the network, with and without files."""

import dataclasses
import io
import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from data_quality_factory import LEFT_OUT, add_gallery, leave_out
from PIL import Image
from report_factory import recorded
from report_pages import Elements

from fmnist.report.figures import architecture, image_grids, image_strips
from fmnist.report.figures.style import drawing
from fmnist.report.load import load_facts
from fmnist.report.outline import SECTIONS
from fmnist.report.output.templating import environment_for
from fmnist.report.pages import Counter
from fmnist.report.text import NOT_RECORDED
from fmnist.runs.artifacts import METRICS
from fmnist.runs.codec import FactsError
from fmnist.runs.folder import Run


def chapter(run, slug="images"):
    """Start tags and text of one chapter."""
    facts = load_facts(run)
    section = next(s for s in SECTIONS if s.slug == slug)
    template = environment_for(None).get_template(section.template)
    shared = {"numbers": Counter(), "not_recorded": NOT_RECORDED, "chapter": 8, "full": True}
    with drawing():
        return Elements(template.render(**shared, **section.build(facts, [])))


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    run = recorded(tmp_path_factory.mktemp("facts"))
    add_gallery(run)
    return load_facts(run)


def test_older_runs_have_their_confusions_and_say_what_was_not_recorded(tmp_path):
    found = chapter(recorded(tmp_path))
    assert found.text.count(" taken for ") == 5
    assert found.text.count(NOT_RECORDED) == 2


def test_confusions_are_shown_with_both_probabilities(tmp_path):
    run = recorded(tmp_path)
    facts = load_facts(run)
    counts = facts.metrics.test.counts()
    np.fill_diagonal(counts, 0)
    true, said = np.unravel_index(int(counts.argmax()), counts.shape)
    names, predictions = facts.class_names, facts.predictions
    found = chapter(run)
    expected = f"{names[true]} taken for {names[said]}: {counts.max()} of 1,000 test images"
    assert expected in found.text
    pair = (predictions.test_labels == true) & (predictions.predicted == said)
    surest = int(np.flatnonzero(pair)[predictions.test_probabilities[pair, said].argmax()])
    own, other = (
        image_strips._chance(predictions.test_probabilities[surest, k]) for k in (said, true)
    )
    first = f"Test image {surest}: predicted {names[said]} at {own}"
    alt = f"{first}, true class {names[true]} at {other}"
    assert alt in [a.get("alt") for tag, a in found.tags if tag == "img"]


def test_no_probability_is_told_as_quite_0_or_1():
    told = [image_strips._chance(p) for p in (0.9999, 0.994, 0.5, 0.006, 0.0004)]
    assert told == [f"{p}\u202f%" for p in ("> 99", "99", "50", "1", "< 1")]


def test_a_whole_gallery_is_told_and_every_picture_has_alt_text(tmp_path):
    run = recorded(tmp_path)
    record = add_gallery(run)
    found = chapter(run)
    assert "Of the 10,000 test images 3 (0.03\u202f%) are." in found.text
    assert "one: 1 identical, 1 less than 3 levels apart, 1 with a mirrored image" in found.text
    assert "1 carries another label" in found.text
    rest = record["duplicates"]["without"]
    share = f"{100 * rest['correct'] / rest['n']:.2f}\u202f%"
    assert f"Without them the test accuracy is {share} of 9,998 images" in found.text
    images = [a for tag, a in found.tags if tag == "img"]
    assert all(a["alt"] for a in images)
    suspect = record["label_errors"]["validation"]["shown"][0]
    assert any(a["alt"].startswith(f"Validation image {suspect['index']}: ") for a in images)
    assert any(a["alt"].endswith("7.2 levels apart, mirrored") for a in images)
    assert NOT_RECORDED not in found.text


def test_grad_cam_shows_one_map_for_right_and_two_for_wrong_predictions(tmp_path):
    run = recorded(tmp_path)
    add_gallery(run)
    found = chapter(run, "inside")
    maps = [a["alt"] for tag, a in found.tags if a.get("alt", "").startswith("Evidence for ")]
    assert len(maps) == 2 + 2 * 2
    assert sum(alt.endswith("none anywhere") for alt in maps) == 2
    assert "3 × 3 values, each of which sees far more of the image" in found.text
    assert [1 for _, a in found.tags if a.get("alt", "").startswith("Colour scale")]


def test_what_was_left_out_is_said_with_its_reason(tmp_path):
    run = recorded(tmp_path)
    leave_out(run)
    images, inside = chapter(run), chapter(run, "inside")
    assert f"Doubtful labels were not looked for: {LEFT_OUT['label_errors']}." in images.text
    assert f"Very similar images were not looked for: {LEFT_OUT['duplicates']}." in images.text
    assert f"Grad-CAM is left out: {LEFT_OUT['grad_cam']}." in inside.text


def test_a_dense_network_has_nothing_to_look_into(tmp_path):
    run = recorded(tmp_path)
    leave_out(run, grad_cam="a dense network has no feature maps to look at")
    source = (run / "best_config.toml").read_text("utf-8")
    (run / "best_config.toml").write_text(source.replace("[model]", "[model]\nstages = 0"), "utf-8")
    (run / "explain.npz").unlink()
    assert "nothing for Grad-CAM to weigh" in chapter(run, "inside").text


def test_a_network_without_errors_has_no_confusions(tmp_path):
    run = recorded(tmp_path)
    with np.load(run / "predictions.npz") as file:
        arrays = dict(file)
    arrays["test_probabilities"] = np.eye(10, dtype=np.float32)[arrays["test_labels"]]
    np.savez_compressed(run / "predictions.npz", **arrays)
    metrics = json.loads((run / "metrics.json").read_text("utf-8"))
    test = metrics["test"]
    test["correct"], test["accuracy"] = test["n"], 1.0
    test["confusion"] = np.diag([sum(row) for row in test["confusion"]]).tolist()
    (run / "metrics.json").write_text(json.dumps(metrics), "utf-8")
    assert "No test image was misclassified." in chapter(run).text


def test_a_network_that_guesses_casts_no_doubt_on_labels(tmp_path):
    run = recorded(tmp_path)
    add_gallery(run)
    metrics = Run(run).read(METRICS)
    guessed = dataclasses.replace(metrics.test, interval=(0.09, 0.11))
    Run(run).write(METRICS, dataclasses.replace(metrics, test=guessed))
    found = chapter(run)
    assert "that it disagrees with a label says nothing about the label." in found.text
    assert "a label is suspected" not in found.text


@pytest.mark.parametrize(
    ("median", "words"), [(30.57, "are larger: for"), (9.0, "are no larger here: for")]
)
def test_usual_distances_are_compared_with_the_limit(tmp_path, median, words):
    run = recorded(tmp_path)
    duplicates = add_gallery(run)["duplicates"] | {"usual": {"median": median, "least": 1.0}}
    add_gallery(run, duplicates=duplicates)
    assert f"Usual distances {words}" in chapter(run).text


def test_no_near_duplicates_are_said_beside_usual_distances(tmp_path):
    run = recorded(tmp_path)
    facts = load_facts(run)
    record = add_gallery(run)
    none = record["duplicates"] | {
        "pairs": [], "exact": 0, "correct": 0,
        "without": {"n": 10_000, "correct": facts.metrics.test.correct},
    }  # fmt: skip
    add_gallery(run, duplicates=none)
    found = chapter(run)
    assert "No test image has one. Usual distances are larger" in found.text
    assert "Without them" not in found.text


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("label_errors", {"n": 500}, "expected the 10000 test images"),
        ("label_errors", {"pairs": [{"given": 0, "suggested": 12, "count": 1}]}, "class 12"),
        ("duplicates", {"correct": 9}, "correct predictions as in metrics.json"),
        ("duplicates", {"threshold": "near"}, "threshold: expected a number"),
    ],
)
def test_a_gallery_of_another_run_is_refused(tmp_path, part, change, message):
    run = recorded(tmp_path)
    record = add_gallery(run)
    entry = record[part]
    broken = entry | {"test": entry["test"] | change} if part == "label_errors" else entry | change
    add_gallery(run, **{part: broken})
    with pytest.raises(FactsError, match=f"gallery.json: .*{message}"):
        load_facts(run)


def test_arrays_of_another_shape_are_refused(tmp_path):
    run = recorded(tmp_path)
    add_gallery(run)
    np.savez(run / "gallery.npz", cam_predicted=np.zeros(3, dtype=np.float32))
    with pytest.raises(FactsError, match=r"gallery\.npz: cam_predicted must be maps"):
        load_facts(run)


def test_the_strongest_place_has_the_strongest_colour():
    image = np.full((28, 28), 0, dtype=np.uint8)  # white on paper
    heat = np.zeros((3, 3), dtype=np.float32)
    heat[0, 2] = 0.5
    picture = np.asarray(Image.open(io.BytesIO(image_strips.overlay(image, heat))).convert("RGB"))
    assert picture.shape == (112, 112, 3)
    assert picture[100, 10].tolist() == [255, 255, 255]
    darkest = picture.sum(axis=2).argmin()
    row, column = np.unravel_index(darkest, (112, 112))
    assert row < 38
    assert column > 74


def test_a_map_without_evidence_leaves_the_image_as_it_is():
    image = np.random.default_rng(0).integers(0, 2, (28, 28), dtype=np.uint8) * 255
    png = image_strips.overlay(image, np.zeros((7, 7), dtype=np.float32))
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    assert (picture[::4, ::4] == 255 - image).all()


def layers_of(**changes):
    """Layers as ``evidence.json`` has them, of a network built here."""
    from fmnist import build_model
    from fmnist.analysis import activations
    from fmnist.config.config import Config

    config = Config(filters_1=4, filters_2=6, filters_3=8, filters_4=8, dense_units=12)
    return list(activations.layers(build_model(config.replace(**changes))))


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ({"stages": 0}, 0),
        ({"stages": 1, "pool_first": False, "batch_norm": False, "head": "average"}, 1),
        ({"stages": 4, "stem": 5, "convolutions": 3, "residual": True, "image_size": 32}, 4),
    ],
)
def test_the_drawing_has_every_layer_in_some_box(changes, stages, facts):
    layers = layers_of(**changes)
    boxes = architecture.steps(layers, 3)
    assert sum(box.parameters for box in boxes) == sum(x.parameters for x in layers)
    assert boxes[-1].shape == (10,)
    named = {box.stage for box in boxes if box.stage.startswith("Stage")}
    assert named == {f"Stage {n}" for n in range(1, stages + 1)}
    assert sum(box.kind == "residual" for box in boxes) == (4 if changes.get("residual") else 0)
    evidence = dataclasses.replace(facts.evidence, layers=tuple(layers))
    with drawing():
        figure = architecture.network_figure(evidence, 3)
    ET.fromstring(figure.svg)
    assert figure.width == 624
    assert figure.height < 800
    assert figure.alt.count("(") == len(boxes)
    assert all(box.stage in figure.alt for box in boxes)


def test_large_networks_show_a_choice_by_a_stated_rule(facts):
    rng = np.random.default_rng(0)
    kernels = rng.normal(size=(3, 3, 1, 100)).astype(np.float32)
    shown = image_grids.kernel_mosaic(kernels)
    assert "The 64 of 100 kernels with the largest weights (by their norm)" in shown.caption
    maps = rng.random((7, 7, 48), dtype=np.float32)
    large = dataclasses.replace(
        facts.explanation, feature_maps=(maps,), responses=np.ones((28, 28, 16), np.float32)
    )
    first, stage = image_grids.feature_map_mosaics(large)
    assert first.caption.startswith("First convolution: 16 feature maps of 28 × 28;")
    assert stage.caption.startswith("Stage 1: the 32 of 48 feature maps of 7 × 7 that respond most")
    assert all(picture.width <= 640 for picture in (shown, first, stage))
