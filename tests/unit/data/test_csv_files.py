import dataclasses
import gzip

import numpy as np
import pytest

from fmnist.data import Source, checksums
from fmnist.data.csv_export import csv_folder
from fmnist.data.formats import csv_files, csv_table
from fmnist.data.formats.class_names import natural
from fmnist.errors import DataError

HEADER = ",".join(["label", *(f"pixel{i}" for i in range(1, 785))])


def lines_of(part, n):
    rows = np.column_stack([part.labels[:n], part.images[:n].reshape(n, -1)])
    return [",".join(map(str, row)) for row in rows]


def write(path, lines, end="\n"):
    path.write_text(end.join(lines) + end, encoding="utf-8", newline="")
    return path


@pytest.fixture
def lines(raw_sample):
    return [HEADER, *lines_of(raw_sample.train, 20)]


def with_cell(lines, line, column, value):
    """The lines with one cell replaced; line and column count from 1."""
    cells = lines[line - 1].split(",")
    cells[column - 1] = value
    return [*lines[: line - 1], ",".join(cells), *lines[line:]]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_reads_with_and_without_header(lines, tmp_path, raw_sample, first, end):
    part = csv_files.read_part(write(tmp_path / "train.csv", lines[first:], end))
    assert part.images.dtype == np.uint8
    assert part.labels.dtype == np.int64
    assert (part.images == raw_sample.train.images[:20]).all()
    assert (part.labels == raw_sample.train.labels[:20]).all()


def test_label_column_may_stand_last(lines, tmp_path, raw_sample):
    moved = [line.partition(",")[2] + "," + line.partition(",")[0] for line in lines]
    part = csv_files.read_part(write(tmp_path / "train.csv", moved))
    assert (part.images == raw_sample.train.images[:20]).all()
    assert (part.labels == raw_sample.train.labels[:20]).all()


@pytest.mark.parametrize(
    "name",
    [
        lambda i: f"pixel{i + 1}",
        lambda i: f"Pixel{i}",
        lambda i: str(i),
        lambda i: f"{i // 28 + 1}x{i % 28 + 1}",
    ],
)
def test_columns_are_taken_by_their_names(lines, tmp_path, raw_sample, name):
    order = np.random.default_rng(0).permutation(786)
    header = ["", "Label", *(name(i) for i in range(784))]
    rows = [[str(i), *line.split(",")] for i, line in enumerate(lines[1:])]
    shuffled = [",".join(row[i] for i in order) for row in [header, *rows]]
    table = csv_table.read(write(tmp_path / "train.csv", shuffled))
    assert (table.images == raw_sample.train.images[:20]).all()
    assert table.labels == tuple(map(str, raw_sample.train.labels[:20]))
    assert table.notes == ("The column without a name was left out.",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("pixel7,", "weight,", r"line 1, column 8: 'weight' is neither label nor pixel"),
        ("pixel7,", "pixel8,", r"line 1, column 9: a second column of 'pixel8'"),
        ("pixel7,", "pixel999,", r"not numbered 1 to 784 .* \(found 'pixel999'\)"),
        ("pixel7,", "label,", r"more than one column is named 'label'"),
    ],
)
def test_columns_that_are_not_understood(lines, tmp_path, old, new, message):
    changed = [lines[0].replace(old, new), *lines[1:]]
    with pytest.raises(DataError, match=message):
        csv_files.read_part(write(tmp_path / "train.csv", changed))


def cells_of(part, n, label=str, pixel=str, separator=","):
    return [
        separator.join([label(part.labels[i]), *(pixel(v) for v in part.images[i].ravel())])
        for i in range(n)
    ]


@pytest.mark.parametrize(
    "form",
    [
        {"separator": ";"},
        {"separator": "\t"},
        {"pixel": lambda v: f"{v}.0", "label": lambda v: f"{v}.0"},
        {"pixel": lambda v: f"{v / 255:.6f}"},
        {"pixel": lambda v: f'"{v}"'},
    ],
)
def test_tables_as_other_programs_write_them(tmp_path, raw_sample, form):
    header = HEADER.replace(",", form.get("separator", ","))
    rows = cells_of(raw_sample.train, 20, **form)
    path = write(tmp_path / "train.csv", [header, *rows])
    part, notes = csv_files.read_part(path), csv_table.read(path).notes
    assert (part.images == raw_sample.train.images[:20]).all()
    assert (part.labels == raw_sample.train.labels[:20]).all()
    fractions = "." in rows[0].partition(",")[2] and "label" not in form
    assert any("fractions of 0 to 1; they were multiplied by 255" in n for n in notes) is fractions


