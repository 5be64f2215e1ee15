"""Folders of the user's own pictures: which class each is of, and what is left out."""

import shutil

import pytest
from new_data_factory import save_photo
from PIL import Image

from fmnist.data.photo_folder import label_of, read_photos
from fmnist.data.photos import THUMBNAIL, thumbnail
from fmnist.errors import DataError

NAMES = ("T-shirt/top", "Ankle boot", "Coat")


@pytest.fixture
def folder(tmp_path, raw_sample):
    for k, name in enumerate(("T-shirt_top/b.jpg", "1/a.png", "coat/c.jpg")):
        save_photo(tmp_path / "photos" / name, raw_sample.train.images[k])
    return tmp_path / "photos"


def test_folders_are_named_after_classes_or_labels(folder):
    found = read_photos(folder, NAMES)
    assert {found.name_of(path): label for path, label in found.labels.items()} == {
        "1/a.png": 1, "coat/c.jpg": 2, "T-shirt_top/b.jpg": 0
    }  # fmt: skip
    assert (found.name, found.left_out) == ("photos", ())


@pytest.mark.parametrize(
    ("name", "names", "label"),
    [
        ("ANKLE-boot", NAMES, 1), ("tshirttop", NAMES, 0), ("2", NAMES, 2), ("3", NAMES, None),
        ("2", ("2", "1", "0"), 0), ("a", ("A", "a"), 1), ("!", ("+", "-"), None),
        ("x-a", ("X a", "x/A"), None), ("き", ("か", "き"), 1), ("T-shirt", NAMES, None),
    ],
)  # fmt: skip
def test_which_class_a_folder_is_of(name, names, label):
    assert label_of(name, names) == label


@pytest.mark.parametrize("name", ["Cot", "zebra", "10"])
def test_a_folder_of_no_class_is_an_error_that_names_the_classes(folder, name):
    (folder / name).mkdir()
    with pytest.raises(DataError, match=rf"{name}: is no class of this run; ") as error:
        read_photos(folder, NAMES)
    assert "T-shirt/top (or 0), Ankle boot (or 1), Coat (or 2)" in str(error.value)
    assert ("perhaps Coat?" in str(error.value)) == (name == "Cot")


def test_a_folder_without_classes_or_pictures(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: has no folder of a class; make one for each"):
        read_photos(tmp_path / "empty", NAMES)
    for path in [*folder.glob("*/*")]:
        path.unlink()
    (folder / "1" / "a.heic").write_bytes(b"x")
    with pytest.raises(DataError, match=r"no picture in any class folder\n1/a\.heic: its ending"):
        read_photos(folder, NAMES)


def test_what_is_left_out_is_named_and_the_others_stay(folder):
    shutil.copy(folder / "1" / "a.png", folder / "coat" / "again.png")
    shutil.copy(folder / "1" / "a.png", folder / "top.png")
    (folder / "coat" / "IMG\n1.HEIC").write_bytes(b"x")
    (folder / "coat" / "more").mkdir()
    (folder / "coat" / ".hidden").write_bytes(b"x")
    (folder / "0").mkdir()
    found = read_photos(folder, NAMES)
    assert len(found.labels) == 3
    assert [line.partition(": ")[::2] for line in found.left_out] == [
        ("top.png", "lies in no class folder"),
        ("coat/IMG 1.HEIC", "its ending is of no picture format that Pillow reads; save it as "
         "JPEG or PNG"),
        ("coat/more", "a folder inside a class folder is not read"),
        ("coat/again.png", "the same file as 1/a.png; counted once"),
    ]  # fmt: skip


def test_a_picture_is_kept_small_without_metadata(tmp_path, raw_sample):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "at home"
    path = save_photo(tmp_path / "a.jpg", raw_sample.train.images[0], exif=exif, comment=b"at home")
    assert b"at home" in path.read_bytes()
    kept = thumbnail(path)
    assert b"at home" not in kept
    (tmp_path / "kept.png").write_bytes(kept)
    with Image.open(tmp_path / "kept.png") as image, Image.open(path) as original:
        assert original.height > original.width
        assert (image.width, image.height) == (THUMBNAIL, 75)  # upright
        assert not image.getexif()


@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16", "F", "1", "P", "CMYK"])
def test_a_picture_of_every_kind_can_be_kept(tmp_path, mode):
    path = tmp_path / ("a.tiff" if mode in ("F", "CMYK") else "a.png")
    Image.new(mode, (300, 100)).save(path)
    assert thumbnail(path).startswith(b"\x89PNG")
