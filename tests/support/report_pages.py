"""Reports made for tests, and read back.

A PDF takes two thirds of the time of a report, its plots most of the rest: tests of words do
without both.
"""

import io
import re
import subprocess
from contextlib import contextmanager, nullcontext
from html.parser import HTMLParser
from unittest import mock

import numpy as np
from PIL import Image

from fmnist.report.figures import style
from fmnist.report.figures.style import Canvas
from fmnist.report.output.paper import printed
from fmnist.report.output.pdf import Printed
from fmnist.report.render import render_report

SIDE, FOOT = 17, 15
"""Millimetres of the margins of a hand-in: left and right, above and below."""


def render_html(run, **options):
    """``report.html`` of a run; the PDF beside it is none."""
    with without_pdf():
        return render_report(run, **options).html


def render_words(run, **options):
    """The same with empty plots, read back."""
    with without_plots():
        return Elements(render_html(run, **options).read_text(encoding="utf-8"))


def on_paper(run, **options):
    """Hand-in and appendix as they would be printed, with empty plots, read back."""
    with without_plots(), without_pdf() as (laid_out, second):
        render_report(run, **options)
    pages = laid_out.call_args[0][0], second.begin.call_args[0][0]
    return [Elements(printed(page)) for page in pages]


def render_handin(run):
    """The hand-in with empty plots of the right size; the appendix beside it is none."""
    second = mock.Mock(**{"result.return_value": Printed(b"%PDF-", 1)})
    printing = mock.patch("fmnist.report.render.printer", return_value=nullcontext(second))
    with without_plots(), printing:
        return render_report(run).pdf


def filled(pdf, folder):
    """The share of each page down to the last ink between its margins, from its picture."""
    subprocess.run(["pdftoppm", "-r", "50.8", "-gray", pdf, folder / "page"], check=True)
    shares = []
    for picture in sorted(folder.glob("page-*.pgm")):
        ink = np.asarray(Image.open(picture)) < 128
        assert not ink[:, : 2 * SIDE - 2].any()
        assert not ink[:, 2 - 2 * SIDE :].any()
        rows = np.flatnonzero(ink[2 * FOOT : -2 * FOOT].any(axis=1))
        shares.append((rows[-1] + 1) / (len(ink) - 4 * FOOT))
    return shares


@contextmanager
def without_pdf():
    """Print nothing, here or in a second process; gives what stands for both."""
    second = mock.Mock(**{"result.return_value": Printed(b"%PDF-", 1)})
    with (
        mock.patch("fmnist.report.render._lay_out", return_value=Blank()) as laid_out,
        mock.patch("fmnist.report.render.printer", return_value=nullcontext(second)),
    ):
        yield laid_out, second


@contextmanager
def without_plots():
    """Draw nothing: every plot is an empty SVG of its size."""
    with mock.patch.object(Canvas, "savefig", _blank), mock.patch.object(style, "_arrange"):
        yield


def _blank(figure, buffer: io.BytesIO, **_):
    width, height = (72 * inches for inches in figure.get_size_inches())
    buffer.write(b'<svg xmlns="http://www.w3.org/2000/svg" width="%.1fpt" ' % width)
    buffer.write(b'height="%.1fpt" viewBox="0 0 %.1f %.1f"></svg>' % (height, width, height))


class Blank:
    """One page of nothing, in place of a document that was laid out."""

    pages, even = 1, True

    def places(self, anchors):
        """On which page each element stands."""
        return dict.fromkeys(anchors, "p. 1")

    def write(self, *_):
        """What stands for a PDF."""
        return b"%PDF-"


class Elements(HTMLParser):
    """The source, all start tags with their attributes, and the text."""

    def __init__(self, source):
        super().__init__()
        self.source, self.tags, self.words = source, [], []
        self.feed(source)
        self.text = re.sub(r"[ \n]+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] not in ("style", "script"):
            self.words.append(data)