def test_labels_in_words_are_the_class_names(tmp_path, raw_sample):
    words = [f"size {label}" for label in range(10, 0, -1)]
    for half, part in (("train", raw_sample.train), ("test", raw_sample.test)):
        rows = cells_of(part, 20, lambda label: words[label])
        write(tmp_path / f"{half}.csv", [HEADER, *rows])
    raw = csv_files.read_folder(tmp_path, "here")
    assert raw.class_names == tuple(sorted(set(raw.class_names), key=natural))
    assert raw.class_names[-1] == "size 10"
    found = [raw.class_names[label] for label in raw.test.labels]
    assert found == [words[label] for label in raw_sample.test.labels[:20]]
    write(tmp_path / "test.csv", [HEADER, *cells_of(raw_sample.test, 1, lambda _: "hat")])
    with pytest.raises(DataError, match=r"image 0 has the label 'hat', which no training image"):
        csv_files.read_folder(tmp_path, "here")


def test_labels_in_words_that_are_those_of_fashion_mnist_have_its_order(tmp_path, raw_sample):
    for half, part in (("train", raw_sample.train), ("test", raw_sample.test)):
        rows = cells_of(part, 60, lambda label: checksums.PUBLISHED_CLASS_NAMES[label])
        write(tmp_path / f"{half}.csv", [HEADER, *rows])
    raw = csv_files.read_folder(tmp_path, "here")
    assert (raw.train.labels == raw_sample.train.labels[:60]).all()


def test_quoted_header_and_byte_order_mark(lines, tmp_path):
    quoted = "\ufeff" + ",".join(f'"{name}"' for name in HEADER.split(","))
    part = csv_files.read_part(write(tmp_path / "train.csv", [quoted, *lines[1:]]))
    assert len(part.labels) == 20


def test_reads_a_folder_as_kaggle_names_it(tmp_path, raw_sample, lines):
    write(tmp_path / "fashion-mnist_train.csv", lines)
    text = "\n".join([HEADER, *lines_of(raw_sample.test, 7)])
    (tmp_path / "fashion-mnist_test.csv.gz").write_bytes(gzip.compress(text.encode()))
    raw = csv_files.read_folder(tmp_path, "here")
    assert (len(raw.train.labels), len(raw.test.labels)) == (20, 7)
    assert (raw.test.images == raw_sample.test.images[:7]).all()


def test_one_line_is_enough(lines, tmp_path):
    assert csv_files.read_part(write(tmp_path / "train.csv", lines[:2])).images.shape[0] == 1


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (5, "x1", r"line 4, column 5: expected a whole number, found 'x1'"),
        (5, "12.5", r"line 4, column 5: expected a whole number, found '12.5'"),
        (5, "", r"line 4, column 5: expected a whole number, found ''"),
        (785, "256", r"line 4, column 785: pixel value 256 is out of range; pixels are 0 to 255"),
        (2, "-1", r"line 4, column 2: pixel value -1 is out of range"),
        (2, "99999999999", r"line 4, column 2: pixel value 99999999999 is out of range"),
        (1, "boot", r"line 4, column 1: expected a whole number, found 'boot'"),
        (1, "-1", r"line 4, column 1: label -1 is out of range"),
    ],
)
def test_a_bad_cell_is_located(lines, tmp_path, column, value, message):
    path = write(tmp_path / "train.csv", with_cell(lines, 4, column, value))
    with pytest.raises(DataError, match=rf"train\.csv: {message}"):
        csv_files.read_part(path)


def test_lines_are_counted_through_blank_ones(lines, tmp_path):
    bad = with_cell(lines, 4, 5, "x")
    path = write(tmp_path / "train.csv", [*bad[:2], "", *bad[2:]])
    with pytest.raises(DataError, match="line 5, column 5"):
        csv_files.read_part(path)


