from pathlib import Path
from types import SimpleNamespace

import keras_tuner
import pytest

from fmnist import Config, HyperModel
from fmnist.data import load
from fmnist.hypermodel import _Schedule
from fmnist.schedule import Pace, learning_rate
from fmnist.space import CORE
from search.space import Categorical, Float, Int, SearchSpace

SAMPLE = Path(__file__).parent / "data" / "sample"
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


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
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
    found = _Schedule(Pace(Config(), epochs))
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
