import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmnist.data import split, subset
from fmnist.errors import DataError

counts = st.lists(st.integers(2, 60), min_size=2, max_size=8)
seeds = st.integers(0, 2**31)


def labels_of(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(0).permutation(labels)


def shares_hold(labels, part):
    """Every class has its share of the part, to within one image."""
    want = np.bincount(labels) * len(part) / len(labels)
    have = np.bincount(labels[part], minlength=len(want))
    return (np.abs(have - want) <= 1).all()


@given(counts, seeds, st.data())
def test_a_split_is_disjoint_complete_and_stratified(counts, seed, data):
    labels = labels_of(counts)
    n, classes = len(labels), len(counts)
    validation = data.draw(st.integers(classes, n - classes))
    parts = split(labels, validation=validation, seed=seed)
    together = np.concatenate([parts.train, parts.validation])
    assert np.sort(together).tolist() == list(range(n))
    assert len(parts.validation) == validation
    assert parts.train.dtype == parts.validation.dtype == np.int64
    for part in (parts.train, parts.validation):
        assert (np.diff(part) > 0).all()
        assert shares_hold(labels, part)


@given(counts, seeds, st.data())
def test_a_subset_is_a_stratified_part(counts, seed, data):
    labels = labels_of(counts)
    indices = np.flatnonzero(np.arange(len(labels)) % 5 != 4)
    n = data.draw(st.integers(len(np.unique(labels[indices])), len(indices)))
    taken = subset(indices, labels, n, seed)
    assert len(taken) == n
    assert (np.diff(taken) > 0).all()
    assert np.isin(taken, indices).all()
    want = np.bincount(labels[indices], minlength=len(counts)) * n / len(indices)
    assert (np.abs(np.bincount(labels[taken], minlength=len(counts)) - want) <= 1).all()


def test_the_seed_decides():
    labels = labels_of([50] * 10)
    one, same, other = (split(labels, validation=100, seed=s) for s in (1, 1, 2))
    assert (one.validation == same.validation).all()
    assert (one.validation != other.validation).any()
    assert (subset(one.train, labels, 50, 1) == subset(one.train, labels, 50, 1)).all()
    assert (subset(one.train, labels, 50, 1) != subset(one.train, labels, 50, 2)).any()


@pytest.mark.parametrize("validation", [-1, 0, 9, 91, 100, 101])
def test_impossible_validation_sizes(validation):
    with pytest.raises(DataError, match=rf"{validation} validation images.*choose 10 to 90"):
        split(labels_of([10] * 10), validation=validation, seed=0)


def test_a_class_of_one_image():
    with pytest.raises(DataError, match="class 1 has 1 image; at least 2"):
        split(labels_of([10, 1]), validation=4, seed=0)


@pytest.mark.parametrize("n", [-1, 0, 1, 21])
def test_impossible_subset_sizes(n):
    with pytest.raises(DataError, match=rf"a subset of {n} images .* must be 2 .* to 20 "):
        subset(np.arange(20), labels_of([10, 10]), n, 0)