def test_a_short_line(lines, tmp_path):
    path = write(tmp_path / "train.csv", [*lines[:3], lines[3].rpartition(",")[0]])
    with pytest.raises(DataError, match=r"line 4: expected 785 columns .* found 784"):
        csv_files.read_part(path)


@pytest.mark.parametrize("first", [0, 1])
def test_missing_columns(lines, tmp_path, first):
    short = [line.rpartition(",")[0] for line in lines[first:]]
    with pytest.raises(DataError, match=r"line 1: expected 785 columns .* found 784"):
        csv_files.read_part(write(tmp_path / "train.csv", short))


def test_no_label_column(lines, tmp_path):
    path = write(tmp_path / "train.csv", [HEADER.replace("label", "type"), *lines[1:]])
    with pytest.raises(DataError, match=r"no column is named 'label' \(found type, pixel1"):
        csv_files.read_part(path)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_empty_file(tmp_path, text):
    path = tmp_path / "train.csv"
    path.write_text(text)
    with pytest.raises(DataError, match="the file is empty"):
        csv_files.read_part(path)


def test_header_only(tmp_path):
    with pytest.raises(DataError, match="a header and no image"):
        csv_files.read_part(write(tmp_path / "train.csv", [HEADER]))


def test_not_text(tmp_path):
    path = tmp_path / "train.csv"
    path.write_bytes(b"\xff\x00\x81")
    with pytest.raises(DataError, match="not a CSV file"):
        csv_files.read_part(path)


def test_truncated_gzip(tmp_path, lines):
    path = tmp_path / "train.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode())[:-30])
    with pytest.raises(DataError, match="truncated or damaged"):
        csv_files.read_part(path)


def test_the_other_file_is_missing(tmp_path, lines):
    write(tmp_path / "train.csv", lines)
    with pytest.raises(DataError, match="the test file is missing"):
        csv_files.read_folder(tmp_path, "here")


def test_two_files_that_fit(tmp_path, lines):
    write(tmp_path / "train.csv", lines)
    write(tmp_path / "train2.csv", lines)
    with pytest.raises(DataError, match=r"found train\.csv, train2\.csv; leave one"):
        csv_files.read_folder(tmp_path, "here")


def test_what_is_written_is_read_back(raw_sample, tmp_path):
    csv_files.write_folder(tmp_path / "new", raw_sample.train, raw_sample.test)
    raw = csv_files.read_folder(tmp_path / "new", "here")
    for written, read in ((raw_sample.train, raw.train), (raw_sample.test, raw.test)):
        assert (read.images == written.images).all()
        assert (read.labels == written.labels).all()
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["fashion-mnist_test.csv", "fashion-mnist_train.csv"]


def test_the_lines_are_those_of_kaggle(raw_sample, tmp_path, lines):
    csv_files.write_part(tmp_path / "train.csv", raw_sample.train)
    assert (tmp_path / "train.csv").read_text().splitlines()[:21] == lines


def test_a_label_that_no_reader_takes_is_not_written(raw_sample, tmp_path):
    part = dataclasses.replace(raw_sample.test, labels=raw_sample.test.labels + 250)
    with pytest.raises(DataError, match="labels must be 0 to 255"):
        csv_files.write_part(tmp_path / "test.csv", part)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def export(raw_sample, monkeypatch, tmp_path):
    """``csv_folder`` where the sample is the published data; counts how often it was fetched."""
    monkeypatch.setattr(checksums, "TRAIN_SHA256", checksums.part_sha256(raw_sample.train))
    monkeypatch.setattr(checksums, "TEST_SHA256", checksums.part_sha256(raw_sample.test))
    fetched = []

    def read(_):
        fetched.append(1)
        return raw_sample

    source = Source("sample", read, lambda _: True)
    return lambda: (csv_folder(tmp_path / "cache", [source]), len(fetched))


def test_the_export_is_made_once_and_mended_when_damaged(export):
    folder, fetched = export()
    assert fetched == 1
    assert export() == (folder, 1)
    file = folder / "fashion-mnist_test.csv"
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole.replace(b",255", b",254", 1)):
        file.write_bytes(damaged)
        export()
        assert file.read_bytes() == whole
    assert export() == (folder, 3)


def test_an_export_that_cannot_be_written_says_what_to_do(export, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(DataError, match=r"cannot be written .*name a folder that holds them"):
        export()
