"""The report of a comparison: every figure in it comes from the files of the runs."""

import base64
import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pypdf
import pytest
from PIL import Image
from report_factory import with_ensemble
from report_pages import Elements, without_pdf, without_plots

from fmnist.analysis.classification import evaluate
from fmnist.analysis.comparison import compare_runs
from fmnist.report import text
from fmnist.report.comparison_report import render_comparison
from fmnist.report.load import load_facts
from fmnist.report.tables import run_comparison as tables
from fmnist.runs.artifacts import METRICS
from fmnist.runs.codec import FactsError
from fmnist.runs.folder import Run

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
HOSTILE = '<script>alert("x")</script>'
SPOILT = 40


def first_run(folder):
    return Path(shutil.copytree(RECORDED, folder / "first"))


def other_run(folder, name="second"):
    """The recorded run with some right predictions spoilt, some wrong ones mended, another name."""
    run = Path(shutil.copytree(RECORDED, folder / "second"))
    with np.load(run / "predictions.npz") as archive:
        arrays = dict(archive)
    labels, p = arrays["test_labels"], arrays["test_probabilities"].copy()
    right = np.flatnonzero(p.argmax(axis=1) == labels)
    wrong = np.setdiff1d(np.arange(len(labels)), right)
    spoilt, mended = right[:SPOILT], wrong[:10]
    p[spoilt] = np.roll(p[spoilt], 1, axis=1)
    p[mended] = np.eye(p.shape[1], dtype=p.dtype)[labels[mended]]
    index = np.sort(np.concatenate([np.setdiff1d(arrays["image_index"], spoilt), spoilt]))
    arrays |= {"test_probabilities": p, "image_index": index,
               "images": np.zeros((len(index), 28, 28), np.uint8) + 7}  # fmt: skip
    np.savez_compressed(run / "predictions.npz", **arrays)
    metrics = Run(run).read(METRICS)
    names = [c.name for c in metrics.test.classes]
    Run(run).write(METRICS, replace(metrics, test=evaluate(labels, p, names)))
    source = (run / "run.toml").read_text(encoding="utf-8")
    source = re.sub("(?m)^name = .*$", lambda _: f"name = {json.dumps(name)}", source, count=1)
    (run / "run.toml").write_text(source, encoding="utf-8")
    config = (run / "best_config.toml").read_text(encoding="utf-8")
    (run / "best_config.toml").write_text(
        re.sub("(?m)^dropout = .*$", "dropout = 0.875", config), encoding="utf-8"
    )
    return run


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sides")
    return [first_run(folder), other_run(folder)]


@pytest.fixture(scope="module")
def page(folders, tmp_path_factory):
    return read(folders, tmp_path_factory.mktemp("output"))


def read(folders, output):
    """The HTML of a comparison; nothing is printed, nothing drawn."""
    with without_pdf(), without_plots():
        html = render_comparison(folders, compare_runs(folders), output).html
    return Elements(html.read_text(encoding="utf-8"))


def test_it_stands_alone(page):
    assert "Fashion-MNIST: 2 systems compared" in page.text
    for title in ("Accuracies", "Class by class", "Training", "Configurations", "Where one"):
        assert title in page.text
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert all(a.get("alt") for tag, a in page.tags if tag == "img")
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 1


def test_the_numbers_are_those_of_the_runs(page, folders):
    found = compare_runs(folders)
    lead = found.systems[1].lead
    for system in found.systems:
        assert text.percent(system.accuracy, found.n) in page.text
        assert text.interval(system.interval, found.n) in page.text
    assert (lead.only_first, lead.only_other) == (SPOILT, 10)
    assert text.p_value(lead.p) in page.text
    for folder in folders:
        test = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["test"]
        for row in test["classes"]:
            span = text.interval(row["recall_interval"], digits=1)
            assert f"{text.percent(row['recall'], digits=1)} ({span})" in page.text


