"""Small data sets of other kinds, made of the real images of the sample."""

import gzip

import numpy as np
from PIL import Image

from fmnist.data.formats import idx

HALVES = ("train", "test")


def save_pictures(folder, images, labels, names, suffix=".png"):
    """``folder/<class>/<number>.png`` of images [N, 28, 28]."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:03d}{suffix}")
    return folder


def some(part, classes, each):
    """``each`` images of the first ``classes`` labels, and these labels."""
    chosen = np.concatenate([np.flatnonzero(part.labels == k)[:each] for k in range(classes)])
    return part.images[chosen], part.labels[chosen]


def save_halves(folder, raw, names, each=(6, 3)):
    """``folder/train/<class>/…`` and ``folder/test/<class>/…``."""
    for half, part, n in zip(HALVES, (raw.train, raw.test), each, strict=True):
        save_pictures(folder / half, *some(part, len(names), n), names)
    return folder


def save_emnist(folder, split, raw, first=0, ending=".gz"):
    """The four IDX files of an EMNIST split, stored as EMNIST is: transposed."""
    pack = gzip.compress if ending else bytes
    for half, part in zip(HALVES, (raw.train, raw.test), strict=True):
        stem = folder / f"emnist-{split}-{half}"
        images = np.ascontiguousarray(part.images.transpose(0, 2, 1))
        for kind, content in (
            ("images-idx3", idx.encode_images(images)),
            ("labels-idx1", idx.encode_labels(part.labels + first)),
        ):
            stem.with_name(f"{stem.name}-{kind}-ubyte{ending}").write_bytes(pack(content))
    return folder


def save_kuzushiji(folder, prefix, raw):
    """The four NPZ files of KMNIST or Kuzushiji-49."""
    for half, part in zip(HALVES, (raw.train, raw.test), strict=True):
        np.savez(folder / f"{prefix}-{half}-imgs.npz", part.images)
        np.savez(folder / f"{prefix}-{half}-labels.npz", part.labels.astype(np.uint8))
    return folder
