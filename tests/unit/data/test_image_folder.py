"""A folder of pictures by class as a data set."""

import os
import shutil

import numpy as np
import pytest
from images import save_halves, save_pictures, some
from PIL import Image

from fmnist.data import image_files, load
from fmnist.data.detect import read_path
from fmnist.data.photos import ImageError
from fmnist.errors import DataError

NAMES = ("Hose", "T-Shirt", "très long nom de classe")


@pytest.fixture
def halves(raw_sample, tmp_path):
    return save_halves(tmp_path / "own", raw_sample, NAMES)


@pytest.fixture
def one_level(raw_sample, tmp_path):
    return save_pictures(tmp_path / "own", *some(raw_sample.train, 3, 10), NAMES)


def test_train_and_test_folders(halves, raw_sample):
    data = load(halves)
    images, labels = some(raw_sample.train, 3, 6)
    assert (data.name, data.class_names) == ("own", NAMES)
    assert (data.train_images[..., 0] == images).all()
    assert (data.train_labels == labels).all()
    assert data.test.n == 9
    assert (data.pictures, data.mirrors, data.test_split_off) == ("whole", False, False)
    assert data.notes == (f"Pictures were made 28 × 28 by one rule: {image_files.RULE}.",)


def test_other_words_for_the_halves(halves):
    (halves / "train").rename(halves / "Training")
    (halves / "test").rename(halves / "testing")
    (halves / "validation").mkdir()
    data = load(halves)
    assert data.test.n == 9
    assert "Not read: validation; validation images come from" in data.notes[-1]


def test_a_fifth_is_split_off_by_the_content_of_the_files(one_level):
    data = load(one_level)
    assert (len(data.train_labels), data.test.n, data.test_split_off) == (24, 6, True)
    assert np.bincount(data.train_labels).tolist() == [8, 8, 8]
    assert "6 of 30 pictures, a fifth of each class" in data.notes[1]
    for number, path in enumerate(sorted(one_level.glob("*/*.png"))):
        path.rename(path.with_name(f"{999 - number}.png"))
    again = load(one_level)
    assert again.notes == data.notes  # the checksum of the test set among them
    key = [sorted(x.tobytes() for x in d.train_images) for d in (data, again)]
    assert key[0] == key[1]


def test_copies_stand_on_one_side_of_the_split(one_level):
    for path in list(one_level.glob("*/*.png")):
        shutil.copy(path, path.with_name(f"copy of {path.name}"))
    data = load(one_level)
    images, _ = data.test.open("evaluate", "a test", ledger=_Ledger())
    seen = {x.tobytes() for x in data.train_images}
    assert not [x for x in images if x.tobytes() in seen]
    assert any("30 of 60 files in own/ are copies of others; they" in n for n in data.notes)


def test_copies_in_two_classes_and_in_both_halves_are_told(halves):
    first = halves / "train" / "Hose" / "000.png"
    shutil.copy(first, halves / "train" / "T-Shirt" / "x.png")
    shutil.copy(first, halves / "test" / "Hose" / "y.png")
    notes = " ".join(load(halves).notes)
    assert "1 of 19 files in train/ are copies of others, 1 of them with another class" in notes
    assert "(Hose/000.png and T-Shirt/x.png for one)" in notes
    assert "1 of 10 test files are also among the training files, byte for byte" in notes
    assert "test/Hose/y.png" in notes


def test_numbers_are_ordered_by_value(raw_sample, tmp_path):
    names = ("0", "1", "2", "10")
    folder = save_pictures(tmp_path, *some(raw_sample.train, 4, 4), names)
    assert load(folder).class_names == names


def test_numbers_in_names_are_ordered_by_value(raw_sample, tmp_path):
    names = ("2 women's", "10 women's", "Bag 2", "bag 10")
    folder = save_pictures(tmp_path, *some(raw_sample.train, 4, 4), names)
    assert load(folder).class_names == names


