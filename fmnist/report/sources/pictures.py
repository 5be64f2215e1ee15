"""The figures of a report as files of their own: SVG and PDF, each small enough to send."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator
from functools import partial
from html import escape
from xml.etree.ElementTree import Element

from fmnist.report.sources.blocks import Picture

LARGEST = 100_000
"""Bytes of an SVG; above it the points of its curves are thinned."""
WIDTH = 624
SIDE, GAP, LINE, SIGN = 56, 6, 11, 5.2
"""Pixels: of a small image, between two, of a line of text, and of a letter."""
SVG = "data:image/svg+xml;base64,"


def svg_of(picture: Picture) -> str:
    """The whole figure, without its caption, as one SVG document."""
    images = list(picture.element.iter("img"))
    source = images[0].get("src", "") if len(images) == 1 else ""
    if source.startswith(SVG):
        return _slim(base64.b64decode(source.removeprefix(SVG)).decode("utf-8"))
    cells = list(picture.element.iter("li"))
    return _grid(cells, images) if cells else _alone(images[0])


def size_of(svg: str) -> tuple[int, int]:
    """Width and height in CSS pixels."""
    sides = [re.search(rf'<svg[^>]*\b{side}="([\d.]+)(pt)?"', svg) for side in ("width", "height")]
    width, height = (float(m[1]) * (96 / 72 if m[2] else 1) if m else WIDTH for m in sides)
    return max(1, round(width)), max(1, round(height))


def _slim(svg: str) -> str:
    """Without values for a screen, and with as many points of its curves as there is room for."""
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    svg = slim = re.sub(r"<g>\s*(<(?:path|use)\b[^>]*/>)\s*</g>", r"\1", svg)
    for apart in (0.0, 0.5, 1.0, 2.0, 4.0):
        slim = re.sub(r'\bd="[^"]*"', partial(_thinned, apart=apart), svg)
        if len(slim) <= LARGEST:
            break
    return slim


def _thinned(found: re.Match[str], apart: float) -> str:
    """To a hundredth of a point; of a line only points this far apart, to a tenth."""
    digits = 1 if apart else 2
    path = re.sub(r"-?\d+\.\d+", lambda m: f"{round(float(m[0]), digits):g}", found[0])
    if not apart or re.search('[^MLde0-9. \n="-]', path):
        return path
    words, kept, last = path.split("\n"), [], [0.0, 0.0]
    for k, word in enumerate(words):
        place = [float(side) for side in re.findall(r"-?\d[\d.e-]*", word)]
        ends = not word.startswith("L") or k >= len(words) - 2
        if ends or math.dist(place, last) >= apart:
            kept.append(word)
            last = place
    return "\n".join(kept)


def _alone(image: Element) -> str:
    width, height = (int(image.get(side) or WIDTH) for side in ("width", "height"))
    return _document(width, height, _image(image, 0, 0, width, height))


def _grid(cells: list[Element], images: list[Element]) -> str:
    """Cells of small images with lines of text below, in rows as wide as the text."""
    most = max(len(list(cell.iter("img"))) for cell in cells)
    longest = max(len(line) for cell in cells for line in _lines(cell))
    across = max(most * (SIDE + GAP), min(longest, 26) * SIGN)
    columns = max(1, int(WIDTH // across))
    width = WIDTH / columns
    height = SIDE + GAP + LINE * (1 + max(len(_lines(cell)) for cell in cells))
    parts = [
        part
        for k, cell in enumerate(cells)
        for part in _cell(cell, k % columns * width, k // columns * height, width)
    ]
    bottom = -(-len(cells) // columns) * height
    inside = {id(image) for cell in cells for image in cell.iter("img")}
    for legend in (image for image in images if id(image) not in inside):
        across, down = (int(legend.get(side) or WIDTH) for side in ("width", "height"))
        parts.append(_image(legend, 0, bottom, across, down))
        bottom += down
    return _document(WIDTH, bottom, "".join(parts))


def _cell(cell: Element, left: float, top: float, width: float) -> Iterator[str]:
    for k, image in enumerate(cell.iter("img")):
        yield _image(image, left + k * (SIDE + GAP), top + LINE, SIDE, SIDE)
    for k, view in enumerate(v for v in cell.iter("div") if v.get("class") == "view"):
        yield _words("".join(view.itertext()), left + k * (SIDE + GAP), top + LINE - 3, SIDE + GAP)
    for k, line in enumerate(_lines(cell)):
        yield _words(line, left, top + SIDE + LINE * (k + 2), width - GAP)


def _lines(cell: Element) -> list[str]:
    """The lines below the images of a cell."""
    found = ("".join(span.itertext()).strip() for span in cell.findall("span"))
    return [line for line in found if line] or [""]


def _words(text: str, x: float, y: float, room: float) -> str:
    size = min(9.0, room / max(1, len(text)) * 9 / SIGN)
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.2f}">{escape(text)}</text>'


def _image(image: Element, x: float, y: float, width: float, height: float) -> str:
    source = escape(image.get("src", ""))
    return (
        f'<image x="{x:.1f}" y="{y:.1f}" width="{width}" height="{height}" '
        f'style="image-rendering:pixelated" href="{source}"/>'
    )


def _document(width: float, height: float, inside: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Report Sans, Helvetica, sans-serif">'
        f"{inside}</svg>\n"
    )
