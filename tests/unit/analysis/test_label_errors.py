import numpy as np
import pytest

from fmnist.analysis.label_errors import frequent_pairs, suspects

SURE, UNSURE = 0.9, 0.05


def sure_of(classes, number=3):
    """Probabilities of a network that is sure of these classes."""
    p = np.full((len(classes), number), UNSURE, dtype=np.float32)
    p[np.arange(len(classes)), classes] = SURE
    return p


def test_planted_flips_are_found_and_nothing_else():
    true = np.arange(300) % 3
    labels = true.copy()
    flipped = [5, 17, 200]
    labels[flipped] = (true[flipped] + 1) % 3
    found = suspects(labels, sure_of(true))
    assert sorted(found.index) == flipped
    assert (found.suggested == true[found.index]).all()
    assert found.margin == pytest.approx([UNSURE - SURE] * 3)


def test_a_label_is_doubted_from_the_mean_probability_of_its_class_on():
    # Class 1 gets 0.6 on average from its own images: 0.6 is enough, less is not.
    p = np.array([[0.4, 0.6], [0.4, 0.6], [0.4, 0.6], [0.41, 0.59], [0.9, 0.1]], dtype=np.float32)
    labels = np.array([1, 1, 0, 0, 0])
    found = suspects(labels, p)
    assert found.thresholds == pytest.approx([(0.4 + 0.41 + 0.9) / 3, 0.6])
    assert found.index.tolist() == [2]
    assert found.suggested.tolist() == [1]
    assert found.margin == pytest.approx([-0.2])


def test_the_most_doubtful_come_first():
    labels = np.array([0, 0, 0, 0, 1, 1])
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.05, 0.95], [0.9, 0.1], [0.3, 0.7], [0.3, 0.7]])
    assert suspects(labels, p.astype(np.float32)).index.tolist() == [2, 1]


def test_the_most_probable_class_is_never_doubted():
    # The image reaches the mean of class 0, where the network is hesitant, but says 1 itself.
    p = np.array([[0.4, 0.6], [0.4, 0.6], [0.45, 0.55], [0.1, 0.9]], dtype=np.float32)
    labels = np.array([0, 0, 1, 1])
    assert 2 not in suspects(labels, p).index


def test_a_class_without_images_is_suggested_to_nobody():
    found = suspects(np.array([0, 0, 1]), sure_of([0, 2, 1]))
    assert np.isnan(found.thresholds[2])
    assert found.index.tolist() == []


def test_a_network_without_errors_raises_no_suspicion():
    labels = np.arange(30) % 3
    found = suspects(labels, sure_of(labels))
    assert len(found.index) == 0
    assert frequent_pairs(labels, found) == []


def test_kinds_of_suspicion_are_counted_the_most_frequent_first():
    true = np.arange(90) % 3
    labels = true.copy()
    labels[[0, 3, 1]] = [2, 2, 0]
    found = suspects(labels, sure_of(true))
    assert frequent_pairs(labels, found) == [(2, 0, 2), (0, 1, 1)]
    assert frequent_pairs(labels, found, most=1) == [(2, 0, 2)]


def test_labels_and_probabilities_must_belong_together():
    with pytest.raises(ValueError, match="2 labels for 3 rows"):
        suspects(np.array([0, 1]), sure_of([0, 1, 2]))