def test_a_name_in_another_encoding_is_shown_with_codes(halves):
    for half in ("train", "test"):
        (halves / half / "Hose").rename(halves / half / os.fsdecode(b"m\xfctze"))
    data = load(halves)
    assert data.class_names == ("m\\xfctze", *NAMES[1:])
    assert "not UTF-8 are shown with codes" in data.notes[-1]
    assert load(halves, class_names="abc").class_names == ("a", "b", "c")


def test_an_accent_is_one_letter_in_both_halves(halves):
    (halves / "test" / NAMES[2]).rename(halves / "test" / NAMES[2].replace("è", "e\u0300"))
    data = load(halves)
    assert data.class_names == NAMES
    assert data.test.n == 9


def test_what_is_no_picture_is_left_out_and_named(halves):
    (halves / "train" / "Hose" / "about.txt").write_text("x")
    (halves / "train" / "Hose" / ".DS_Store").write_text("x")
    (halves / "train" / "Hose" / "more").mkdir()
    (halves / "__MACOSX").mkdir()
    data = load(halves)
    assert "Not read, being no picture: Hose/about.txt, Hose/more." in data.notes
    assert len(data.notes) == 2


def test_a_light_background_is_made_black_in_both_halves(raw_sample, tmp_path):
    images, labels = some(raw_sample.train, 2, 10)
    folder = save_pictures(tmp_path, 255 - images, labels, ("a", "b"))
    data = load(folder)
    assert data.pictures == "whole, negated"
    assert "negated" in data.notes[-1]
    known = {x.tobytes() for x in images}
    test, _ = data.test.open("evaluate", "a test", ledger=_Ledger())
    assert {x.tobytes() for x in (*data.train_images[..., 0], *test[..., 0])} == known


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_a_broken_picture_is_named(halves, content):
    path = halves / "test" / "Hose" / "000.png"
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    with pytest.raises(DataError, match=r"test/Hose/000\.png: .*mend the file, or take it out"):
        load(halves)


def test_all_broken_pictures_are_named(halves):
    for number in range(3):
        (halves / "train" / "Hose" / f"00{number}.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"(?s)Hose/000.*Hose/001.*Hose/002.*mend these 3 files"):
        load(halves)


def test_an_empty_class(halves):
    for path in (halves / "train" / "Hose").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="train/Hose: no picture in it"):
        load(halves)


def test_a_class_without_a_test_picture_is_told(halves):
    shutil.rmtree(halves / "test" / "Hose")
    assert "Without a test image: Hose." in load(halves).notes


def test_a_class_that_only_the_test_has(halves):
    (halves / "test" / "Hose").rename(halves / "test" / "Rock")
    with pytest.raises(DataError, match=r"test/Rock: this class is not in .*train"):
        load(halves)


def test_one_class_is_none(one_level):
    for name in NAMES[1:]:
        shutil.rmtree(one_level / name)
    with pytest.raises(DataError, match="1 class folders; at least two"):
        load(one_level)


def test_one_half_alone(halves):
    shutil.rmtree(halves / "test")
    with pytest.raises(DataError, match="there is train/ but no test/"):
        load(halves)


def test_a_class_may_be_called_train(one_level):
    (one_level / "Hose").rename(one_level / "train")
    assert "train" in load(one_level).class_names


def test_too_few_pictures(one_level):
    for path in sorted((one_level / "Hose").iterdir())[2:]:
        path.unlink()
    with pytest.raises(DataError, match=r"own/Hose: too few different pictures; at least 3"):
        load(one_level)


def test_class_names_of_the_users_own(one_level):
    (one_level / "class_names.txt").write_text("a\nb\nc\n")
    assert load(one_level).class_names == ("a", "b", "c")


