import dataclasses
import gzip
import shutil

import numpy as np
import pytest

from fmnist.data import Ledger, checksums, load
from fmnist.data.checksums import PUBLISHED_CLASS_NAMES, Match
from fmnist.data.dataset import Part
from fmnist.data.detect import read_path
from fmnist.errors import DataError

NAMES = [f"class {i}" for i in range(10)]


@pytest.fixture
def copy(sample, tmp_path):
    """The sample's files without its class names."""
    folder = tmp_path / "mine"
    shutil.copytree(sample, folder)
    (folder / "class_names.txt").unlink()
    return folder


@pytest.fixture
def published_sample(raw_sample, monkeypatch):
    """Take the sample for the published data."""
    monkeypatch.setattr(checksums, "TRAIN_SHA256", checksums.part_sha256(raw_sample.train))
    monkeypatch.setattr(checksums, "TEST_SHA256", checksums.part_sha256(raw_sample.test))
    monkeypatch.setattr(checksums, "TRAIN_ROWS_SHA256", checksums.rows_sha256(raw_sample.train))
    monkeypatch.setattr(checksums, "TEST_ROWS_SHA256", checksums.rows_sha256(raw_sample.test))
    monkeypatch.setattr(checksums, "PUBLISHED_COUNTS", (2000, 500))


def shuffled(part, seed=3):
    order = np.random.default_rng(seed).permutation(len(part.labels))
    return Part(part.images[order], part.labels[order], part.images_file, part.labels_file)


def save_npz(path, train, test):
    arrays = {"x_train": train.images, "y_train": train.labels}
    np.savez(path, **arrays, x_test=test.images, y_test=test.labels)
    return path


def save_csv(path, part):
    rows = np.column_stack([part.labels, part.images.reshape(len(part.labels), -1)])
    header = ",".join(["label", *(f"pixel{i}" for i in range(1, 785))])
    np.savetxt(path, rows, fmt="%d", delimiter=",", header=header, comments="")


def test_loads_the_sample(sample, tmp_path):
    ledger = Ledger(tmp_path / "ledger.json")
    data = load(sample, ledger=ledger)
    assert data.name == "fashion-mnist-sample"
    assert data.source == f"IDX files in {sample}"
    assert not data.verified
    assert data.class_names == PUBLISHED_CLASS_NAMES
    assert (data.train_images.shape, data.train_images.dtype) == ((2000, 28, 28, 1), np.uint8)
    assert (data.train_labels.shape, data.train_labels.dtype) == ((2000,), np.int64)
    assert ledger.entries == ()
    images, labels = data.test.open("evaluate", "a test")
    assert images.shape == (500, 28, 28, 1)
    assert labels.dtype == np.int64


def test_every_format_gives_the_same_data(sample, raw_sample, tmp_path):
    npz = save_npz(tmp_path / "sample.npz", raw_sample.train, raw_sample.test)
    (tmp_path / "csv").mkdir()
    save_csv(tmp_path / "csv" / "train.csv", raw_sample.train)
    save_csv(tmp_path / "csv" / "test.csv", raw_sample.test)
    digests = {load(p, class_names=NAMES).digest for p in (sample, npz, tmp_path / "csv")}
    assert len(digests) == 1


def test_the_digest_changes_with_one_pixel(sample, raw_sample, tmp_path):
    images = raw_sample.train.images.copy()
    images[0, 0, 0] ^= 1
    other = dataclasses.replace(raw_sample.train, images=images)
    path = save_npz(tmp_path / "x.npz", other, raw_sample.test)
    assert load(path, class_names=NAMES).digest != load(sample).digest


@pytest.mark.usefixtures("published_sample")
def test_published_data_are_verified_and_named(copy):
    data = load(copy)
    assert data.verified
    assert data.name == "Fashion-MNIST"
    assert data.class_names == PUBLISHED_CLASS_NAMES


@pytest.mark.usefixtures("published_sample")
def test_published_data_may_have_other_names_for_their_classes(copy):
    assert load(copy, class_names=NAMES).class_names == tuple(NAMES)
    with pytest.raises(DataError, match="9 class names for Fashion-MNIST"):
        load(copy, class_names=NAMES[:9])


@pytest.mark.usefixtures("published_sample")
def test_another_order_still_counts_as_verified(raw_sample, tmp_path):
    train, test = shuffled(raw_sample.train), shuffled(raw_sample.test)
    data = load(save_npz(tmp_path / "x.npz", train, test))
    assert data.verified
    assert data.source.endswith("(same images, other order)")


@pytest.mark.usefixtures("published_sample")
def test_labels_shuffled_alone_are_not_verified(raw_sample, tmp_path):
    labels = shuffled(raw_sample.train).labels
    train = dataclasses.replace(raw_sample.train, labels=labels)
    assert checksums.compare(train) is Match.NONE
    path = save_npz(tmp_path / "x.npz", train, raw_sample.test)
    with pytest.raises(DataError, match="training: other images or labels than the published"):
        load(path)


