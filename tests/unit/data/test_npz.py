import numpy as np
import pytest

from fmnist.data.formats import npz
from fmnist.errors import DataError


@pytest.fixture
def arrays(raw_sample):
    return {
        "x_train": raw_sample.train.images[:30],
        "y_train": raw_sample.train.labels[:30],
        "x_test": raw_sample.test.images[:9],
        "y_test": raw_sample.test.labels[:9],
    }


def save(tmp_path, arrays):
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays)
    return path


def read(tmp_path, arrays):
    return npz.read_file(save(tmp_path, arrays), "here")


@pytest.mark.parametrize("shape", [(-1, 28, 28), (-1, 28, 28, 1), (-1, 784)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_reads_every_shape_and_whole_number_type(tmp_path, arrays, shape, dtype):
    arrays["x_train"] = arrays["x_train"].reshape(shape).astype(dtype)
    arrays["y_train"] = arrays["y_train"].reshape(-1, 1)
    raw = read(tmp_path, arrays)
    assert raw.name == "mine"
    assert raw.train.images.dtype == np.uint8
    assert (raw.train.images.reshape(30, -1) == arrays["x_train"].reshape(30, -1)).all()
    assert (raw.train.labels == arrays["y_train"].ravel()).all()
    assert len(raw.test.labels) == 9


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="the file is missing"):
        npz.read_file(tmp_path / "mine.npz", "here")


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "the file is empty"), (b"1,2,3", "not an NPZ file")]
)
def test_not_a_zip(tmp_path, content, message):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        npz.read_file(path, "here")


def test_truncated(tmp_path, arrays):
    path = save(tmp_path, arrays)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="not an NPZ file"):
        npz.read_file(path, "here")


def test_damaged_inside(tmp_path, arrays):
    path = save(tmp_path, arrays)
    content = bytearray(path.read_bytes())
    content[1000:1100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        npz.read_file(path, "here")


def test_a_huge_file_is_refused_before_it_fills_the_memory(tmp_path, arrays, monkeypatch):
    monkeypatch.setattr("fmnist.data.dataset.MOST_BYTES", 39 * 28 * 28)
    with pytest.raises(DataError, match="give fewer images"):
        read(tmp_path, arrays)


def test_pickled_objects_are_never_loaded(tmp_path, arrays):
    arrays["y_test"] = np.array([{}] * 9, dtype=object)
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path, arrays)


def test_missing_key(tmp_path, arrays):
    del arrays["y_test"]
    with pytest.raises(DataError, match=r"y_test is missing; expected .*found x_train, y_train"):
        read(tmp_path, arrays)


@pytest.mark.parametrize(("key", "dtype"), [("x_train", np.float32), ("y_test", bool)])
def test_wrong_dtype(tmp_path, arrays, key, dtype):
    arrays[key] = arrays[key].astype(dtype)
    name = np.dtype(dtype).name
    with pytest.raises(DataError, match=rf"{key}: expected whole numbers \(uint8\), found {name}"):
        read(tmp_path, arrays)


def test_pixel_out_of_range(tmp_path, arrays):
    arrays["x_test"] = arrays["x_test"].astype(np.int16)
    arrays["x_test"][3, 4, 5] = 300
    with pytest.raises(DataError, match=r"pixel value 300 at \(3, 4, 5\) is out of range"):
        read(tmp_path, arrays)


def test_wrong_image_shape(tmp_path, arrays):
    arrays["x_test"] = arrays["x_test"][:, :27]
    with pytest.raises(DataError, match=r"x_test: expected shape .* found \(9, 27, 28\)"):
        read(tmp_path, arrays)


def test_one_hot_labels(tmp_path, arrays):
    arrays["y_train"] = np.eye(10, dtype=np.int64)[arrays["y_train"]]
    with pytest.raises(DataError, match=r"y_train: expected labels of shape .* found \(30, 10\)"):
        read(tmp_path, arrays)


def test_counts_differ(tmp_path, arrays):
    arrays["y_train"] = arrays["y_train"][:-1]
    with pytest.raises(DataError, match=r"29 labels, but .*x_train has 30 images"):
        read(tmp_path, arrays)
