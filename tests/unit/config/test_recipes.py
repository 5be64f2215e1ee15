"""The published systems as recipes: what their rows say is what is built and trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fmnist.cli.main import cli
from fmnist.config import recipes
from fmnist.config.recipes import PLAIN, Published, RecipeError
from fmnist.data.formats import csv_files
from fmnist.errors import DataError
from fmnist.pipeline.recipe_runs import parts_of

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
HEAD = '[recipe]\nname = "mine"\ntitle = "Mine"\nsource = "Me"\ndoes = "Little."\n'
ASKED = {"seed": 0, "epochs": None, "validation": None, "data": None}


@pytest.fixture
def published_sample(raw_sample, monkeypatch, tmp_path):
    """Take the sample for the published data, with a cache of its own."""
    from fmnist.data import checksums

    monkeypatch.setattr(checksums, "TRAIN_SHA256", checksums.part_sha256(raw_sample.train))
    monkeypatch.setattr(checksums, "TEST_SHA256", checksums.part_sha256(raw_sample.test))
    monkeypatch.setenv("FMNIST_CACHE", str(tmp_path / "cache"))


# What the rows of the requirements say


@pytest.mark.parametrize(
    ("name", "published", "config"),
    [
        ("task-brief", Published(), {"stages": 1, "pooling": "max", "normalisation": "unit"}),
        ("simple-cnn", Published(0.89, 0.91), {"optimizer": "adam", "normalisation": "unit"}),
        (
            "cnn-vs-dense",
            Published(finding="the CNN is clearly above the dense network"),
            {"stages": 2, "optimizer": "adam"},
        ),
        (
            "three-conv",
            Published(0.8944, loss=0.468),
            {"stages": 3, "filters_1": 32, "filters_2": 64, "filters_3": 128, "pooling": "max",
             "dense_units": 128, "epochs": 10},
        ),
        (
            "augmented-grid",
            Published(0.9173, f1={"Shirt": 0.76}),
            {"normalisation": "signed", "image_size": 32, "flip": True, "stages": 2,
             "pooling": "max", "epochs": 10, "optimizer": "adam", "batch_size": 64},
        ),
    ],
)  # fmt: skip
def test_recipes_say_what_their_rows_say(name, published, config):
    recipe = recipes.find(name)
    values = recipe.config.to_dict()
    assert (recipe.name, recipe.published) == (name, published)
    assert {field: values[field] for field in config} == config
    assert values["dense_units"] > 0
    assert recipe.source
    assert recipe.title


def test_there_are_five_and_each_is_a_file():
    folder = Path(recipes.__file__).parent / "recipes"
    assert sorted(recipes.names()) == sorted(path.stem for path in folder.glob("*.toml"))
    assert len(recipes.names()) == 5


@pytest.mark.parametrize("name", recipes.names())
def test_nothing_is_added_that_the_row_does_not_name(name):
    recipe = recipes.find(name)
    for config in (recipe.config, *([recipe.rival.config] if recipe.rival else [])):
        modern = {
            "batch_norm": False, "schedule": "constant", "test_time_flip": False, "ema": 0.0,
            "label_smoothing": 0.0, "weight_decay": 0.0, "erasing": 0.0, "shift": 0, "stem": 0,
            "convolutions": 1, "residual": False, "head": "flatten", "width": 1.0,
        }  # fmt: skip
        values = config.to_dict()
        assert {field: values[field] for field in modern} == modern
        augmented = name == "augmented-grid"
        assert (config.flip, config.rotation > 0) == (augmented, augmented)


def test_the_grid_holds_the_published_learning_rate_and_every_combination():
    search = recipes.find("augmented-grid").search
    values = {p.name: p.choices for p in search.space}
    assert 0.001 in values["learning_rate"]
    assert search.sampler == "grid"
    assert search.trials == np.prod([len(v) for v in values.values()])


def test_the_dense_network_differs_in_its_stages_only():
    recipe = recipes.find("cnn-vs-dense")
    assert recipe.rival.config == recipe.config.replace(stages=0)


def test_the_networks_are_those_of_the_rows():
    from fmnist.models.builder import build_model

    kinds = {
        name: [type(layer).__name__ for layer in build_model(config).layers]
        for name, config in {
            **{n: recipes.find(n).config for n in recipes.names()},
            "dense": recipes.find("cnn-vs-dense").rival.config,
        }.items()
    }
    assert {n: k.count("Conv2D") for n, k in kinds.items()} == {
        "task-brief": 1, "simple-cnn": 2, "cnn-vs-dense": 2, "three-conv": 3, "augmented-grid": 2,
        "dense": 0,
    }  # fmt: skip
    assert all(k.count("MaxPooling2D") == k.count("Conv2D") for k in kinds.values())
    assert [n for n, k in kinds.items() if "Resizing" in k] == ["augmented-grid"]
    assert all(k.count("Dense") == 2 and k[-1] == "Softmax" for k in kinds.values())


def test_cross_entropy_of_integer_labels_is_that_of_one_hot_labels():
    from keras import losses

    labels = np.arange(10)
    logits = np.random.default_rng(0).normal(size=(10, 10)).astype("float32")
    sparse = losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    one_hot = losses.categorical_crossentropy(np.eye(10, dtype="float32"), logits, from_logits=True)
    np.testing.assert_allclose(sparse, one_hot, rtol=1e-6)


# Files of one's own


def test_what_a_recipe_does_not_name_is_plain():
    assert recipes.parse(HEAD, "mine.toml").config == PLAIN


def test_a_file_is_a_recipe_too(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + "[model]\nfilters_1 = 8\n[recipe.published]\naccuracy = 0.9\n")
    recipe = recipes.find(str(path))
    assert recipe.config == PLAIN.replace(filters_1=8)
    assert str(recipe.published) == "90 % test"
    assert "changed" not in recipe.record()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(RecipeError, match=r"no such recipe; there are task-brief, simple-cnn, "):
        recipes.find("four-conv")
    with pytest.raises(RecipeError, match=r"cannot be read as a recipe"):
        recipes.find("nowhere.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[net]\nfilters_1 = 8\n", r"unknown entry 'net'; it may have recipe, data, model"),
        ("[model]\nfilters_1 = 0\n", "filters_1 = 0: must be within 1 to 512"),
        ("[model]\nfilter = 8\n", "unknown field 'filter'"),
        ("[model]\nepochs = 8\n", r"\[model\]: epochs belongs in \[training\]"),
        ('[data]\nformat = "png"\n', r"format = 'png': must be one of csv"),
        ("[rival]\n[rival.model]\nstages = 0\n", r"\[rival\]: name is missing"),
        ("[recipe.published]\naccuracy = 89.4\n", r"accuracy = 89.4: must be within 0.0 to 1.0"),
        ("[recipe.published]\nf1 = { Shirt = 76.0 }\n", r"Shirt = 76.0: must be within"),
        ("[search]\ntrial_images = 10\ntrial_epochs = 1\n", "needs at least one parameter"),
        ("[search.values]\ndropout = [0.1, 2]\n", "dropout = 2.0: must be within 0 to 0.9"),
        ("[search.values]\ndropout = 0.1\n", "must be a list of values"),
        ("[search.values]\ndropout = [0.1]\n", "trial_images = None: must be a whole number"),
        ('[search]\nsampler = "best"\n', "sampler = 'best': must be one of tpe, random, grid"),
    ],
)
def test_what_breaks_a_rule_is_named(text, message):
    with pytest.raises(RecipeError, match=f"^mine.toml: .*{message}"):
        recipes.parse(HEAD + text, "mine.toml")


def test_a_file_without_a_head_or_that_is_no_toml():
    with pytest.raises(RecipeError, match=r"^mine.toml: \[recipe\]: name is missing"):
        recipes.parse("[model]\n", "mine.toml")
    with pytest.raises(RecipeError, match=r"^mine.toml: not valid TOML"):
        recipes.parse("[recipe", "mine.toml")


# From a recipe to its runs


def test_a_comparison_is_two_runs_that_differ_in_the_network_alone():
    cnn, dense = parts_of(recipes.find("cnn-vs-dense"), "cnn-vs-dense", **ASKED)
    assert (cnn.suffix, dense.suffix) == ("", "-dense")
    assert replace(dense.request, recipe=cnn.request.recipe) == cnn.request
    assert dense.base == cnn.base.replace(stages=0)
    assert "part" not in cnn.record
    assert dense.record["part"] == "The plain dense network"


def test_a_grid_is_searched_whole_and_nothing_is_confirmed_or_pruned():
    (part,) = parts_of(recipes.find("augmented-grid"), "augmented-grid", **ASKED)
    request = part.request
    assert (request.kind, request.sampler, request.trials) == ("search", "grid", 6)
    assert (request.confirm, request.pruner, request.final_epochs) == (False, "none", 10)
    assert part.base.batch_size == 64


def test_other_epochs_are_told():
    (part,) = parts_of(recipes.find("simple-cnn"), "simple-cnn", **{**ASKED, "epochs": 3})
    assert (part.request.final_epochs, part.base.epochs) == (3, 3)
    assert part.record["changed"] == ["epochs"]


@pytest.mark.usefixtures("published_sample")
def test_csv_files_are_made_and_read_where_none_are_given(tmp_path, monkeypatch):
    from fmnist.data import Source, csv_export, load
    from fmnist.data.detect import read_path

    asked = []

    def read(_):
        asked.append(1)
        return read_path(SAMPLE)

    monkeypatch.setattr(csv_export.csv_folder, "__defaults__", (None, [Source("s", read, bool)]))
    for _ in range(2):
        (part,) = parts_of(recipes.find("three-conv"), "three-conv", **ASKED)
    assert len(asked) == 1
    assert part.request.data == str(tmp_path / "cache" / "fashion-mnist-csv")
    data = load(Path(part.request.data))
    assert data.source == f"CSV files in {part.request.data}"
    assert data.verified


def test_another_format_than_csv_is_refused():
    with pytest.raises(DataError, match="the recipe three-conv reads CSV files; expected a folder"):
        parts_of(recipes.find("three-conv"), "three-conv", **{**ASKED, "data": SAMPLE})


def test_csv_files_of_the_user_are_taken(raw_sample, tmp_path):
    csv_files.write_folder(tmp_path, raw_sample.train, raw_sample.test)
    (part,) = parts_of(recipes.find("three-conv"), "three-conv", **{**ASKED, "data": tmp_path})
    assert part.request.data == str(tmp_path)


# The commands


def test_the_list_names_figure_and_source():
    output = CliRunner().invoke(cli, ["recipes"]).output
    for name in recipes.names():
        assert f"{name}: {recipes.find(name).title}" in output
    assert "published: 89.44 % test, loss 0.468" in output
    assert "published: 91.73 % test, F1 of Shirt 0.76" in output
    assert output.count("source: ") == 5
