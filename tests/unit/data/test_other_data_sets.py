"""MNIST, EMNIST, KMNIST and Kuzushiji-49, whose files are known by names or checksums."""

import dataclasses
import hashlib
import string

import numpy as np
import pytest
from images import save_emnist, save_kuzushiji

from fmnist.data import checksums, load, registry
from fmnist.data.dataset import MOST_CLASSES, Part
from fmnist.data.detect import read_path
from fmnist.data.formats import class_names, idx
from fmnist.data.romanization import sound
from fmnist.errors import DataError


@pytest.fixture
def letters(raw_sample):
    """The sample with 26 labels."""
    rng = np.random.default_rng(0)

    def relabelled(part):
        labels = rng.permutation(np.arange(len(part.labels)) % 26).astype(np.int64)
        return dataclasses.replace(part, labels=labels)

    return dataclasses.replace(
        raw_sample, train=relabelled(raw_sample.train), test=relabelled(raw_sample.test)
    )


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_emnist_letters_are_turned_back_and_counted_from_0(letters, tmp_path, ending):
    data = load(save_emnist(tmp_path, "letters", letters, first=1, ending=ending))
    assert (data.train_images[..., 0] == letters.train.images).all()
    assert (data.train_labels == letters.train.labels).all()
    images, labels = data.test.open("evaluate", "a test", ledger=_Ledger())
    assert (images[..., 0] == letters.test.images).all()
    assert (labels == letters.test.labels).all()
    assert data.name == "EMNIST letters"
    assert data.class_names == tuple(f"{c}/{c.lower()}" for c in string.ascii_uppercase)
    assert any("transposed" in note for note in data.notes)
    assert any("from 1" in note for note in data.notes)
    assert not data.mirrors


def test_other_emnist_splits_count_from_0(raw_sample, tmp_path):
    raw = read_path(save_emnist(tmp_path, "digits", raw_sample))
    assert (raw.train.labels == raw_sample.train.labels).all()
    assert raw.class_names == tuple(string.digits)
    assert len(raw.notes) == 1


def test_letters_that_were_mended_before_are_refused(letters, tmp_path):
    with pytest.raises(DataError, match=r"label 0 is out of range.*give the files other names"):
        read_path(save_emnist(tmp_path, "letters", letters))


def test_one_of_several_emnist_splits_is_named_by_a_file(letters, raw_sample, tmp_path):
    save_emnist(tmp_path, "letters", letters, first=1)
    save_emnist(tmp_path, "digits", raw_sample)
    with pytest.raises(DataError, match=r"2 EMNIST splits \(digits, letters\)"):
        read_path(tmp_path)
    named = tmp_path / "emnist-letters-train-images-idx3-ubyte.gz"
    assert read_path(named).name == "EMNIST letters"
    named.unlink()
    with pytest.raises(DataError, match=r"emnist-letters-train-images-idx3-ubyte\.gz is missing"):
        read_path(tmp_path / "emnist-letters-train-labels-idx1-ubyte.gz")


def test_emnist_csv_is_mended_too(letters, tmp_path):
    from fmnist.data.formats import csv_files

    for half, part in (("train", letters.train), ("test", letters.test)):
        few = Part(part.images[:60].transpose(0, 2, 1), part.labels[:60] + 1, "", "")
        csv_files.write_part(tmp_path / f"emnist-letters-{half}.csv", few)
    for path in (tmp_path, tmp_path / "emnist-letters-train.csv"):
        raw = read_path(path)
        assert (raw.train.images == letters.train.images[:60]).all()
        assert (raw.test.labels == letters.test.labels[:60]).all()
        assert raw.name == "EMNIST letters"


def test_the_mapping_file_names_the_classes(letters, tmp_path):
    save_emnist(tmp_path, "letters", letters, first=1)
    lines = [f"{k + 1} {65 + k} {97 + k}" for k in range(26)]
    (tmp_path / "emnist-letters-mapping.txt").write_text("\n".join(lines) + "\n\n")
    assert read_path(tmp_path).class_names[:2] == ("A/a", "B/b")
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 b\n")
    with pytest.raises(DataError, match=r"mapping\.txt: line 2: expected a label"):
        read_path(tmp_path)
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n3 67 99\n")
    with pytest.raises(DataError, match="consecutive"):
        read_path(tmp_path)


def test_kmnist_arrays(raw_sample, tmp_path):
    save_kuzushiji(tmp_path, "kmnist", raw_sample)
    for path in (tmp_path, tmp_path / "kmnist-train-imgs.npz"):
        data = load(path)
        assert data.name == "KMNIST"
        assert data.class_names == ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
        assert (data.train_images[..., 0] == raw_sample.train.images).all()
        assert data.published == ""
    (tmp_path / "kmnist-test-labels.npz").unlink()
    with pytest.raises(DataError, match=r"kmnist-test-labels\.npz: the file is missing"):
        load(tmp_path)


def test_kuzushiji_49_has_its_names_from_its_map(raw_sample, tmp_path):
    save_kuzushiji(tmp_path, "k49", raw_sample)
    assert load(tmp_path).class_names == tuple(string.digits)
    rows = [f"{k},U+0000,{c}" for k, c in enumerate("おきすつなはまやれゝ")]
    (tmp_path / "k49_classmap.csv").write_text("\n".join(["index,codepoint,char", *rows]))
    names = load(tmp_path).class_names
    assert names == ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "iteration mark")
    (tmp_path / "k49_classmap.csv").write_text("index,kana\n0,x\n")
    with pytest.raises(DataError, match="expected the columns index and char"):
        load(tmp_path)
    save_kuzushiji(tmp_path, "kmnist", raw_sample)
    with pytest.raises(DataError, match=r"2 sets \(k49, kmnist\); name one"):
        load(tmp_path)


