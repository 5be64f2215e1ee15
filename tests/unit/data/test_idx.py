import gzip
import struct

import numpy as np
import pytest

from fmnist.data.formats import idx
from fmnist.errors import DataError

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"


def images_file(path, images, **header):
    n, height, width = images.shape
    sizes = {"n": n, "height": height, "width": width} | header
    path.write_bytes(struct.pack(">4I", 2051, *sizes.values()) + images.tobytes())
    return path


def test_reads_the_sample(sample):
    images = idx.read_images(sample / TRAIN_IMAGES)
    labels = idx.read_labels(sample / TRAIN_LABELS)
    assert images.shape == (2000, 28, 28)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [200] * 10


def test_raw_and_gzip_files_read_alike(sample, tmp_path):
    raw = tmp_path / "train-images.idx3-ubyte"
    raw.write_bytes(gzip.decompress((sample / TRAIN_IMAGES).read_bytes()))
    assert (idx.read_images(raw) == idx.read_images(sample / TRAIN_IMAGES)).all()


@pytest.mark.parametrize("mark", ["-", "."])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_every_spelling_is_found(sample, tmp_path, mark, ending):
    for source in sample.glob("*-ubyte.gz"):
        content = source.read_bytes()
        name = source.name.removesuffix(".gz").replace("-idx", f"{mark}idx") + ending
        (tmp_path / name).write_bytes(content if ending else gzip.decompress(content))
    raw = idx.read_folder(tmp_path, "here")
    assert (len(raw.train.labels), len(raw.test.labels)) == (2000, 500)


def test_writing_and_reading_is_a_round_trip(raw_sample, tmp_path):
    idx.write_folder(tmp_path, raw_sample.train, raw_sample.test)
    again = idx.read_folder(tmp_path, "here")
    assert (again.train.images == raw_sample.train.images).all()
    assert (again.test.labels == raw_sample.test.labels).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        p.name for p in tmp_path.glob("*-ubyte.gz")
    )


def test_written_bytes_do_not_depend_on_the_hour(raw_sample, tmp_path):
    for name in ("a", "b"):
        idx.write_folder(tmp_path / name, raw_sample.train, raw_sample.test)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
        assert path.read_bytes()[4:8] == bytes(4)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.gz: the file is missing"):
        idx.read_images(tmp_path / "nothing.gz")


def test_a_folder_instead_of_a_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        idx.read_images(tmp_path)


@pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0)], ids=["raw", "gzip"])
def test_empty_file(tmp_path, content):
    path = tmp_path / TRAIN_IMAGES
    path.write_bytes(content)
    with pytest.raises(DataError, match="the file is empty"):
        idx.read_images(path)


@pytest.mark.parametrize("keep", [3, 40, 5000])
def test_truncated_gzip(sample, tmp_path, keep):
    path = tmp_path / TRAIN_IMAGES
    path.write_bytes((sample / TRAIN_IMAGES).read_bytes()[:keep])
    with pytest.raises(DataError, match="truncated or damaged"):
        idx.read_images(path)


def test_damaged_gzip(sample, tmp_path):
    content = bytearray((sample / TRAIN_IMAGES).read_bytes())
    content[4000:4100] = bytes(100)
    path = tmp_path / TRAIN_IMAGES
    path.write_bytes(content)
    with pytest.raises(DataError, match="truncated or damaged"):
        idx.read_images(path)


@pytest.mark.parametrize("packed", [True, False])
def test_a_huge_file_is_refused_before_it_fills_the_memory(sample, tmp_path, monkeypatch, packed):
    content = idx.read_bytes(sample / TRAIN_IMAGES)
    path = tmp_path / TRAIN_IMAGES
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    monkeypatch.setattr("fmnist.data.dataset.MOST_BYTES", len(content) - 1)
    with pytest.raises(DataError, match="give fewer images"):
        idx.read_images(path)
    monkeypatch.setattr("fmnist.data.dataset.MOST_BYTES", len(content))
    assert len(idx.read_images(path)) == 2000


@pytest.mark.parametrize("keep", [6, 15])
def test_truncated_header(tmp_path, keep):
    path = images_file(tmp_path / "x", np.zeros((2, 28, 28), np.uint8))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=f"truncated in the header.* found {keep}"):
        idx.read_images(path)


@pytest.mark.parametrize(("n", "how"), [(3, "truncated"), (1, "longer than its header says")])
def test_wrong_length(tmp_path, n, how):
    path = images_file(tmp_path / "x", np.zeros((2, 28, 28), np.uint8), n=n)
    with pytest.raises(DataError, match=f"{how}: .*{n * 784} bytes of data, found 1568"):
        idx.read_images(path)


def test_labels_given_as_images(sample):
    with pytest.raises(DataError, match=r"expected magic 2051 \(images\), found 2049 .*swapped"):
        idx.read_images(sample / TRAIN_LABELS)


def test_images_given_as_labels(sample):
    with pytest.raises(DataError, match=r"expected magic 2049 \(labels\), found 2051 .*swapped"):
        idx.read_labels(sample / TRAIN_IMAGES)


def test_another_kind_of_file(tmp_path):
    path = tmp_path / TRAIN_IMAGES
    path.write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(DataError, match="not an IDX file of images"):
        idx.read_images(path)


def test_other_image_size(tmp_path):
    path = images_file(tmp_path / "x", np.zeros((2, 32, 30), np.uint8))
    with pytest.raises(DataError, match="expected images of 28 x 28 pixels, found 32 x 30"):
        idx.read_images(path)


def test_one_file_missing_in_a_folder(sample, tmp_path):
    (tmp_path / TRAIN_IMAGES).write_bytes((sample / TRAIN_IMAGES).read_bytes())
    with pytest.raises(DataError, match=r"train labels is missing; expected train-labels-idx1"):
        idx.read_folder(tmp_path, "here")


def test_counts_of_images_and_labels_differ(sample, tmp_path):
    for source in sample.glob("*-ubyte.gz"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    labels = (sample / "t10k-labels-idx1-ubyte.gz").read_bytes()
    (tmp_path / TRAIN_LABELS).write_bytes(labels)
    with pytest.raises(DataError, match=r"500 labels, but .* has 2000 images"):
        idx.read_folder(tmp_path, "here")


def test_no_image_at_all(sample, tmp_path):
    for source in sample.glob("*-ubyte.gz"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    images_file(tmp_path / TRAIN_IMAGES, np.zeros((0, 28, 28), np.uint8))
    (tmp_path / TRAIN_LABELS).write_bytes(struct.pack(">2I", 2049, 0))
    with pytest.raises(DataError, match="holds no image"):
        idx.read_folder(tmp_path, "here")
