"""``newdata.json`` for the recorded run, and folders of pictures, made of real images."""

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from fmnist.analysis.new_data import judge
from fmnist.runs.artifacts import METRICS, NEW_DATA
from fmnist.runs.folder import Run
from fmnist.runs.records.new_data import Photo

STEPS = ("RGB converted to grey", "trimmed to 419 x 211", "resized to 28 x 14 and centred")
PROBLEM = "Coat/x9.heic: its ending is of no picture format that Pillow reads"


def photos(cells, image=None):
    """Pictures of the given cells, ``(label, predicted, how many)``, in their order."""
    drawn = np.eye(28, dtype=np.uint8) * 255 if image is None else image
    buffer = io.BytesIO()
    Image.fromarray(drawn).convert("RGB").resize((84, 63)).save(buffer, "PNG")
    flat = [(label, said) for label, said, n in cells for _ in range(n)]
    return [
        Photo(f"class{label}/IMG{k:03}.jpg", label, said, 0.8125 if label == said else 0.1875,
              0.8125, STEPS, buffer.getvalue(), drawn.tobytes())
        for k, (label, said) in enumerate(flat)
    ]  # fmt: skip


def add_new_data(run, cells=((0, 0, 9), (0, 6, 3), (2, 2, 4), (9, 9, 2)), **changes):
    """Give a copy of the recorded run pictures of its author's; returns their record."""
    pictures = photos(cells)
    found = judge(pictures, Run(run).read(METRICS).test, folder="photos")
    found = replace(found, photos=tuple(pictures), left_out=(PROBLEM,), **changes)
    Run(run).write(NEW_DATA, found)
    return found


def save_photo(path, image, side=420, **options):
    """An image of the data set as a photograph: large, in colour, dark on a light ground."""
    large = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))
    cover = large[..., None] / 255
    scene = np.full((side + 120, side + 60, 3), (232.0, 226.0, 214.0))
    place = scene[60:-60, 30:-30]
    place[:] = (1 - cover) * place + cover * (70, 40, 20)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene.astype(np.uint8)).save(path, **options)
    return path
