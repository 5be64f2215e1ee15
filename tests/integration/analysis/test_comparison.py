"""Runs beside each other on the same test images, and what is no run."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from click.testing import CliRunner

from fmnist.analysis.classification import evaluate, summarise
from fmnist.analysis.comparison import compare_runs, write
from fmnist.analysis.intervals import mcnemar
from fmnist.cli.display.comparison import WIDTH, comparison_text
from fmnist.cli.main import cli
from fmnist.report.render import Rendered
from fmnist.runs.artifacts import COMPARISON, METRICS
from fmnist.runs.codec import FactsError, decode
from fmnist.runs.folder import Run, RunError
from fmnist.runs.records.comparison import AHEAD, BEHIND, UNDECIDED
from fmnist.runs.records.final_model import Ensemble
from fmnist.runs.records.metrics import Metrics

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
N, CLASSES = 400, 3
LABELS = np.arange(N) % CLASSES
HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e" * 40


def right(*wrong):
    """Which images are classified correctly: all but those in the given ranges."""
    found = np.ones(N, bool)
    for span in wrong:
        found[slice(*span)] = False
    return found


def probabilities(correct):
    """Float ``[N, 3]`` whose largest entry is the true class where ``correct``."""
    predicted = np.where(correct, LABELS, (LABELS + 1) % CLASSES)
    return np.eye(CLASSES, dtype=np.float32)[predicted] * 0.7 + 0.1


def make_run(folder, correct, *, name=None, kind="search", recipe=None, data=None, together=None):
    folder.mkdir()
    names = ["zero", "one", "two"]
    record = tomllib.loads((RECORDED / "run.toml").read_text(encoding="utf-8")) | {
        "name": name or folder.name,
        "request": {"kind": kind, "seed": 0, "sampler": "tpe"},
    }
    record["data"] |= {"name": "Digits", "digest": "d1", "class_names": names, **(data or {})}
    if recipe:
        record["recipe"] = {"name": "", "title": "", "source": "", "does": "", **recipe}
    (folder / "run.toml").write_text(tomli_w.dumps(record), encoding="utf-8")
    test = evaluate(LABELS, probabilities(correct), names)
    ensemble = None
    arrays = {"test_labels": LABELS, "test_probabilities": probabilities(correct)}
    if together is not None:
        arrays["ensemble_probabilities"] = probabilities(together)
        score = summarise(LABELS, probabilities(together))
        paired = mcnemar(LABELS, LABELS, LABELS)
        ensemble = Ensemble(**vars(score), asked=2, members=(), left_out=(), against_single=paired)
    validation = summarise(LABELS, probabilities(correct))
    Run(folder).write(METRICS, Metrics(validation=validation, test=test, ensemble=ensemble))
    np.savez(folder / "predictions.npz", **arrays)
    return folder


@pytest.fixture
def runs(tmp_path):
    """The reference, one far behind it, one far ahead and one that is almost the same."""
    recipe = {"name": "three-conv", "title": "Three", "source": "A notebook", "part": "",
              "published": {"accuracy": 0.8, "accuracy_high": 0.9}}  # fmt: skip
    return [
        make_run(tmp_path / "best", right((0, 60))),
        make_run(tmp_path / "low", right((0, 120)), kind="train", recipe=recipe),
        make_run(tmp_path / "high", right((0, 20)), kind="train"),
        make_run(tmp_path / "near", right((0, 58), (100, 105))),
    ]


def test_each_run_is_tested_against_the_first(runs):
    found = compare_runs(runs)
    assert (found.data, found.digest, found.n) == ("Digits", "d1", N)
    assert [s.correct for s in found.systems] == [340, 280, 380, 337]
    assert [s.what for s in found.systems] == ["tuned", "recipe three-conv", "train", "tuned"]
    assert found.first.lead is None
    low, high, near = (lead for _, lead in found.others)
    assert [lead.verdict for lead in (low, high, near)] == [AHEAD, BEHIND, UNDECIDED]
    assert (low.only_first, low.only_other, low.difference) == (60, 0, 0.15)
    assert (near.only_first, near.only_other) == (5, 2)
    assert near.p == near.p_holm == pytest.approx(2 * (1 + 7 + 21) / 2**7)
    assert high.p_holm == pytest.approx(2 * high.p)
    assert low.p_holm == pytest.approx(3 * low.p)


def test_a_recipe_brings_its_published_figure_and_its_source(runs):
    _, low, *_ = compare_runs(runs).systems
    assert (low.recipe, low.title, low.source) == ("three-conv", "Three", "A notebook")
    assert low.published == (0.8, 0.9)


def test_the_second_network_of_a_recipe_has_no_published_figure(tmp_path):
    recipe = {"name": "cnn-vs-dense", "title": "CNN", "published": {"finding": "far above"}}
    cnn = make_run(tmp_path / "cnn", right((0, 9)), recipe=recipe)
    dense = make_run(tmp_path / "cnn-dense", right((0, 90)), recipe={**recipe, "part": "Dense"})
    first, second = compare_runs([cnn, dense]).systems
    assert (first.title, first.finding) == ("CNN", "far above")
    assert (second.title, second.finding, second.published) == ("Dense", "", ())


def test_an_ensemble_is_a_row_of_its_own(tmp_path):
    run = make_run(tmp_path / "run", right((0, 60)), together=right((0, 50)))
    single, together = compare_runs([run]).systems
    assert (together.name, together.kind) == ("run, ensemble", "ensemble")
    assert (together.lead.only_first, together.lead.only_other) == (0, 10)
    assert single.lead is None


def test_what_is_written_is_read_back_the_same(runs):
    found = compare_runs(runs)
    write(found, runs[0])
    record = json.loads((runs[0] / "comparison.json").read_text(encoding="utf-8"))
    assert Run(runs[0]).read(COMPARISON) == found
    assert record["schema"] == 1
    assert record["systems"][1]["lead"]["verdict"] == AHEAD
    assert str(runs[0].parent) not in json.dumps(record)
    assert not list(runs[0].glob(".writing-*"))


@pytest.mark.parametrize("record", [None, [], {"schema": 2}, {"schema": 1, "n": 3}])
def test_another_record_is_refused(record):
    with pytest.raises(FactsError, match=r"comparison\.json"):
        decode(COMPARISON, json.dumps(record).encode())


def test_runs_of_the_same_name_are_told_apart(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    paths = [make_run(tmp_path / f / "run", right((0, 60))) for f in ("a", "b")]
    assert [s.name for s in compare_runs(paths).systems] == ["run", "run (2)"]


def test_one_run_alone_cannot_be_compared(runs):
    with pytest.raises(RunError, match="needs a second run"):
        compare_runs(runs[:1])


def test_the_same_run_under_another_name_is_noticed(runs, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(runs[0], target_is_directory=True)
    with pytest.raises(RunError, match="given twice"):
        compare_runs([runs[0], link])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"digest": "d2"}, "another data set"),
        ({"class_names": ["zero", "one", "three"]}, "other class names"),
    ],
)
def test_runs_on_other_data_are_refused(runs, tmp_path, data, message):
    other = make_run(tmp_path / "other", right((0, 60)), data=data)
    with pytest.raises(RunError, match=f"other: {message}"):
        compare_runs([runs[0], other])


def test_runs_with_other_test_labels_are_refused(runs):
    with np.load(runs[1] / "predictions.npz") as archive:
        arrays = dict(archive)
    swapped = np.roll(np.arange(N), 1)
    arrays = {name: values[swapped] for name, values in arrays.items()}
    np.savez(runs[1] / "predictions.npz", **arrays)
    with pytest.raises(RunError, match="low: other test images"):
        compare_runs(runs[:2])


def broken_archive(run):
    (run / "predictions.npz").write_bytes(b"PK\x03\x04 torn")


def pickled(run):
    np.savez(run / "predictions.npz", test_labels=np.array([{}], dtype=object))


def without_labels(run):
    np.savez(run / "predictions.npz", test_probabilities=probabilities(right()))


def too_many_classes(run):
    np.savez(run / "predictions.npz", test_labels=LABELS, test_probabilities=np.ones((N, 9)))


def not_finite(run):
    p = np.full((N, CLASSES), np.nan)
    np.savez(run / "predictions.npz", test_labels=LABELS, test_probabilities=p)


def other_predictions(run):
    np.savez(run / "predictions.npz", test_labels=LABELS, test_probabilities=probabilities(right()))


def pipe(run):
    (run / "predictions.npz").unlink()
    os.mkfifo(run / "predictions.npz")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "metrics.json").unlink(), "no metrics.json, the run is not finished"),
        (lambda run: (run / "run.toml").unlink(), "not a run folder"),
        (lambda run: (run / "run.toml").write_text("name = "), r"run\.toml: not valid TOML"),
        (
            lambda run: (run / "run.toml").write_text('name = "x"'),
            "toml: .*'created'",
        ),
        (lambda run: (run / "metrics.json").write_text("[]"), r"metrics\.json: expected schema 1"),
        (
            lambda run: (run / "metrics.json").write_text('{"schema": 1}'),
            "json: .*'validation'",
        ),
        (broken_archive, r"predictions\.npz: not a readable"),
        (pickled, r"predictions\.npz: not a readable"),
        (without_labels, r"predictions\.npz: the array .test_labels. is missing"),
        (too_many_classes, r"shape \(400, 3\).*found shape \(400, 9\)"),
        (not_finite, "not finite"),
        (other_predictions, "belong to different runs"),
        pytest.param(
            pipe,
            "no predictions.npz",
            marks=pytest.mark.skipif(os.name == "nt", reason="no named pipes"),
        ),
    ],
)
def test_a_broken_run_is_named_with_its_file(runs, spoil, message):
    spoil(runs[1])
    with pytest.raises(RunError, match=f"low.*{message}"):
        compare_runs(runs[:2])


@pytest.mark.parametrize("published", [{"accuracy": 91.7}, {"accuracy": "high"}, [0.9]])
def test_a_broken_published_figure_is_named(runs, tmp_path, published):
    recipe = {"name": "mine", "published": published}
    other = make_run(tmp_path / "other", right((0, 60)), recipe=recipe)
    with pytest.raises(RunError, match=r"recipe: published"):
        compare_runs([runs[0], other])


def test_hostile_names_neither_steer_the_terminal_nor_fill_it(runs, tmp_path):
    recipe = {"name": HOSTILE, "title": HOSTILE, "source": HOSTILE, "published": {"finding": "x"}}
    other = make_run(tmp_path / "other", right((0, 90)), name=HOSTILE, recipe=recipe)
    found = compare_runs([runs[0], other])
    text = comparison_text(found)
    assert all(c.isprintable() or c == "\n" for c in text)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert len(found.systems[1].source) <= 500
    assert found.systems[1].name.startswith("<script>")


def test_the_tables_say_who_is_ahead(runs):
    lines = comparison_text(compare_runs(runs)).splitlines()
    rows = {line.split()[0]: line for line in reversed(lines) if line and line[0].isalpha()}
    assert lines[0] == "Digits, the same 400 test images"
    assert "85.00 %" in rows["best"]
    assert "80–90 %" in rows["low"]
    verdicts = [line for line in lines if line.endswith((AHEAD, BEHIND, UNDECIDED))]
    assert [line.split()[0] for line in verdicts] == ["low", "high", "near"]
    assert "15.00" in verdicts[0]
    assert "−10.00" in verdicts[1]
    assert max(map(len, lines)) <= WIDTH


def test_colours_only_where_asked(runs):
    found = compare_runs(runs)
    assert "\x1b[32mahead" in comparison_text(found, color=True)
    assert "\x1b" not in comparison_text(found)


def test_a_folder_that_cannot_be_written_is_named(runs, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fmnist.runs.folder.atomic_write", full)
    with pytest.raises(RunError, match=r"comparison\.json: cannot be written: No space left"):
        write(compare_runs(runs), runs[0])


@pytest.mark.slow
def test_nothing_heavy_is_loaded(runs):
    code = (
        "import sys; from pathlib import Path\n"
        "from fmnist.analysis.comparison import compare_runs\n"
        "compare_runs([Path(p) for p in sys.argv[1:]])\n"
        "loaded = {'tensorflow', 'keras', 'optuna'} & set(sys.modules); assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code, *runs], check=True)


def test_the_others_are_not_needed_afterwards(runs):
    found = compare_runs(runs)
    write(found, runs[0])
    for run in runs[1:]:
        shutil.rmtree(run)
    assert Run(runs[0]).read(COMPARISON) == found


@pytest.fixture
def rendered(monkeypatch):
    """The folders whose report was made again, with what lay in them by then."""
    found = []

    def note(folder):
        found.append((folder, (folder / "comparison.json").is_file()))
        return Rendered(folder / "report.html", folder / "report.pdf")

    def note_comparison(folders, comparison, output):
        found.append((output, len(folders), comparison.n))
        return Rendered(output / "comparison.html", output / "comparison.pdf")

    monkeypatch.setattr("fmnist.report.render.render_report", note)
    monkeypatch.setattr("fmnist.report.comparison_report.render_comparison", note_comparison)
    return found


def test_the_command_prints_the_tables_and_renders_the_first_report(runs, rendered):
    result = CliRunner().invoke(cli, ["compare", *map(str, runs)])
    assert result.exit_code == 0, result.output
    assert comparison_text(compare_runs(runs)) in result.output
    assert rendered == [(runs[0], True), (runs[0], 4, N)]
    assert f"PDF report     {runs[0] / 'report.pdf'}" in result.output
    assert f"PDF comparison {runs[0] / 'comparison.pdf'}" in result.output


def test_in_another_folder_the_runs_stay_as_they_are(runs, rendered, tmp_path):
    output = tmp_path / "new" / "folder"
    before = {path: path.read_bytes() for run in runs for path in run.iterdir()}
    result = CliRunner().invoke(cli, ["compare", *map(str, runs), "--output", str(output)])
    assert result.exit_code == 0, result.output
    assert rendered == [(output, 4, N)]
    assert Run(output).read(COMPARISON) == compare_runs(runs)
    assert {path: path.read_bytes() for run in runs for path in run.iterdir()} == before


def test_the_command_prints_one_json_object(runs, rendered):
    result = CliRunner().invoke(cli, ["compare", "--json", *map(str, runs)])
    assert result.exit_code == 0, result.output
    assert decode(COMPARISON, result.output.encode()) == compare_runs(runs)
    assert rendered == [(runs[0], True), (runs[0], 4, N)]


def test_the_command_writes_nothing_when_a_run_is_broken(runs, rendered):
    (runs[2] / "metrics.json").unlink()
    result = CliRunner().invoke(cli, ["compare", *map(str, runs)])
    assert isinstance(result.exception, RunError)
    assert not (runs[0] / "comparison.json").exists()
    assert rendered == []
