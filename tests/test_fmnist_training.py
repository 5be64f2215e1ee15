from pathlib import Path

import numpy as np
import pytest

from fmnist import checkpoint
from fmnist.config import Config
from fmnist.data import load, split
from fmnist.training import fit, new_model, predict, score
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
    model = fit(
        config, *parts, on_epoch=lambda e: epochs.append(e) or config.epochs - e.epoch, **options
    )
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


def test_zero_epochs_to_come_end_the_training(parts):
    seen = []
    fit(TINY.replace(epochs=9), *parts, on_epoch=lambda e: seen.append(e) or 2 - len(seen))
    assert len(seen) == 2


def test_the_weights_of_every_epoch_can_be_kept(parts, tmp_path):
    model, epochs = run(parts, checkpoints=tmp_path, keep_checkpoints=True)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["epoch_0001.npz", "epoch_0002.npz"]
    checkpoint.load_weights(model, checkpoint.file(tmp_path, 1))
    accuracy, _ = score(predict(model, parts[1][0]), parts[1][1])
    assert accuracy == pytest.approx(epochs[0].val_accuracy)


def test_only_the_newest_checkpoint_is_kept_otherwise(parts, tmp_path):
    _, epochs = run(parts, checkpoints=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["epoch_0002.npz"]
    assert checkpoint.epochs_in(tmp_path) == tuple(epochs)


def test_a_training_taken_up_again_is_the_one_that_was_never_interrupted(parts, tmp_path):
    config = TINY.replace(epochs=4, dropout=0.4)
    _, whole = run(parts, config, seed=3)
    stopped, rest = [], []

    def stop_after_two(epoch):
        stopped.append(epoch)
        return 0 if epoch.epoch == 2 else config.epochs - epoch.epoch

    fit(config, *parts, seed=3, on_epoch=stop_after_two, checkpoints=tmp_path)
    fit(
        config,
        *parts,
        seed=3,
        on_epoch=lambda e: rest.append(e) or config.epochs - e.epoch,
        checkpoints=tmp_path,
    )
    assert [e.epoch for e in stopped + rest] == [1, 2, 3, 4]
    # Threads add in any order, so equal means nearly equal.
    for one, two in zip(whole, stopped + rest, strict=True):
        assert one.val_loss == pytest.approx(two.val_loss, rel=0.02)
        assert one.learning_rate == pytest.approx(two.learning_rate)


def test_a_finished_training_is_not_run_again(parts, tmp_path):
    run(parts, checkpoints=tmp_path)
    _, epochs = run(parts, checkpoints=tmp_path)
    assert epochs == []


def test_a_damaged_checkpoint_gives_way_to_the_one_before(parts, tmp_path):
    run(parts, checkpoints=tmp_path, keep_checkpoints=True)
    file = checkpoint.file(tmp_path, 2)
    file.write_bytes(file.read_bytes()[:1000])
    assert [e.epoch for e in checkpoint.epochs_in(tmp_path)] == [1]
    model, pace = new_model(TINY, 10, 0)
    rng = np.random.default_rng(0)
    assert [e.epoch for e in checkpoint.resume(tmp_path, model, rng, pace)] == [1]


def test_without_a_checkpoint_nothing_is_resumed(tmp_path):
    model, pace = new_model(TINY, 10, 0)
    before = [np.asarray(v) for v in model.variables]
    assert checkpoint.resume(tmp_path, model, np.random.default_rng(0), pace) == []
    assert all((a == np.asarray(b)).all() for a, b in zip(before, model.variables, strict=True))


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


def test_the_answers_decide_how_many_epochs_there_are(parts):
    left = iter([2, 1, 0])
    epochs = []
    fit(TINY, *parts, on_epoch=lambda e: epochs.append(e) or next(left))
    assert len(epochs) == 3  # although the configuration says two
