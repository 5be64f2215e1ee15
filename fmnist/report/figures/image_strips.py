"""Small pictures in rows: confused images, doubtful labels, pairs of images, heat over an image."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from fmnist.report import text
from fmnist.report.figures.image_grids import clothing
from fmnist.report.figures.style import Figure, Tile, canvas, to_svg
from fmnist.runs.records.data_quality import DuplicatePair, Explained, GradCam, Pictures, Suspect
from fmnist.runs.records.metrics import Predictions
from fmnist.runs.records.new_data import Photo

HEAT = "YlOrRd"
_ENLARGED = 4
_STRONGEST = 0.75
"""How much of the colour covers the image where the map is largest."""
_COLOURS = 96
_LONGEST_NAME = 40


@dataclass(frozen=True)
class View:
    """One picture of a strip: PNG, what it shows, and what stands above it.

    ``photo`` is drawn smoothly and in its own proportions.
    """

    png: bytes
    alt: str
    head: str
    photo: bool = False


@dataclass(frozen=True)
class Strip:
    """Some pictures side by side that belong together, with the lines below them."""

    views: tuple[View, ...]
    lines: tuple[str, ...]


def _chance(p: float) -> str:
    """A probability in whole per cent; none is ever quite 0 or 1."""
    if p >= 0.995:
        return f"> 99{text.THIN}%"
    return text.percent(p, digits=0) if p >= 0.005 else f"< 1{text.THIN}%"


def confused_tile(
    predictions: Predictions, index: int, image: NDArray[np.uint8], names: Sequence[str]
) -> Tile:
    """A confused test image with the probabilities of the predicted and of the true class."""
    true, said = int(predictions.test_labels[index]), int(predictions.predicted[index])
    p = predictions.test_probabilities[index]
    found, real = (_chance(float(p[k])) for k in (said, true))
    return Tile(
        clothing(image),
        f"Test image {index}: predicted {names[said]} at {found}, true class {names[true]} at "
        f"{real}",
        (f"{names[said]} {found}", f"{names[true]} {real}"),
    )


def suspect_tile(
    suspect: Suspect, image: NDArray[np.uint8], names: Sequence[str], split: str
) -> Tile:
    """An image whose label is doubted: index, given label, what the network says."""
    given, said = names[suspect.given], names[suspect.suggested]
    own, other = _chance(suspect.p_given), _chance(suspect.p_suggested)
    return Tile(
        clothing(image),
        f"{split} image {suspect.index}: labelled {given}, to which the network gives {own}; it "
        f"says {said} at {other}",
        (f"{suspect.index}: {given} {own}", f"network: {said} {other}"),
    )


def duplicate_strip(
    pair: DuplicatePair, images: tuple[NDArray[np.uint8], NDArray[np.uint8]], names: Sequence[str]
) -> Strip:
    """A test image beside its near-duplicate among the training images."""
    label, other = names[pair.test_label], names[pair.train_label]
    turned = ", mirrored" if pair.mirrored else ""
    distance = "identical" if pair.rms == 0 else f"{pair.rms:.1f} levels apart"
    test, train = images
    return Strip(
        (
            View(clothing(test), f"Test image {pair.test}, class {label}", "test"),
            View(
                clothing(train),
                f"Training image {pair.train}, class {other}, {distance}{turned}",
                "training",
            ),
        ),
        (
            f"{pair.test} and {pair.train}",
            label if label == other else f"{label}, but {other}",
            f"{distance}{turned}",
        ),
    )


def photo_strip(photo: Photo, names: Sequence[str]) -> Strip:
    """A picture of the user's own beside what the network sees, with what it says."""
    assert photo.original is not None
    assert photo.pixels is not None
    said, true = names[photo.predicted], names[photo.label]
    prepared = np.frombuffer(photo.pixels, np.uint8).reshape(28, 28)
    verdict = "right" if photo.right else f"wrong: is {true}, {_chance(photo.p_label)}"
    name = _shortened(photo.file)
    return Strip(
        (
            View(photo.original, f"{name}, as it was", "picture", photo=True),
            View(clothing(prepared), f"{name}, prepared: {', '.join(photo.steps)}", "prepared"),
        ),
        (f"{said}, {_chance(photo.p_predicted)}", verdict, name),
    )


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"


