"""One look for all plots: the bundled font, one palette, vector output that repeats exactly."""

from __future__ import annotations

import functools
import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from fmnist.report import glyphs
from fmnist.report.figures import tooltips

# Okabe and Ito (2008): told apart by every common form of colour vision.
BLUE, VERMILLION, GREEN, SKY = "#0072B2", "#D55E00", "#009E73", "#56B4E9"
INK, MUTED, RULE, PALE = "#1c2530", "#5a6672", "#d5dbe1", "#eef2f5"
WIDTH = 6.5
"""Inches; the text width of the printed page, so that plot text keeps its size."""

TRAINING = {"color": BLUE, "marker": "o", "linestyle": "-"}
VALIDATION = {"color": VERMILLION, "marker": "s", "linestyle": "--"}
TEST = {"color": GREEN, "marker": "^", "linestyle": "-."}

_RC: dict[str, Any] = {
    "font.family": ["Report Sans", "DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": 600,
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.8,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.color": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "fmnist-report",
    "mathtext.fontset": "stix",
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
}


@dataclass(frozen=True)
class Figure:
    """A vector plot.

    Attributes:
        svg: a whole SVG document without outside references.
        alt: what the plot shows, for who cannot see it.
        caption: one or two sentences below it.
        table: the numbers behind it, head row first.
    """

    svg: str
    alt: str
    caption: str
    table: list[list[str]] | None = None

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        return self.svg

    @property
    def width(self) -> int:
        """Width in CSS pixels."""
        return _pixels(self.svg, "width")

    @property
    def height(self) -> int:
        """Height in CSS pixels."""
        return _pixels(self.svg, "height")


@dataclass(frozen=True)
class Mosaic:
    """A picture made of pixels, drawn enlarged without smoothing.

    ``width`` and ``height`` are CSS pixels.
    """

    png: bytes
    width: int
    height: int
    alt: str
    caption: str
    table: list[list[str]] | None = None


@dataclass(frozen=True)
class Tile:
    """One small image of a gallery with the lines below it; ``mark`` says how it is marked."""

    png: bytes
    alt: str
    lines: tuple[str, ...]
    mark: str = ""


@contextmanager
def drawing(letters: str = "") -> Iterator[None]:
    """The look of the report while plots are made; leaves matplotlib's settings alone.

    Args:
        letters: that plots may hold; those that our fonts lack come from this machine's.
    """
    _register_fonts()
    families = [*_RC["font.family"], *map(_registered, glyphs.further_fonts(letters))]
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC | {"font.family": families})
        # A text in a script that no font covers still gives a report.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        log.setLevel(logging.ERROR)  # the fallback font has no semibold, which is no news
        try:
            yield
        finally:
            log.setLevel(level)


@functools.cache
def _register_fonts() -> None:
    for font in sorted(resources.files("report_templates").joinpath("fonts").iterdir(), key=str):
        if font.name.endswith(".ttf"):
            with resources.as_file(font) as path:
                font_manager.fontManager.addfont(path)


@functools.cache
def _registered(path: Path) -> str:
    """The family of a font of this machine, which matplotlib then knows."""
    font_manager.fontManager.addfont(path)
    return font_manager.get_font(path).family_name


def canvas(height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Canvas, Any]:
    """A figure of the report's width and ``height`` inches, and its axes."""
    figure = Canvas(figsize=(options.pop("width", WIDTH), height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def legend_above(ax: Axes, columns: int = 3) -> None:
    """A legend without a frame over the upper left corner of the axes."""
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=columns, borderaxespad=0.2,
        handlelength=2.4, columnspacing=1.6,
    )  # fmt: skip


def to_svg(figure: Canvas, **options: Any) -> str:
    """The figure as an SVG document with its values, byte for byte the same each time."""
    buffer = io.BytesIO()
    _arrange(figure)
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, **options)
    text = buffer.getvalue().decode("utf-8")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!DOCTYPE.*?>", "", text, flags=re.DOTALL)
    text = re.sub(r"\n\s+", "\n", text)
    return text.replace("</svg>", tooltips.metadata(figure) + "</svg>")


def _arrange(figure: Canvas) -> None:
    """Lay the figure out, once: ``savefig`` would draw all of it for that, and then again."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def _pixels(svg: str, side: str) -> int:
    match = re.search(rf'<svg[^>]*\b{side}="([\d.]+)pt"', svg)
    if match is None:
        raise ValueError(f"SVG without {side} in points: {svg[:80]!r}")
    return round(float(match[1]) * 96 / 72)
