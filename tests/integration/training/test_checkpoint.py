import json

import numpy as np
import pytest
from tiny_models import TINY, by_loop, furthest

from fmnist.models.inference import predict, restored
from fmnist.training import checkpoint
from fmnist.training.fit import fit, get_training_loop
from fmnist.training.lr_schedule import LearningRateSchedule
from search.checksums import ChecksumError, note_checksum, sha256
from search.records import Epoch

CONFIG = TINY.replace(dropout=0.2, ema=0.9)


@pytest.fixture
def part(parts):
    return parts[0][0][:128], parts[0][1][:128]


@pytest.fixture
def folder(part, tmp_path):
    """Checkpoints of two epochs."""
    left = iter([1, 0])
    kept = {"checkpoints": tmp_path, "keep_checkpoints": True}
    fit(CONFIG, part, part, on_epoch=lambda _: next(left), **kept)
    return tmp_path


def started(part, seed=0):
    return (
        get_training_loop(CONFIG, 10, seed, part[0]),
        np.random.default_rng(seed),
        LearningRateSchedule(CONFIG, 2),
    )


def values(loop):
    return [np.array(v) for v in loop.variables]


def epoch(number):
    return Epoch(number, 0.5, 1.0, 0.5, 1.0, 1.0, 0.1)


def changed(path, **state):
    """The same file with other entries in its state."""
    with np.load(path) as arrays:
        content = dict(arrays)
    content["state"] = np.array(json.dumps({**json.loads(str(content["state"])), **state}))
    np.savez(path, **content)
    note_checksum(path, sha256(path))


def test_everything_comes_back(part, tmp_path):
    loop, rng, pace = started(part)
    by_loop(CONFIG, part)  # trains this loop
    rng.random(5)
    pace.progress = 0.25
    before, weights, state = values(loop), loop.weights(), rng.bit_generator.state
    checkpoint.save(tmp_path, loop, rng, pace, [epoch(1)], keep=False)
    loop, rng, pace = started(part, seed=1)
    assert max(np.abs(a - b).max() for a, b in zip(before, values(loop), strict=True)) > 0
    assert checkpoint.resume(tmp_path, loop, rng, pace) == [epoch(1)]
    assert all((a == b).all() for a, b in zip(before, values(loop), strict=True))
    assert furthest(loop.weights(), weights) == 0
    assert (rng.bit_generator.state, pace.progress) == (state, 0.25)


def test_its_weights_are_those_that_predict(part, tmp_path):
    loop, rng, pace = started(part)
    by_loop(CONFIG, part)
    probabilities = loop.predict(part[0])
    checkpoint.save(tmp_path, loop, rng, pace, [epoch(3)], keep=False)
    model = restored(CONFIG, checkpoint.weights(checkpoint.file(tmp_path, 3)))
    assert predict(model, part[0]) == pytest.approx(probabilities, abs=1e-5)


def cut_off(content):
    return content[:1000]


def flipped(content):
    """A bit of some variable is another."""
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


@pytest.mark.parametrize("damage", [cut_off, flipped])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(part, folder, damage):
    file = checkpoint.file(folder, 2)
    file.write_bytes(damage(file.read_bytes()))
    assert [e.epoch for e in checkpoint.epochs_in(folder)] == [1]
    assert [e.epoch for e in checkpoint.resume(folder, *started(part))] == [1]


def test_weights_of_a_damaged_checkpoint_are_refused(folder):
    np.savez(file := checkpoint.file(folder, 2), weight_0=np.zeros(1))
    with pytest.raises(ChecksumError):
        checkpoint.weights(file)


@pytest.mark.slow
@pytest.mark.parametrize("layout", [1, 99, None])
def test_a_checkpoint_of_another_layout_gives_way_to_the_one_before(part, folder, layout):
    changed(checkpoint.file(folder, 2), layout=layout)
    assert [e.epoch for e in checkpoint.epochs_in(folder)] == [1]
    assert [e.epoch for e in checkpoint.resume(folder, *started(part))] == [1]


@pytest.mark.slow
def test_checkpoints_of_another_layout_alone_are_none(part, folder):
    for number in (1, 2):
        changed(checkpoint.file(folder, number), layout=1)
    assert checkpoint.epochs_in(folder) == ()
    epochs = []
    fit(CONFIG, part, part, checkpoints=folder, on_epoch=lambda e: epochs.append(e) or 0)
    assert [e.epoch for e in epochs] == [1]  # the training starts anew


def test_without_a_checkpoint_nothing_is_resumed(part, tmp_path):
    loop, rng, pace = started(part)
    before = values(loop)
    assert checkpoint.resume(tmp_path, loop, rng, pace) == []
    assert checkpoint.epochs_in(tmp_path / "nowhere") == ()
    assert all((a == b).all() for a, b in zip(before, values(loop), strict=True))
    assert pace.progress == 0


def test_only_the_latest_two_of_all_that_are_kept_are_whole(part, tmp_path):
    loop, rng, pace = started(part)
    for number in range(1, 6):
        epochs = [epoch(n) for n in range(1, number + 1)]
        checkpoint.save(tmp_path, loop, rng, pace, epochs, keep=True)
    sizes = [checkpoint.file(tmp_path, n).stat().st_size for n in range(1, 6)]
    assert max(sizes[:3]) < 0.5 * min(sizes[3:])
    for number in range(1, 6):
        kept = checkpoint.weights(checkpoint.file(tmp_path, number))
        assert all((a == b).all() for a, b in zip(kept, loop.weights(), strict=True))
    checkpoint.file(tmp_path, 5).write_bytes(b"torn")
    assert len(checkpoint.epochs_in(tmp_path)) == 4
    checkpoint.file(tmp_path, 4).write_bytes(b"torn")
    assert checkpoint.epochs_in(tmp_path) == ()
