from pathlib import Path

import numpy as np
import pytest

from fmnist.config import Config
from fmnist.data import load, split
from fmnist.training import checkpoint, fit, predict, score
from search.records import TrialError

SAMPLE = Path(__file__).parent / "data" / "sample"
TINY = Config(filters_1=8, filters_2=16, filters_3=0, dense_units=0, dropout=0.1, epochs=2)


@pytest.fixture(scope="module")
def parts():
    data = load(SAMPLE)
    splits = split(data.train_labels, validation=400, seed=0)
    images, labels = data.train_images, data.train_labels
    return [(images[i], labels[i]) for i in (splits.train, splits.validation)]


def run(parts, config=TINY, **options):
    epochs = []
    model = fit(config, *parts, on_epoch=lambda e: epochs.append(e) or True, **options)
    return model, epochs


def test_a_small_network_learns_real_clothes(parts):
    _, epochs = run(parts, TINY.replace(epochs=5, batch_size=64, learning_rate=5e-3))
    assert [e.epoch for e in epochs] == [1, 2, 3, 4, 5]
    assert epochs[-1].val_accuracy > 0.6  # chance is 0.1
    assert epochs[-1].loss < epochs[0].loss
    assert epochs[0].learning_rate > epochs[-1].learning_rate
    assert all(e.seconds > 0 for e in epochs)


def test_reported_validation_figures_are_those_of_the_model(parts):
    model, epochs = run(parts)
    accuracy, loss = score(predict(model, parts[1][0]), parts[1][1])
    assert (epochs[-1].val_accuracy, epochs[-1].val_loss) == pytest.approx((accuracy, loss))


def test_the_same_seed_starts_from_the_same_weights(parts):
    first, second, other = (
        predict(run(parts, TINY.replace(epochs=1), seed=seed)[0], parts[1][0]) for seed in (1, 1, 2)
    )
    # Threads add in any order, so equal means nearly equal.
    assert np.abs(first - second).max() < 0.02
    assert np.abs(first - other).max() > 0.02


def test_on_epoch_false_ends_the_training(parts):
    seen = []
    fit(TINY.replace(epochs=9), *parts, on_epoch=lambda e: seen.append(e) or len(seen) < 2)
    assert len(seen) == 2


def test_weights_of_every_epoch_are_kept(parts, tmp_path):
    model, epochs = run(parts, checkpoints=tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "epoch_001.weights.h5",
        "epoch_002.weights.h5",
    ]
    model.load_weights(checkpoint(tmp_path, 1))
    accuracy, _ = score(predict(model, parts[1][0]), parts[1][1])
    assert accuracy == pytest.approx(epochs[0].val_accuracy)


def test_label_smoothing_trains_and_leaves_validation_loss_plain(parts):
    model, epochs = run(parts, TINY.replace(label_smoothing=0.1))
    assert epochs[-1].val_loss == pytest.approx(score(predict(model, parts[1][0]), parts[1][1])[1])


def test_a_loss_that_explodes_is_a_failure_of_kind_nan(parts):
    # An L2 penalty under so large a step multiplies the weights by minus nineteen each time.
    wild = TINY.replace(optimizer="sgd", learning_rate=10.0, l2=1.0, schedule="constant")
    with pytest.raises(TrialError, match=r"the loss became (nan|inf)") as caught:
        run(parts, wild)
    assert caught.value.kind == "nan"


def test_score_of_known_probabilities():
    p = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]], dtype=np.float32)
    accuracy, loss = score(p, np.array([0, 2]))
    assert accuracy == 0.5
    assert loss == pytest.approx((np.log(2) - np.log(1e-12)) / 2)


def test_remaining_decides_how_many_epochs_there_are(parts):
    left = iter([2, 1, 0])
    _, epochs = run(parts, remaining=lambda: next(left))
    assert len(epochs) == 3  # although the configuration says two