def test_a_folder_without_any(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no data set; expected"):
        read_path(tmp_path)


# ---- one picture --------------------------------------------------------------------------------


def saved(tmp_path, image, name="x.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "P", "1", "LA", "RGBA"])
def test_every_mode_becomes_grey(tmp_path, mode):
    name = "x.tif" if mode == "CMYK" else "x.png"
    path = saved(tmp_path, Image.new("L", (28, 28), 255).convert(mode), name)
    assert (image_files.read(path) == 255).all()


def test_size_and_shape(tmp_path):
    wide = Image.new("L", (56, 28), 40)
    wide.paste(200, (20, 8, 36, 20))
    found = image_files.read(saved(tmp_path, wide))
    assert found.shape == (28, 28)
    assert (found[:7] == 40).all()
    assert (found[-7:] == 40).all()
    assert abs(int(found[14, 14]) - 200) <= 1
    tiny = Image.fromarray(np.eye(8, dtype=np.uint8) * 255)
    assert image_files.read(saved(tmp_path, tiny)).shape == (28, 28)
    line = Image.new("L", (4000, 3), 90)
    assert (image_files.read(saved(tmp_path, line)) == 90).all()


def test_nothing_is_told_from_the_levels_of_one_picture(tmp_path):
    for level in (3, 250):
        flat = np.full((28, 28), level * 257, np.uint16)
        assert (image_files.read(saved(tmp_path, Image.fromarray(flat))) == level).all()


def test_transparency_lies_on_white(tmp_path):
    clear = Image.new("RGBA", (28, 28), (0, 0, 0, 0))
    assert (image_files.read(saved(tmp_path, clear)) == 255).all()


def test_levels_without_a_known_range(tmp_path):
    floats = Image.fromarray(np.zeros((28, 28), np.float32))
    with pytest.raises(DataError, match=r"x\.tif: floating-point levels"):
        image_files.read(saved(tmp_path, floats, "x.tif"))
    large = Image.fromarray(np.full((28, 28), 70_000, np.int32))
    with pytest.raises(DataError, match="levels outside 0 to 65535"):
        image_files.read(saved(tmp_path, large, "x.tif"))


def test_a_turned_photograph_stands_upright(tmp_path):
    image = Image.new("L", (28, 28))
    image.paste(255, (0, 0, 28, 5))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    found = image_files.read(saved(tmp_path, image, exif=exif))
    assert found[0].max() == 0
    assert found[-1].min() == 255


def test_to_predict_a_picture_is_made_as_those_of_the_data_set(tmp_path, raw_sample):
    image = raw_sample.train.images[0]
    path = saved(tmp_path, Image.fromarray(image))
    assert (image_files.prepared(path, "whole").pixels == image).all()
    negated = image_files.prepared(path, "whole, negated")
    assert (negated.pixels == 255 - image).all()
    assert (negated.inverted, negated.steps[-1]) == (True, "negated")
    large = Image.new("L", (100, 100))
    large.paste(255, (20, 20, 80, 80))
    for how, box in (("trimmed", 28), ("trimmed to 24", 24), ("trimmed to 20", 20)):
        found = image_files.prepared(saved(tmp_path, large), how).pixels
        assert (found.max(axis=0) > 100).sum() == box
    with pytest.raises(ImageError, match=r"none\.png: no such file"):
        image_files.prepared(tmp_path / "none.png", "whole")


def test_a_bad_picture_among_good_ones_is_named_and_the_others_are_used(tmp_path, raw_sample):
    paths = [
        saved(tmp_path, Image.fromarray(raw_sample.train.images[i]), f"{i}.png") for i in (0, 1)
    ]
    (tmp_path / "bad.png").write_bytes(b"x")
    asked = [paths[0], tmp_path / "bad.png", tmp_path / "none.png", paths[1]]
    good, broken = image_files.prepared_all(asked, "whole")
    assert [path for path, _ in good] == paths
    assert [path for path, _ in broken] == asked[1:3]
    assert ["bad.png" in str(broken[0][1]), "none.png" in str(broken[1][1])] == [True, True]
    assert ImageError.exit_code == 3


class _Ledger:
    def record(self, *entry):
        self.entry = entry
