from pathlib import Path
from types import SimpleNamespace

import keras_tuner
import numpy as np
import pytest

from fmnist import Config, HyperModel
from fmnist.config.spaces import CORE, SPACES
from fmnist.data import load
from fmnist.errors import UserError
from fmnist.integrations.keras_tuner import _Schedule
from fmnist.training.lr_schedule import LearningRateSchedule, learning_rate
from search.space import Categorical, Float, Int, SearchSpace

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
SPACE = SearchSpace(
    (
        Int("filters_1", 4, 8, step=4),
        Float("learning_rate", 1e-3, 1e-2, log=True),
        Categorical("batch_size", (64, 128)),
    )
)
BASE = Config(filters_2=8, filters_3=0, dense_units=0, epochs=1)


def test_the_core_space_is_registered_with_keras_tuner():
    hp = keras_tuner.HyperParameters()
    config = HyperModel().config(hp)
    assert {p.name for p in hp.space} == {p.name for p in CORE}
    assert CORE.contains({name: getattr(config, name) for name in hp.values})


@pytest.mark.parametrize("name", SPACES)
def test_every_space_of_ours_gives_a_configuration_by_its_name(name):
    hp, model = keras_tuner.HyperParameters(), HyperModel(name)
    values = model.config(hp).to_dict()
    assert SPACES[name].contains({p.name: values[p.name] for p in SPACES[name]})
    # What keras-tuner stores and gives back is the same configuration.
    again = keras_tuner.HyperParameters.from_config(hp.get_config())
    assert model.config(again) == model.config(hp)


def test_a_field_without_a_value_of_the_tuners_has_that_of_the_base():
    base = Config(filters_1=32, dropout=0.5, batch_size=256, learning_rate=5e-3)
    assert HyperModel(CORE, base).config(keras_tuner.HyperParameters()) == base


def test_choices_of_two_kinds_and_single_values():
    space = SearchSpace(
        (
            Categorical("erasing", (0, 0.25)),
            Int("shift", 1, 1),
            Categorical("flip", (False,)),
            Categorical("pooling", ("max", "average")),
        )
    )
    config = HyperModel(space).config(keras_tuner.HyperParameters())
    assert (config.erasing, config.shift, config.flip, config.pooling) == (0.0, 1, False, "max")


IMAGES = np.zeros((8, 28, 28, 1), np.uint8)
LABELS = np.zeros(8, int)


@pytest.mark.parametrize(
    ("x", "y", "more", "message"),
    [
        (IMAGES / 255, LABELS, {}, r"x: expected raw pixels, an array uint8 .*, found float64"),
        (IMAGES[..., 0], LABELS, {}, r"x: .* found uint8 \[8, 28, 28\]"),
        (None, None, {}, r"x: .* found object"),
        (IMAGES, np.eye(10)[LABELS], {}, r"y: expected 8 whole-number labels, found float64"),
        (IMAGES, LABELS[:5], {}, r"y: .* found int64 \[5\]"),
        (
            *(IMAGES, LABELS, {"validation_data": (IMAGES / 255, LABELS)}),
            r"validation_data: x: expected raw pixels",
        ),
        (IMAGES, LABELS, {"batch_size": 8}, r"batch_size: it belongs to the configuration"),
    ],
)
def test_data_that_no_trial_could_use_end_the_search_at_once(x, y, more, message):
    hp = keras_tuner.HyperParameters()
    with pytest.raises(UserError, match=message) as caught:
        HyperModel().fit(hp, None, x, y, **more)
    # keras-tuner passes on this kind alone; others it would notice three times, and in a log.
    assert isinstance(caught.value, keras_tuner.errors.FatalError)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner.*")
def test_a_keras_tuner_search_runs_on_real_images(tmp_path):
    data = load(SAMPLE)
    tuner = keras_tuner.RandomSearch(
        HyperModel(SPACE, BASE),
        objective="val_accuracy",
        max_trials=2,
        seed=0,
        directory=tmp_path,
        project_name="kt",
    )
    x, y = data.train_images, data.train_labels
    tuner.search(x[:600], y[:600], validation_data=(x[600:800], y[600:800]), epochs=5, verbose=0)
    trials = tuner.oracle.get_best_trials(2)
    assert len(trials) == 2
    assert trials[0].score > 0.2  # chance is 0.1
    assert {t.hyperparameters.values["batch_size"] for t in trials} <= {64, 128}


def callback(epochs, steps):
    found = _Schedule(LearningRateSchedule(Config(), epochs))
    found.set_params({"steps": steps})
    found.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=None)))
    return found


def rates_of(callback, epochs, batches):
    """The rate that each batch finds."""
    for epoch in range(epochs):
        callback.on_epoch_begin(epoch)
        for batch in range(batches):
            callback.on_train_batch_begin(batch)
            yield float(callback.model.optimizer.learning_rate)
        callback.on_epoch_end(epoch)


def test_each_batch_has_the_rate_of_its_progress():
    rates = list(rates_of(callback(4, 10), 4, 10))
    assert rates == pytest.approx([learning_rate(Config(), i / 40) for i in range(40)])


@pytest.mark.parametrize("steps", [2, None])
def test_batches_that_were_not_foreseen_have_the_last_rate(steps):
    rates = list(rates_of(callback(1, steps), 1, 4))
    assert rates[1:] == [rates[steps - 1 if steps else 0]] * 3
