import numpy as np
import pytest
from PIL import Image, ImageFile

from fmnist.data.photos import prepare
from fmnist.errors import UserError


@pytest.fixture(scope="module")
def item(raw_sample):
    """A real image whose item reaches from the top row to the bottom row."""
    images = raw_sample.train.images
    bright = images > 13
    full = bright[:, 0].any(axis=1) & bright[:, -1].any(axis=1)
    dark_sides = ~bright[:, :, :2].any(axis=(1, 2)) & ~bright[:, :, -2:].any(axis=(1, 2))
    left = bright.any(axis=1).argmax(axis=1)
    right = bright[:, :, ::-1].any(axis=1).argmax(axis=1)
    return images[full & dark_sides & ((left - right == 0) | (left - right == 1))][0]


def enlarged(item, times=8, margin=40):
    """The item on black, as a photograph-sized grey array."""
    large = np.kron(item, np.ones((times, times), np.uint8))
    return np.pad(large, ((margin, margin // 2), (margin // 2, margin)))


def save(tmp_path, array, name="x.png", mode=None, **options):
    path = tmp_path / name
    picture = array if isinstance(array, Image.Image) else Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


def likeness(prepared, item):
    assert prepared.pixels.shape == (28, 28)
    assert prepared.pixels.dtype == np.uint8
    return np.corrcoef(prepared.pixels.ravel(), item.ravel())[0, 1]


def test_28_by_28_is_used_as_it_is(item, tmp_path):
    prepared = prepare(save(tmp_path, item))
    assert (prepared.pixels == item).all()
    assert not prepared.inverted
    assert prepared.steps == ("used as it is",)


def test_28_by_28_on_white_is_only_inverted(item, tmp_path):
    prepared = prepare(save(tmp_path, 255 - item))
    assert (prepared.pixels == item).all()
    assert prepared.inverted
    assert prepared.steps == ("inverted (the item is darker than its background)",)


@pytest.mark.parametrize("light", [False, True])
def test_a_large_picture_comes_back_as_the_item(item, tmp_path, light):
    large = enlarged(item)
    prepared = prepare(save(tmp_path, 255 - large if light else large))
    assert prepared.inverted is light
    assert likeness(prepared, item) > 0.95
    assert any(step.startswith("trimmed") for step in prepared.steps)


@pytest.mark.parametrize("light", [False, True])
def test_a_grey_background_becomes_black(item, tmp_path, light):
    faded = (30 + enlarged(item) * (225 / 255)).astype(np.uint8)
    prepared = prepare(save(tmp_path, 255 - faded if light else faded))
    assert likeness(prepared, item) > 0.95
    assert np.median(prepared.pixels[:, 0]) == 0


@pytest.mark.parametrize(("ground", "item_level"), [(100, 40), (120, 220), (140, 60), (150, 250)])
def test_a_background_of_middle_grey(tmp_path, ground, item_level):
    picture = np.full((90, 90), ground, np.uint8)
    picture[20:70, 35:55] = item_level
    prepared = prepare(save(tmp_path, picture))
    assert prepared.inverted is (item_level < ground)
    assert prepared.pixels[14, 14] > 90
    assert prepared.pixels[14, 0] == 0


def test_the_data_set_itself_is_left_alone(raw_sample, tmp_path):
    for image in raw_sample.train.images[:100]:
        assert (prepare(save(tmp_path, image)).pixels == image).all()


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("x.png", "RGB"),
        ("x.png", "P"),
        ("x.jpg", "L"),
        ("x.jpg", "CMYK"),
        ("x.gif", "P"),
        ("x.tif", "CMYK"),
        ("x.bmp", "RGB"),
        ("x.webp", "RGB"),
    ],
)
def test_formats_and_modes(item, tmp_path, name, mode):
    prepared = prepare(save(tmp_path, 255 - enlarged(item), name, mode))
    assert prepared.inverted
    assert likeness(prepared, item) > 0.93


def test_black_and_white(tmp_path):
    square = np.zeros((60, 60), bool)
    square[10:50, 20:40] = True
    prepared = prepare(save(tmp_path, square))
    assert prepared.pixels[14, 14] == 255
    assert prepared.pixels[14, 0] == 0


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits(item, tmp_path, suffix):
    levels = enlarged(item).astype(np.uint16) * 257
    assert likeness(prepare(save(tmp_path, levels, f"x.{suffix}")), item) > 0.95


@pytest.mark.parametrize("highest", [1, 255, 65535, 1e6])
def test_floating_point(item, tmp_path, highest):
    levels = (enlarged(item) / item.max() * highest).astype(np.float32)
    levels[0, 0] = np.nan
    prepared = prepare(save(tmp_path, levels, "x.tif"))
    assert likeness(prepared, item) > 0.95
    assert prepared.steps[0] == "1 pixels that are no numbers taken as black"
    assert prepared.steps[1] == f"levels from 0 to {highest:g} scaled to 0 to 255"


def test_floats_from_minus_1_to_1(item, tmp_path):
    levels = (enlarged(item) / 127.5 - 1).astype(np.float32)
    prepared = prepare(save(tmp_path, levels, "x.tif"))
    assert likeness(prepared, item) > 0.95
    assert prepared.steps[0] == "levels from -1 to 1 scaled to 0 to 255"


def test_twelve_bits_in_a_file_of_sixteen(item, tmp_path):
    prepared = prepare(save(tmp_path, enlarged(item).astype(np.uint16) * 16))
    assert likeness(prepared, item) > 0.95
    assert prepared.pixels.max() > 200
    assert prepared.steps[0] == "levels from 0 to 4095 scaled to 0 to 255"


@pytest.mark.parametrize(("level", "ground"), [(250, "black"), (20, "white")])
def test_transparency_is_laid_on_what_shows_the_item(tmp_path, level, ground):
    picture = np.zeros((80, 80, 4), np.uint8)
    picture[20:60, 30:50] = (level, level, level, 255)
    prepared = prepare(save(tmp_path, picture))
    assert f"transparency laid on {ground}" in prepared.steps
    assert prepared.pixels[14, 14] > 200
    assert prepared.pixels[14, 0] == 0


def test_a_palette_with_a_transparent_colour(tmp_path):
    picture = Image.new("P", (60, 60), 0)
    picture.putpalette([255, 0, 255, 10, 10, 10])
    picture.paste(1, (20, 10, 40, 50))
    prepared = prepare(save(tmp_path, picture, "x.gif", transparency=0))
    assert "transparency laid on white" in prepared.steps
    assert prepared.pixels[14, 14] > 200
    assert prepared.pixels[14, 0] == 0


def test_a_camera_held_sideways(item, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    sideways = np.rot90(enlarged(item))
    prepared = prepare(save(tmp_path, sideways, "x.jpg", exif=exif))
    assert prepared.steps[0] == "turned upright"
    assert likeness(prepared, item) > 0.95


def test_the_first_frame_of_an_animation(item, tmp_path):
    first, second = (Image.fromarray(enlarged(item)), Image.fromarray(255 - enlarged(item)))
    path = save(tmp_path, first, "x.gif", save_all=True, append_images=[second])
    assert likeness(prepare(path), item) > 0.95


@pytest.mark.parametrize(("height", "width"), [(300, 60), (60, 300), (400, 2)])
def test_the_longest_edge_becomes_28(tmp_path, height, width):
    picture = np.zeros((500, 500), np.uint8)
    picture[50 : 50 + height, 50 : 50 + width] = 200
    pixels = prepare(save(tmp_path, picture)).pixels > 100
    rows, columns = pixels.any(axis=1).sum(), pixels.any(axis=0).sum()
    longest = max(height, width)
    assert rows == max(1, round(28 * height / longest))
    assert columns == max(1, round(28 * width / longest))


def test_an_item_that_fills_the_picture(tmp_path):
    picture = np.kron(
        np.tile(np.uint8([[20, 150], [240, 90]]), (3, 3)), np.ones((20, 20), np.uint8)
    )
    prepared = prepare(save(tmp_path, picture))
    assert prepared.pixels.max() > 0
    assert "the ground is grainy" in " ".join(prepared.steps)


def photographed(item, change):
    """The item on white paper, with what ``change(picture, random)`` makes of the picture."""
    picture = 235 * (1 - 0.9 / 255 * enlarged(item, margin=60).astype(float))
    changed = change(picture, np.random.default_rng(0))
    return changed.clip(0, 255).astype(np.uint8)


def specks(picture, random):
    for row, column in random.integers(0, 240, (25, 2)):
        picture[row : row + 3, column : column + 3] = 20
    return picture


def corner(picture, random):
    picture[0, 0] = 0
    return picture


def frame(picture, random):
    picture[:2] = picture[-2:] = 0
    picture[:, :2] = picture[:, -2:] = 0
    return picture


def shade(picture, random):
    return picture * np.linspace(1, 0.7, picture.shape[1])


def grain(picture, random):
    return picture + random.normal(0, 6, picture.shape)


@pytest.mark.parametrize("change", [specks, corner, frame, shade, grain])
def test_specks_edges_and_uneven_light_are_not_the_item(item, tmp_path, change):
    clean = prepare(save(tmp_path, photographed(item, lambda picture, _: picture)))
    prepared = prepare(save(tmp_path, photographed(item, change)))
    assert prepared.inverted
    assert likeness(prepared, clean.pixels) > 0.95


def test_a_grainy_ground_is_told(item, tmp_path):
    noisy = photographed(item, lambda picture, random: random.normal(picture, 25))
    assert "the ground is grainy" in " ".join(prepare(save(tmp_path, noisy)).steps)


def test_an_even_change_of_light_shows_no_item(tmp_path):
    ramp = np.tile(np.arange(100, dtype=np.uint8), (100, 1))
    with pytest.raises(UserError, match="or of an even change of light"):
        prepare(save(tmp_path, ramp))


# Errors


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"none\.png: no such file"):
        prepare(tmp_path / "none.png")


def test_a_folder(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        prepare(tmp_path)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 not a picture"])
def test_not_a_picture(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(UserError, match="not a picture"):
        prepare(tmp_path / "x.png")


@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
def test_truncated(item, tmp_path, name, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    path = save(tmp_path, enlarged(item), name)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(UserError, match="cannot be read"):
        prepare(path)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


@pytest.mark.parametrize("level", [0, 120, 255])
@pytest.mark.parametrize("size", [(28, 28), (50, 40), (1, 1)])
def test_blank(tmp_path, level, size):
    path = save(tmp_path, Image.new("L", size, level))
    with pytest.raises(UserError, match=rf"blank: every pixel is within 13 .* of {level}"):
        prepare(path)


def test_all_transparent(tmp_path):
    with pytest.raises(UserError, match="blank"):
        prepare(save(tmp_path, Image.new("RGBA", (40, 40), (9, 9, 9, 0))))


@pytest.mark.filterwarnings("ignore")  # as anybody may have set it
@pytest.mark.parametrize("limit", [1_500, 3_000])
def test_absurdly_large(tmp_path, monkeypatch, limit):
    path = save(tmp_path, Image.new("L", (80, 50)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(UserError, match="million pixels; make it smaller"):
        prepare(path)