def test_kana_by_their_sound():
    assert [sound(c) for c in "しちつふじゑカ漢a"] == [
        *("shi", "chi", "tsu", "fu", "ji", "we", "ka", "", "")
    ]
    assert class_names.romanised("きゃt") == "kiyat"


def test_mnist_is_known_by_its_checksums(raw_sample, sample, tmp_path, monkeypatch):
    idx.write_folder(tmp_path, raw_sample.train, raw_sample.test)
    assert load(tmp_path).published == ""
    sums = tuple(checksums.part_sha256(p) for p in (raw_sample.train, raw_sample.test))
    monkeypatch.setattr(registry, "MNIST_SHA256", sums)
    data = load(tmp_path)
    assert (data.name, data.published, data.verified) == ("MNIST", "MNIST", False)
    assert data.class_names == tuple(string.digits)
    assert (data.pictures, data.mirrors) == ("trimmed to 20", False)
    assert load(tmp_path, class_names=string.ascii_lowercase[:10]).class_names[0] == "a"


def test_kmnist_is_known_by_the_checksums_of_its_files(raw_sample, tmp_path, monkeypatch):
    idx.write_folder(tmp_path, raw_sample.train, raw_sample.test)
    order = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    files = [tmp_path / f"{name}-ubyte.gz" for name in order]
    sums = tuple(hashlib.md5(f.read_bytes()).hexdigest() for f in files)
    monkeypatch.setattr(registry, "KMNIST_MD5", sums)
    data = load(files[0])
    assert (data.name, data.published) == ("KMNIST", "KMNIST")
    assert data.class_names == registry.KMNIST_CLASSES


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([3, 3, 3, 3], "every label is 3; two classes"),
        ([0, 1, 1, 1], "class '0' has 1 training images"),
    ],
)
def test_labels_that_are_no_count(raw_sample, tmp_path, labels, message):
    few = Part(raw_sample.train.images[:4], np.array(labels), "", "")
    idx.write_folder(tmp_path, few, few)
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def split_labels(raw_sample, tmp_path, train, test, names=None):
    halves = [
        Part(part.images[: len(labels)], np.array(labels), "here", "here")
        for part, labels in ((raw_sample.train, train), (raw_sample.test, test))
    ]
    arrays = {"x_train": halves[0].images, "y_train": halves[0].labels}
    path = tmp_path / "x.npz"
    np.savez(path, **arrays, x_test=halves[1].images, y_test=halves[1].labels)
    return load(path, class_names=names)


@pytest.mark.parametrize("names", [None, ("a", "b", "c")])
def test_each_class_keeps_its_label_where_labels_have_a_gap(raw_sample, tmp_path, names):
    data = split_labels(raw_sample, tmp_path, [1, 7, 3, 1, 7, 3], [7, 1], names)
    assert data.class_names == (names or ("1", "3", "7"))
    assert data.train_labels.tolist() == [0, 2, 1, 0, 2, 1]
    assert "The labels leave out 0, 2, 4 and 2 more; each class kept its own." in data.notes
    assert "Without a test image: " + (names[1] if names else "3") + "." in data.notes


def test_a_test_label_that_no_training_image_has(raw_sample, tmp_path):
    with pytest.raises(DataError, match=r"image 1 has the label 2, .* \(those have 1, 3\)"):
        split_labels(raw_sample, tmp_path, [1, 3, 1, 3], [3, 2])


def test_labels_below_0(raw_sample, tmp_path):
    with pytest.raises(DataError, match="the label -1 is below 0"):
        split_labels(raw_sample, tmp_path, [-1, 0, -1, 0], [0])


def save_levels(tmp_path, train, test):
    np.savez(tmp_path / "x.npz", x_train=train, y_train=[0, 1] * 4, x_test=test, y_test=[0, 1])
    return tmp_path / "x.npz"


def test_black_and_white_images_are_spread_to_0_and_255(raw_sample, tmp_path):
    images = [(part.images > 99).astype(np.uint8) for part in (raw_sample.train, raw_sample.test)]
    data = load(save_levels(tmp_path, images[0][:8], images[1][:2]))
    assert (data.train_images[..., 0] == images[0][:8] * 255).all()
    assert "the levels 0 and 1 only" in data.notes[0]
    with pytest.raises(DataError, match=r"levels are 0 and 1, but those of .* go up to"):
        load(save_levels(tmp_path, images[0][:8], raw_sample.test.images[:2]))


def test_blank_images_are_noted_and_nothing_else_is_refused(raw_sample, tmp_path):
    train, test = raw_sample.train.images[:8].copy(), raw_sample.test.images[:2]
    train[3] = 7
    assert (
        "1 training image is blank (number 3 for one)."
        in load(save_levels(tmp_path, train, test)).notes
    )
    with pytest.raises(DataError, match="every training image is blank"):
        load(save_levels(tmp_path, np.zeros_like(train), test))


def test_more_classes_than_a_byte_counts(raw_sample, tmp_path):
    images = np.repeat(raw_sample.train.images[:1], 512, axis=0)
    few = Part(images, np.arange(512) % 256, "", "")
    idx.write_folder(tmp_path, few, few)
    with pytest.raises(DataError, match=f"256 classes; at most {MOST_CLASSES}"):
        load(tmp_path)


class _Ledger:
    def record(self, *entry):
        self.entry = entry
