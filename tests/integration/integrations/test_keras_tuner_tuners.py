"""keras-tuner's own tuners, and one of a user's, really run over our networks."""

from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest

from fmnist import Config, HyperModel, load_config
from fmnist.data import load
from fmnist.importers.detect import open_study
from fmnist.importers.objective_values import accuracies
from fmnist.importers.parameter_mapping import Wishes, match
from search.space import Categorical, Float, Int, SearchSpace

pytestmark = [
    pytest.mark.slow,
    # keras-tuner asks for the name of its thread in an old way, at every trial.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner.*"),
    # Its Gaussian process meets a bound where the few trials happen to lie flat.
    pytest.mark.filterwarnings("ignore:The optimal value found for dimension"),
]
SAMPLE = Path(__file__).parents[2] / "data" / "sample"
SPACE = SearchSpace(
    (
        Int("filters_1", 2, 4, step=2),
        Float("learning_rate", 1e-3, 1e-1, log=True),
        Categorical("batch_size", (32, 64)),
        Int("shift", 0, 2),
        Float("erasing", 0.0, 0.5),
    )
)
EPOCHS_AND_AVERAGES = """
[epochs]
type = "int"
low = 2
high = 3

[ema]
type = "categorical"
choices = [0, 0.9]
"""
BASE = Config(stages=1, dense_units=0, dropout=0.0, batch_norm=False, epochs=1)


@pytest.fixture(scope="module")
def images():
    data = load(SAMPLE)
    return data.train_images, data.train_labels


def search(tuner, images, **more):
    x, y = images
    more = {"epochs": 1, "validation_data": (x[200:300], y[200:300]), **more}
    tuner.search(x[:200], y[:200], verbose=0, **more)
    return tuner


def finished(tuner):
    return [t for t in tuner.oracle.trials.values() if t.status == "COMPLETED"]


class UsersOwn(keras_tuner.Tuner):
    """As in keras-tuner's guide to one's own training."""

    def run_trial(self, trial, *args, **kwargs):
        model = self.hypermodel.build(trial.hyperparameters)
        history = self.hypermodel.fit(trial.hyperparameters, model, *args, **kwargs)
        return {"val_accuracy": max(history.history["val_accuracy"])}


def check_import(project, trials):
    """Our own parameters need no mapping."""
    found = open_study(str(project))
    values = accuracies(found).trials
    assert len(values) == trials
    assert all(t.state == "complete" for t in values)
    matched = match(found, values, Wishes())
    assert {p.name for p in matched.space} == {p.name for p in SPACE}
    assert matched.notes == ()
    assert "Hyperband trained some of the trials for fewer epochs" in found.notes[0]


OBJECTIVE = keras_tuner.Objective("val_accuracy", "max")
TUNERS = {
    "bayesian": lambda model, **to: keras_tuner.BayesianOptimization(
        model, OBJECTIVE, max_trials=3, num_initial_points=2, **to
    ),
    "users": lambda model, **to: UsersOwn(
        keras_tuner.oracles.RandomSearchOracle(OBJECTIVE, max_trials=2, seed=0), model, **to
    ),
}


@pytest.mark.parametrize("name", TUNERS)
def test_a_tuner_searches_our_space(name, images, tmp_path):
    tuner = search(TUNERS[name](HyperModel(SPACE, BASE), directory=tmp_path), images)
    done = finished(tuner)
    assert len(done) >= 2
    assert len(done) == len(tuner.oracle.trials)
    assert all(0 <= t.score <= 1 for t in done)
    best = tuner.hypermodel.config(tuner.get_best_hyperparameters()[0])
    assert SPACE.contains({p.name: getattr(best, p.name) for p in SPACE})