@pytest.mark.slow
def test_the_pdf_has_a_chapter_for_each_part_and_the_same_bytes_twice(folders, tmp_path):
    rendered, again = (
        render_comparison(folders, compare_runs(folders), tmp_path / name) for name in "ab"
    )
    assert rendered.problem is None
    pdf = pypdf.PdfReader(rendered.pdf)
    marks = [mark.title for mark in pdf.outline if not isinstance(mark, list)]
    assert "2 Class by class" in marks
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert again.html.read_bytes() == rendered.html.read_bytes()
    assert again.pdf.read_bytes() == rendered.pdf.read_bytes()


def test_agreement_shares_out_all_images(folders):
    found = compare_runs(folders)
    (row,) = tables.agreement(found).rows
    both, first, other, neither = (int(cell.replace(",", "")) for cell in row[1:])
    assert both + first + other + neither == found.n
    assert both + first == found.first.correct
    assert both + other == found.systems[1].correct


def test_fields_that_differ_are_marked(folders):
    runs = [(folder.name, load_facts(folder)) for folder in folders]
    rows = {row[0]: row for row in tables.configurations(runs).rows}
    assert rows["dropout"][1] == tables.UNLIKE
    assert rows["dropout"][3] == "0.875"
    assert [name for name, row in rows.items() if row[1]] == ["dropout"]


def test_a_field_of_one_configuration_only_is_marked_too(folders):
    runs = [(folder.name, load_facts(folder)) for folder in folders]
    runs[1][1].best.model["novel"] = 3
    rows = {row[0]: row for row in tables.configurations(runs).rows}
    assert rows["novel"] == ("novel", tables.UNLIKE, "–", "3")


def test_images_come_from_the_run_that_got_them_wrong(page, folders):
    tiles = [
        (a["alt"], Image.open(io.BytesIO(base64.b64decode(a["src"].split(",")[1]))))
        for tag, a in page.tags
        if tag == "img" and a["alt"].startswith("Test image")
    ]
    assert len(tiles) == 12 + 10
    grey = [np.asarray(image).tolist() == [[248] * 28] * 28 for _, image in tiles]
    assert grey == [True] * 12 + [False] * 10
    with np.load(folders[1] / "predictions.npz") as archive:
        labels, p = archive["test_labels"], archive["test_probabilities"]
    shown = [int(alt.split(":")[0].removeprefix("Test image ")) for alt, _ in tiles]
    assert all((p[i].argmax() != labels[i]) == (k < 12) for k, i in enumerate(shown))


def test_hostile_names_stay_texts(tmp_path):
    folders = [first_run(tmp_path), other_run(tmp_path, name=HOSTILE)]
    page = read(folders, tmp_path)
    assert HOSTILE in page.text
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 1


def test_a_run_and_its_ensemble_need_no_second_folder(tmp_path):
    run = first_run(tmp_path)
    with_ensemble(run)
    with np.load(run / "predictions.npz") as archive:
        arrays = dict(archive)
    arrays["ensemble_probabilities"] = arrays["test_probabilities"]
    np.savez_compressed(run / "predictions.npz", **arrays)
    page = read([run], tmp_path)
    assert ", ensemble" in page.text
    assert "its own report has the scores of each class" in page.text


def test_a_run_without_history_is_named(tmp_path):
    folders = [first_run(tmp_path), other_run(tmp_path)]
    found = compare_runs(folders)
    (folders[1] / "history.json").unlink()
    with pytest.raises(FactsError, match=r"history\.json"):
        render_comparison(folders, found, tmp_path)


def test_ten_runs_are_compared_and_eight_drawn(tmp_path):
    first = first_run(tmp_path)
    others = [Path(shutil.copytree(first, tmp_path / f"copy-{k}")) for k in range(9)]
    for k, run in enumerate(others):
        source = (run / "run.toml").read_text(encoding="utf-8")
        (run / "run.toml").write_text(
            re.sub("(?m)^name = .*$", f'name = "copy-{k}"', source, count=1), encoding="utf-8"
        )
    folders = [first, *others]
    page = read(folders, tmp_path)
    assert "The first 8 of 10 runs are drawn." in page.text
    assert "copy-8" in page.text
    assert "The configurations are equal" in page.text
