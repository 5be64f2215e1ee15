import numpy as np
import pytest
from augmentation_cases import cases
from hypothesis import given

from fmnist.config.config import Config
from fmnist.data.augmentation import Augmentations, augment, pad, sample_augmentations


def images(n=400):
    return np.random.default_rng(0).integers(1, 256, (n, 28, 28, 1), dtype=np.uint8)


def augment_all(x, config, rng):
    """Every image once, in its place."""
    moves = sample_augmentations(len(x), config, rng)
    return augment(pad(x, moves.reach), np.arange(len(x)), moves)


def test_nothing_to_augment_is_an_unchanged_copy():
    x = images(5)
    out = augment_all(x, Config(flip=False, shift=0), np.random.default_rng(0))
    assert not np.shares_memory(out, x)
    assert (out == x).all()


def test_about_half_are_mirrored():
    x = images()
    out = augment_all(x, Config(flip=True, shift=0), np.random.default_rng(0))
    mirrored = (out == x[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (out == x).all(axis=(1, 2, 3))
    assert (mirrored | same).all()
    assert 0.4 < mirrored.mean() < 0.6


def test_nothing_is_mirrored_where_the_configuration_forbids_it():
    moves = sample_augmentations(1000, Config(flip=False), np.random.default_rng(0))
    assert not moves.mirrored.any()
    flipped = sample_augmentations(1000, Config(flip=True), np.random.default_rng(0))
    assert (moves.offsets == flipped.offsets).all()


def test_every_shift_up_to_the_limit_occurs_and_black_moves_in():
    x = images()
    out = augment_all(x, Config(flip=False, shift=2), np.random.default_rng(0))
    source = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    seen = set()
    for image, frame in zip(out, source, strict=True):
        found = [
            (dy, dx)
            for dy in range(5)
            for dx in range(5)
            if (image == frame[dy : dy + 28, dx : dx + 28]).all()
        ]
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) == 25


def test_the_same_generator_state_gives_the_same_images():
    first, second = (augment_all(images(), Config(), np.random.default_rng(3)) for _ in range(2))
    assert (first == second).all()
    assert first.dtype == np.uint8


def test_nothing_else_is_drawn_where_nothing_is_turned_or_erased():
    plain = sample_augmentations(50, Config(), np.random.default_rng(0))
    both = sample_augmentations(50, Config(rotation=10, erasing=0.5), np.random.default_rng(0))
    assert plain.angles is plain.boxes is None
    assert (plain.offsets == both.offsets).all()
    assert (plain.mirrored == both.mirrored).all()


def test_a_quarter_turn_is_exact():
    x, still = images(3), Augmentations(np.zeros(3, bool), np.zeros((3, 2), int), 0)
    turned = augment(x, np.arange(3), still._replace(angles=np.full(3, 90, "float32")))
    assert (turned == np.rot90(x, axes=(1, 2))).all()


def test_angles_stay_within_the_limit_and_reach_for_it():
    angles = sample_augmentations(2000, Config(rotation=10), np.random.default_rng(0)).angles
    assert np.abs(angles).max() <= 10
    assert np.percentile(angles, [1, 99]) == pytest.approx([-9.8, 9.8], abs=0.2)


def test_as_many_are_erased_as_by_chance_and_what_is_left_is_unchanged():
    x, config = images(2000), Config(flip=False, shift=0, erasing=0.3)
    out = augment_all(x, config, np.random.default_rng(0))
    gone = (out == 0).reshape(len(x), -1).mean(axis=1)
    assert 0.27 < (gone > 0).mean() < 0.33
    assert 0.01 < gone[gone > 0].min() < gone.max() < 0.45
    assert ((out == x) | (out == 0)).all()


def test_what_is_erased_is_one_rectangle():
    x, config = images(100), Config(flip=False, shift=0, erasing=1.0)
    moves = sample_augmentations(len(x), config, np.random.default_rng(1))
    out = augment(x, np.arange(len(x)), moves._replace(reach=0))
    for image, (top, left, height, width) in zip(out[..., 0], moves.boxes, strict=True):
        assert min(top, left) >= 0
        assert max(top + height, left + width) <= 28
        assert (image == 0).sum() == height * width
        assert not image[top : top + height, left : left + width].any()


def moved_alone(image, mirrored, offset, reach):
    """One image [H, W, 1], pixel by pixel."""
    height, width, _ = image.shape
    out = np.zeros_like(image)
    for y, x in np.ndindex(height, width):
        row, column = y + offset[0] - reach, x + offset[1] - reach
        if 0 <= row < height and 0 <= column < width:
            out[y, width - 1 - x if mirrored else x] = image[row, column]
    return out


@given(cases())
def test_images_move_as_one_by_one(case):
    x, order, moves = case
    out = augment(pad(x, moves.reach), order, moves)
    wanted = [
        moved_alone(x[i], mirrored, offset, moves.reach)
        for i, mirrored, offset in zip(order, moves.mirrored, moves.offsets, strict=True)
    ]
    for image, box in zip(wanted, [] if moves.boxes is None else moves.boxes, strict=False):
        top, left, height, width = box
        image[top : top + height, left : left + width] = 0
    assert out.dtype == np.uint8
    assert (out == np.array(wanted)).all()


@pytest.mark.parametrize("shift", [0, 8])
def test_moves_stay_within_the_frame(shift):
    moves = sample_augmentations(2000, Config(shift=shift), np.random.default_rng(0))
    assert moves.reach == shift
    assert (moves.offsets.min(), moves.offsets.max()) == (0, 2 * shift)
    assert moves.offsets.shape == (2000, 2)