def test_hyperband_gives_the_length_of_a_trial_and_its_earlier_weights(images, tmp_path):
    tuner = keras_tuner.Hyperband(
        HyperModel(SPACE, BASE.replace(epochs=7)),
        OBJECTIVE,
        max_epochs=2,
        factor=2,
        directory=tmp_path,
    )
    lengths, fit = [], tuner.hypermodel.fit

    def noted(hp, model, *args, **kwargs):
        history = fit(hp, model, *args, **kwargs)
        steps = int(np.asarray(model.optimizer.iterations)) // (200 // hp["batch_size"])
        lengths.append((hp.values["tuner/epochs"], history.epoch, steps))
        return history

    tuner.hypermodel.fit = noted
    done = finished(search(tuner, images))
    assert len(done) == len(tuner.oracle.trials) == len(lengths)
    assert all(epochs == list(range(epochs[0], length)) for length, epochs, _ in lengths)
    # What a trial takes over from the round before includes the optimiser and its steps.
    assert any(epochs[0] > 0 for _, epochs, _ in lengths)
    assert all(steps == length for length, _, steps in lengths)
    check_import(tmp_path, len(done))


def test_a_grid_search_ends_with_the_last_point(images, tmp_path):
    space = SearchSpace((Categorical("flip", (False, True)),))
    tuner = keras_tuner.GridSearch(HyperModel(space, BASE), OBJECTIVE, directory=tmp_path)
    done = finished(search(tuner, images, epochs=1))
    points = [tuner.hypermodel.config(t.hyperparameters).flip for t in done]
    assert sorted(points) == [False, True]


def test_a_search_goes_on_in_a_reloaded_project(images, tmp_path):
    def tuner(trials):
        return keras_tuner.RandomSearch(
            HyperModel(SPACE, BASE), OBJECTIVE, max_trials=trials, seed=0, directory=tmp_path
        )

    first = finished(search(tuner(1), images))
    again = finished(search(tuner(2), images))
    assert [t.trial_id for t in first] == [t.trial_id for t in again][:1]
    assert len(again) == 2


def test_fields_that_a_user_fixes_in_keras_tuner_stay(images, tmp_path):
    hp = keras_tuner.HyperParameters()
    hp.Fixed("batch_size", 32)
    hp.Float("learning_rate", 1e-3, 1e-2)
    tuner = keras_tuner.RandomSearch(
        HyperModel(SPACE, BASE.replace(shift=1, erasing=0.25)),
        OBJECTIVE,
        max_trials=1,
        hyperparameters=hp,
        tune_new_entries=False,
        directory=tmp_path,
    )
    (trial,) = finished(search(tuner, images))
    config = tuner.hypermodel.config(trial.hyperparameters)
    assert (config.batch_size, config.shift, config.erasing) == (32, 1, 0.25)
    assert 1e-3 <= config.learning_rate <= 1e-2


def test_the_best_of_a_space_file_goes_to_fmnist_train(images, tmp_path):
    file = tmp_path / "space.toml"
    file.write_text(EPOCHS_AND_AVERAGES)
    tuner = keras_tuner.RandomSearch(
        HyperModel(file, BASE), OBJECTIVE, max_trials=1, seed=1, directory=tmp_path
    )
    search(tuner, images)
    best = tuner.get_best_hyperparameters()[0]
    config = tuner.hypermodel.save_config(best, tmp_path / "best.toml", rotation=5.0)
    assert config.epochs == best["epochs"] in (2, 3)
    assert (config.ema, config.rotation) == (best["ema"], 5.0)
    assert load_config(tmp_path / "best.toml") == config
    model = tuner.get_best_models()[0]
    assert model.predict(images[0][:3], verbose=0).shape == (3, 10)


def test_a_seed_repeats_a_training_augmentation_included(images):
    model = HyperModel(SPACE, BASE)

    def loss():
        keras.utils.set_random_seed(3)
        hp = keras_tuner.HyperParameters()
        history = model.fit(hp, model.build(hp), images[0][:100], images[1][:100], verbose=0)
        return history.history["loss"]

    assert loss() == loss()


def test_the_last_images_validate_where_a_share_is_asked_for(images):
    model, hp = HyperModel(SPACE, BASE), keras_tuner.HyperParameters()
    seen = []

    class Seen:
        def fit(self, batches, **kwargs):
            seen.append((batches, kwargs))

    model.fit(hp, Seen(), images[0][:50], images[1][:50], validation_split=0.2)
    ((batches, kwargs),) = seen
    assert (kwargs["validation_data"][0] == images[0][40:50]).all()
    assert batches[0][0].shape == (32, 28, 28, 1)
    assert np.bincount(batches[0][1], minlength=10).sum() == 32
