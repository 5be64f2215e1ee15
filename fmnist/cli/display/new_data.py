"""The user's own pictures and what the network makes of them, for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from fmnist.report.narrative.new_data import summary
from fmnist.report.text import THIN
from fmnist.runs.records.new_data import NewData, Photo

WIDTH = 100


def new_data_text(found: NewData, names: Sequence[str]) -> str:
    """A line a picture, then the accuracy, what it is beside that of the test images, and means.

    Args:
        names: of the classes, by label.
    """
    said = " ".join(summary(found)).replace(THIN, " ")
    return "\n".join([*(_line(photo, names) for photo in found.photos), "", _wrapped(said)])


def _line(photo: Photo, names: Sequence[str]) -> str:
    said = f"{names[photo.predicted]} {100 * photo.p_predicted:.1f} %"
    true = f"wrong, {names[photo.label]} {100 * photo.p_label:.1f} %"
    return f"{photo.file}: {said}, {'right' if photo.right else true}"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
