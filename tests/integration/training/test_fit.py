import numpy as np
import pytest
from tiny_models import first_of, furthest

from fmnist.config.config import Config
from fmnist.models.inference import predict, restored, score
from fmnist.training import checkpoint
from fmnist.training.fit import fit
from search.records import TrialError

TINY = Config(filters_1=8, filters_2=16, filters_3=0, dense_units=0, dropout=0.1, epochs=2)


@pytest.fixture(scope="module")
def few(parts):
    """400 images to train on and 200 to validate with."""
    return [(images[:n], labels[:n]) for (images, labels), n in zip(parts, (400, 200), strict=True)]


def run(parts, config=TINY, **options):
    epochs = []
    weights = fit(
        config, *parts, on_epoch=lambda e: epochs.append(e) or config.epochs - e.epoch, **options
    )
    return restored(config, weights), epochs


@pytest.mark.slow
def test_a_small_network_learns_real_clothes(parts):
    _, epochs = run(parts, TINY.replace(epochs=5, batch_size=64, learning_rate=5e-3))
    assert [e.epoch for e in epochs] == [1, 2, 3, 4, 5]
    assert epochs[-1].val_accuracy > 0.6  # chance is 0.1
    assert epochs[-1].loss < epochs[0].loss
    assert epochs[0].learning_rate > epochs[-1].learning_rate
    assert all(e.seconds > 0 for e in epochs)


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_reported_validation_figures_are_those_of_the_model(few, ema):
    model, epochs = run(few, TINY.replace(ema=ema))
    accuracy, loss = score(predict(model, few[1][0]), few[1][1])
    assert (epochs[-1].val_accuracy, epochs[-1].val_loss) == pytest.approx((accuracy, loss))


def test_the_same_seed_starts_from_the_same_weights(few):
    first, second, other = (
        predict(run(few, TINY.replace(epochs=1), seed=seed)[0], few[1][0]) for seed in (1, 1, 2)
    )
    # Threads add in any order, so equal means nearly equal.
    assert np.abs(first - second).max() < 0.02
    assert np.abs(first - other).max() > 0.02


def test_zero_epochs_to_come_end_the_training(few):
    seen = []
    fit(TINY.replace(epochs=9), *few, on_epoch=lambda e: seen.append(e) or 2 - len(seen))
    assert len(seen) == 2


def test_the_weights_of_every_epoch_can_be_kept(few, tmp_path):
    model, epochs = run(few, checkpoints=tmp_path, keep_checkpoints=True)
    names = sorted(p.name for p in tmp_path.glob("*.npz"))
    assert names == ["epoch_0001.npz", "epoch_0002.npz"]
    model.set_weights(checkpoint.weights(checkpoint.file(tmp_path, 1)))
    accuracy, _ = score(predict(model, few[1][0]), few[1][1])
    assert accuracy == pytest.approx(epochs[0].val_accuracy)


def test_only_the_newest_checkpoint_is_kept_otherwise(few, tmp_path):
    _, epochs = run(few, checkpoints=tmp_path)
    assert [p.name for p in tmp_path.glob("*.npz")] == ["epoch_0002.npz"]
    assert checkpoint.epochs_in(tmp_path) == tuple(epochs)


@pytest.mark.parametrize("ema", first_of(1, [0.9, 0.0]))
def test_a_training_taken_up_again_is_the_one_that_was_never_interrupted(few, tmp_path, ema):
    config = TINY.replace(epochs=4, dropout=0.4, ema=ema)
    uninterrupted, whole = run(few, config, seed=3)
    stopped, rest = [], []

    def stop_after_two(epoch):
        stopped.append(epoch)
        return 0 if epoch.epoch == 2 else config.epochs - epoch.epoch

    fit(config, *few, seed=3, on_epoch=stop_after_two, checkpoints=tmp_path)
    run(few, config, seed=4)  # the loop has trained something else meanwhile
    weights = fit(
        config,
        *few,
        seed=3,
        on_epoch=lambda e: rest.append(e) or config.epochs - e.epoch,
        checkpoints=tmp_path,
    )
    assert [e.epoch for e in stopped + rest] == [1, 2, 3, 4]
    # Threads add in any order, so equal means nearly equal.
    for one, two in zip(whole, stopped + rest, strict=True):
        assert one.val_loss == pytest.approx(two.val_loss, rel=0.02)
        assert one.learning_rate == pytest.approx(two.learning_rate)
    assert furthest(weights, uninterrupted.get_weights()) < 0.02
    assert furthest(weights, checkpoint.weights(checkpoint.file(tmp_path, 4))) == 0


def test_a_finished_training_is_not_run_again(few, tmp_path):
    run(few, checkpoints=tmp_path)
    _, epochs = run(few, checkpoints=tmp_path)
    assert epochs == []


def test_label_smoothing_trains_and_leaves_validation_loss_plain(few):
    model, epochs = run(few, TINY.replace(label_smoothing=0.1))
    assert epochs[-1].val_loss == pytest.approx(score(predict(model, few[1][0]), few[1][1])[1])


def test_a_loss_that_explodes_is_a_failure_of_kind_nan(few):
    # An L2 penalty under so large a step multiplies the weights by minus nineteen each time.
    wild = TINY.replace(optimizer="sgd", learning_rate=10.0, l2=1.0, schedule="constant", epochs=20)
    with pytest.raises(TrialError, match=r"the loss became (nan|inf)") as caught:
        run(few, wild)
    assert caught.value.kind == "nan"


def test_weights_that_the_last_step_spoilt_have_no_checkpoint(few, tmp_path, monkeypatch):
    scores = iter([(0.5, 1.0), (0.1, np.nan)])
    monkeypatch.setattr("fmnist.training.fit.score", lambda *_: next(scores))
    with pytest.raises(TrialError, match="the loss became nan in epoch 2") as caught:
        run(few, TINY, checkpoints=tmp_path)
    assert caught.value.kind == "nan"
    assert [e.epoch for e in checkpoint.epochs_in(tmp_path)] == [1]


def test_score_of_known_probabilities():
    p = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]], dtype=np.float32)
    accuracy, loss = score(p, np.array([0, 2]))
    assert accuracy == 0.5
    assert loss == pytest.approx((np.log(2) - np.log(1e-7)) / 2)  # clipped as Keras clips


def test_the_answers_decide_how_many_epochs_there_are(few):
    left = iter([2, 1, 0])
    epochs = []
    fit(TINY, *few, on_epoch=lambda e: epochs.append(e) or next(left))
    assert len(epochs) == 3  # although the configuration says two
