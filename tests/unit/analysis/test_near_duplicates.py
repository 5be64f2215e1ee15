"""Planted near-duplicates are found, whatever the projection says of the others."""

import numpy as np
import pytest

from fmnist.analysis import near_duplicates
from fmnist.analysis.near_duplicates import THRESHOLD, find


@pytest.fixture(scope="module")
def images(raw_sample):
    return raw_sample.train.images[:700, ..., None], raw_sample.test.images[:90, ..., None]


def changed(image, rms, seed=0):
    """An image that differs by about so many RMS grey levels a pixel."""
    noise = np.random.default_rng(seed).normal(0, 1, image.shape)
    inside = np.where(image < 128, np.abs(noise), -np.abs(noise))  # stays within 0 to 255
    moved = image + inside * (rms / np.sqrt((noise**2).mean()))
    return moved.round().clip(0, 255).astype(np.uint8)


def rms(a, b):
    return float(np.sqrt(((a.astype(float) - b.astype(float)) ** 2).mean()))


def all_distances(train, test):
    """RMS differences [M, N] of every test image from every training image, one by one."""
    flat = train.reshape(len(train), -1).astype(np.int64)
    rows = test.reshape(len(test), 1, -1).astype(np.int64)
    return np.array([np.sqrt(((flat - row) ** 2).mean(axis=1)) for row in rows])


def test_planted_duplicates_are_found_with_their_distance(images):
    train, test = images[0], images[1].copy()
    test[3] = train[500]
    test[10] = changed(train[20], 4.0)
    test[11] = train[30, :, ::-1]
    test[12] = changed(train[40, :, ::-1], 6.0)
    test[13] = changed(train[50], 1.6 * THRESHOLD)
    found = find(train, test)
    pairs = dict(zip(found.test.tolist(), found.train.tolist(), strict=True))
    assert {3: 500, 10: 20, 11: 30, 12: 40}.items() <= pairs.items()
    assert 13 not in pairs
    distance = dict(zip(found.test.tolist(), found.rms.tolist(), strict=True))
    assert distance[3] == distance[11] == 0
    assert distance[10] == pytest.approx(rms(test[10], train[20]))
    assert distance[12] == pytest.approx(rms(test[12][:, ::-1], train[40]))
    assert set(found.test[found.mirrored]) >= {11, 12}
    assert not {3, 10} & set(found.test[found.mirrored])
    assert (np.diff(found.rms) >= 0).all()


@pytest.mark.parametrize("threshold", [30.0, 45.0])
def test_none_is_missed_and_none_invented(images, threshold):
    train, test = images
    plain, mirrored = (all_distances(train, x) for x in (test, test[:, :, ::-1]))
    nearest = np.minimum(plain.min(axis=1), mirrored.min(axis=1))
    found = find(train, test, threshold)
    assert len(found.test) > 2
    assert sorted(found.test) == np.flatnonzero(nearest <= threshold).tolist()
    assert found.rms == pytest.approx(nearest[found.test])
    both = np.where(found.mirrored[:, None], mirrored[found.test], plain[found.test])
    assert (both[np.arange(len(found.test)), found.train] == both.min(axis=1)).all()


def test_usual_distances_are_those_of_the_nearest_images(images):
    train, test = images
    found = find(train, test)
    assert np.sort(found.usual) == pytest.approx(
        np.sort(all_distances(train, test).min(axis=1)), rel=1e-3
    )


def test_images_that_are_all_the_same_have_the_first_as_duplicate():
    same = np.full((40, 28, 28, 1), 9, dtype=np.uint8)
    found = find(same, same[:7])
    assert found.test.tolist() == list(range(7))
    assert found.train.tolist() == [0] * 7
    assert not found.rms.any()
    assert not found.mirrored.any()


def test_what_was_found_is_kept_for_the_same_data_only(images, tmp_path):
    found = find(*images, 45.0)
    near_duplicates.keep(tmp_path, "a" * 64, found, pairs=600_000_000)
    again = near_duplicates.kept(tmp_path, "a" * 64)
    for name in ("test", "train", "rms", "mirrored", "usual"):
        assert (getattr(again, name) == getattr(found, name)).all()
    assert near_duplicates.kept(tmp_path, "b" * 64) is None


def test_few_pairs_are_not_worth_a_file(images, tmp_path):
    near_duplicates.keep(tmp_path, "a" * 64, find(*images), pairs=63_000)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_as_good_as_none(images, tmp_path):
    near_duplicates.keep(tmp_path, "a" * 64, find(*images), pairs=600_000_000)
    (file,) = (tmp_path / "near-duplicates").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert near_duplicates.kept(tmp_path, "a" * 64) is None


def test_a_folder_that_cannot_be_written_costs_a_warning(images, tmp_path, caplog):
    (tmp_path / "near-duplicates").write_text("in the way")
    near_duplicates.keep(tmp_path, "a" * 64, find(*images), pairs=600_000_000)
    assert "near-duplicates were not kept" in caplog.text


def test_mirror_images_may_be_left_alone(raw_sample):
    train = raw_sample.train.images[:300, ..., None]
    test = np.concatenate([train[:3, :, ::-1], train[3:5]])
    both = near_duplicates.find(train, test)
    assert set(both.test) == set(range(5))
    assert both.mirrored.any()
    plain = near_duplicates.find(train, test, mirrors=False)
    assert not plain.mirrored.any()
    assert {3, 4} <= set(plain.test) < set(both.test)