def heat_strips(
    cam: GradCam, pictures: Pictures, predictions: Predictions, names: Sequence[str]
) -> tuple[list[Strip], list[Strip]]:
    """Right and wrong predictions, each with the maps of its classes; what is missing is left out.

    A wrong one has a map for the predicted class and one for the true class.
    """
    right: list[Strip] = []
    wrong: list[Strip] = []
    for place, explained in enumerate(cam.images):
        image = predictions.image(explained.index)
        if image is None or place >= min(len(pictures.cam_predicted), len(pictures.cam_true)):
            continue
        maps = pictures.cam_predicted[place], pictures.cam_true[place]
        strip = _heat_strip(explained, image, maps, names)
        (right if explained.true == explained.predicted else wrong).append(strip)
    return right, wrong


def _heat_strip(
    explained: Explained,
    image: NDArray[np.uint8],
    maps: tuple[NDArray[np.float32], NDArray[np.float32]],
    names: Sequence[str],
) -> Strip:
    said, true = names[explained.predicted], names[explained.true]
    views = [View(clothing(image), f"Test image {explained.index}, class {true}", "image")]
    asked = 1 if explained.true == explained.predicted else 2
    for name, found in tuple(zip((said, true), maps, strict=True))[:asked]:
        alt = f"Evidence for {name} in test image {explained.index}: {_strongest(found)}"
        views.append(View(overlay(image, found), alt, f"for {name}"))
    return Strip(tuple(views), _said(explained, said, true))


def _said(explained: Explained, said: str, true: str) -> tuple[str, ...]:
    found, real = _chance(explained.p_predicted), _chance(explained.p_true)
    if explained.true == explained.predicted:
        return (f"Test image {explained.index}: {said}, {found}",)
    return (f"Test image {explained.index}: predicted {said}, {found}; is {true}, {real}",)


def _strongest(heat: NDArray[np.float32]) -> str:
    """Where a map is largest, in words."""
    if not heat.max() > 0:
        return "none anywhere"
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    down = ("top", "middle", "bottom")[min(2, 3 * int(row) // heat.shape[0])]
    along = ("left", "centre", "right")[min(2, 3 * int(column) // heat.shape[1])]
    return f"strongest at the {down} {along}"


def overlay(image: NDArray[np.uint8], heat: NDArray[np.float32]) -> bytes:
    """A map [h, w], zero or above, as colour over an image uint8 [H, W], both enlarged; PNG.

    The map is enlarged smoothly, as in the paper; its largest value has the full colour.
    """
    size = (image.shape[1] * _ENLARGED, image.shape[0] * _ENLARGED)
    grey = np.asarray(Image.fromarray(255 - image).resize(size, Image.Resampling.NEAREST))
    top = float(heat.max())
    share = heat / top if top > 0 else np.zeros_like(heat)
    smooth = Image.fromarray(share.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    strength = np.clip(np.asarray(smooth), 0, 1)[..., None]
    colour = 255 * colormaps[HEAT](strength[..., 0])[..., :3]
    cover = _STRONGEST * strength
    mixed = (1 - cover) * grey[..., None] + cover * colour
    picture = Image.fromarray(mixed.round().astype(np.uint8))
    buffer = io.BytesIO()
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def heat_legend() -> Figure:
    """The colours of ``overlay`` from no evidence to the most."""
    figure, ax = canvas(0.42, width=3.2)
    steps = np.linspace(0, 1, 65)
    centres = (steps[1:] + steps[:-1]) / 2
    cover = _STRONGEST * centres[:, None]
    colours = (1 - cover) + cover * colormaps[HEAT](centres)[:, :3]
    ax.bar(centres, 1, width=1 / 64 + 0.002, color=colours, linewidth=0)
    ax.set(xlim=(0, 1), ylim=(0, 1), yticks=[], xticks=[0, 0.5, 1])
    ax.set_xticklabels(["no evidence", "half of it", "most evidence"])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return Figure(
        to_svg(figure),
        "Colour scale from white, no evidence, over yellow and orange to dark red, the most "
        "evidence in that picture",
        "",
    )
