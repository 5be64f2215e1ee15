import numpy as np

from fmnist.config import Config
from fmnist.preprocess import augment, shifted


def images(n=400):
    return np.random.default_rng(0).integers(1, 256, (n, 28, 28, 1), dtype=np.uint8)


def test_nothing_to_augment_is_an_unchanged_copy():
    x = images(5)
    out = augment(x, Config(flip=False, shift=0), np.random.default_rng(0))
    assert out is not x
    assert (out == x).all()


def test_about_half_are_mirrored():
    x = images()
    out = augment(x, Config(flip=True, shift=0), np.random.default_rng(0))
    mirrored = (out == x[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (out == x).all(axis=(1, 2, 3))
    assert (mirrored | same).all()
    assert 0.4 < mirrored.mean() < 0.6


def test_every_shift_up_to_the_limit_occurs_and_black_moves_in():
    x = images()
    out = shifted(x, 2, np.random.default_rng(0))
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    seen = set()
    for image, source in zip(out, padded, strict=True):
        found = [
            (dy, dx)
            for dy in range(5)
            for dx in range(5)
            if (image == source[dy : dy + 28, dx : dx + 28]).all()
        ]
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) == 25


def test_the_same_generator_state_gives_the_same_images():
    first, second = (augment(images(), Config(), np.random.default_rng(3)) for _ in range(2))
    assert (first == second).all()
    assert first.dtype == np.uint8