@pytest.mark.usefixtures("published_sample")
@pytest.mark.parametrize("change", [lambda part: part, shuffled])
def test_train_and_test_exchanged(raw_sample, tmp_path, change):
    path = save_npz(tmp_path / "x.npz", change(raw_sample.test), change(raw_sample.train))
    with pytest.raises(DataError, match="expected training images, found the published test"):
        load(path)


@pytest.mark.usefixtures("published_sample")
def test_training_images_used_as_test_images(raw_sample, tmp_path):
    path = save_npz(tmp_path / "x.npz", raw_sample.train, raw_sample.train)
    with pytest.raises(DataError, match="x_test: expected test images, found the published train"):
        load(path)


def test_other_data_without_names_have_numbers(copy):
    assert load(copy).class_names == tuple("0123456789")
    assert load(copy, class_names=NAMES).class_names == tuple(NAMES)
    (copy / "class_names.txt").write_text("\n".join(NAMES) + "\n\n", encoding="utf-8")
    data = load(copy)
    assert data.class_names == tuple(NAMES)
    assert not data.verified


def test_given_names_win_over_the_file(sample):
    assert load(sample, class_names=NAMES).class_names == tuple(NAMES)


def test_names_beside_an_npz(raw_sample, tmp_path):
    path = save_npz(tmp_path / "x.npz", raw_sample.train, raw_sample.test)
    (tmp_path / "class_names.txt").write_text("\n".join(NAMES))
    assert load(path).class_names == tuple(NAMES)


@pytest.mark.parametrize("names", [[], ["one"], ["a", "a"], ["a", " "], ["a", "b", ""]])
def test_names_that_are_no_names(sample, names):
    with pytest.raises(DataError, match="expected two or more different names"):
        load(sample, class_names=names)


def test_a_names_file_in_another_encoding(copy):
    (copy / "class_names.txt").write_bytes("Hose\nKöper".encode("latin-1"))
    with pytest.raises(DataError, match=r"class_names\.txt: not UTF-8 text"):
        load(copy)


def test_fewer_names_than_labels(sample):
    with pytest.raises(DataError, match=r"label \d of image \d+ is out of range; with 3 class"):
        load(sample, class_names=["a", "b", "c"])


def test_more_names_than_classes(sample):
    with pytest.raises(DataError, match="class 'new' has 0 training images; at least 2"):
        load(sample, class_names=[*NAMES, "new"])


def test_another_number_of_classes(raw_sample, tmp_path):
    parts = []
    for part in (raw_sample.train, raw_sample.test):
        few = part.labels < 4
        parts.append(Part(part.images[few], part.labels[few], "few", "few"))
    data = load(save_npz(tmp_path / "few.npz", *parts), class_names=NAMES[:4])
    assert data.name == "few"
    assert len(data.train_labels) == 800


def test_nothing_there(tmp_path):
    with pytest.raises(DataError, match=r"no such file or folder; expected a folder"):
        load(tmp_path / "nowhere")


def test_nothing_known_there(tmp_path):
    (tmp_path / "archive.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="holds no data set"):
        load(tmp_path)
    with pytest.raises(DataError, match="not a data set this program knows"):
        load(tmp_path / "archive.zip")


def test_idx_wins_where_both_formats_lie(copy):
    (copy / "train.csv").write_text("label\n")
    assert read_path(copy).source.startswith("IDX files")


def test_a_digest_of_rows_ignores_their_order_only(raw_sample):
    part = raw_sample.test
    assert checksums.rows_sha256(shuffled(part)) == checksums.rows_sha256(part)
    labels = part.labels.copy()
    labels[0] = (labels[0] + 1) % 10
    changed = dataclasses.replace(part, labels=labels)
    assert checksums.rows_sha256(changed) != checksums.rows_sha256(part)


def test_a_label_of_256_more_is_no_match(raw_sample, published_sample, tmp_path):
    labels = raw_sample.train.labels + 256
    path = tmp_path / "x.npz"
    save_npz(path, dataclasses.replace(raw_sample.train, labels=labels), raw_sample.test)
    with pytest.raises(DataError, match="which no training image has"):
        load(path, class_names=NAMES)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_names_file_as_windows_saves_it(copy, encoding):
    (copy / "class_names.txt").write_bytes("\r\n".join(NAMES).encode(encoding))
    assert load(copy).class_names == tuple(NAMES)


def test_gzip_of_labels_named_as_images(copy):
    labels = gzip.decompress((copy / "train-labels-idx1-ubyte.gz").read_bytes())
    (copy / "train-images-idx3-ubyte.gz").write_bytes(labels)
    with pytest.raises(DataError, match="look swapped"):
        load(copy, class_names=NAMES)
