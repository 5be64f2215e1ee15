"""The folder of sources of a report: what stands in it and under which names."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from datetime import datetime
from html import escape
from pathlib import Path

from fmnist.errors import UserError
from fmnist.report.output.interactive import for_paper
from fmnist.report.output.pdf import print_document
from fmnist.report.output.templating import data_uri
from fmnist.report.pages import font_faces
from fmnist.report.sources.blocks import Grid, Picture, plain, read
from fmnist.report.sources.latex import latex, tabular
from fmnist.report.sources.markdown import markdown
from fmnist.report.sources.pictures import size_of, svg_of
from search.atomic import write_bytes

NAME = "report"
READ_AS = "markdown-implicit_figures-fancy_lists-smart-raw_tex-superscript-subscript"
"""Pandoc's own Markdown: of GitHub's it does not take the widths of columns."""
PROGRAMS = {"pandoc": "pandoc", "rsvg-convert": "librsvg2-bin"}
"""What a Word document takes, the second for its figures, and Debian's package of it."""


class SourcesError(UserError):
    """Sources that cannot be written; the message says what to do."""


def write_sources(page: Path, created: datetime, folder: Path) -> str | None:
    """Write ``report.md``, ``report.tex``, all figures and tables, and with pandoc ``report.docx``.

    Args:
        page: the finished HTML, which holds everything.
        created: date of the report; the same page gives the same bytes, whenever it is.
        folder: made if need be.

    Returns:
        Why there is no Word document; None where there is.

    Raises:
        SourcesError: pandoc failed.
    """
    blocks = read(for_paper(page.read_text(encoding="utf-8")))
    fonts, widths = font_faces(), {}
    for block in blocks:
        if isinstance(block, Picture):
            widths[block.name] = _write_picture(block, fonts, created, folder)
        elif isinstance(block, Grid):
            _write_table(block, folder)
    _write(folder / f"{NAME}.tex", latex(blocks, widths))
    _write(folder / f"{NAME}.md", markdown(blocks))
    return _write_docx(folder, created)


def _write(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))


def _write_picture(picture: Picture, fonts: str, created: datetime, folder: Path) -> int:
    """Write a figure as SVG and PDF; returns its width in CSS pixels."""
    svg = svg_of(picture)
    width, height = size_of(svg)
    page = (
        f'<!DOCTYPE html><html lang="en"><head><title>{escape(picture.name)}</title></head><body>'
        f'<img src="{data_uri("image/svg+xml", svg.encode("utf-8"))}" alt="{escape(picture.alt)}">'
        "</body></html>"
    )
    size = f"width: {width}px; height: {height}px"
    style = (
        f"{fonts} @page {{ size: {width}px {height}px; margin: 0 }} body {{ margin: 0 }} "
        f"img {{ display: block; {size}; image-rendering: pixelated }}"
    )
    _write(folder / f"{picture.name}.svg", svg)
    write_bytes(folder / f"{picture.name}.pdf", print_document(page, style, created).pdf)
    return width


def _write_table(grid: Grid, folder: Path) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(grid.rows)
    _write(folder / f"{grid.name}.csv", text.getvalue())
    note = f"% {plain(grid.caption) or grid.name}; needs booktabs, longtable and array\n"
    _write(folder / f"{grid.name}.tex", note + tabular(grid) + "\n")


def _write_docx(folder: Path, created: datetime) -> str | None:
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        packages = " ".join(PROGRAMS[name] for name in missing)
        return (
            f"{NAME}.docx was not written: {' and '.join(missing)} not found (Debian and Ubuntu: "
            f"apt install {packages})"
        )
    command = ["pandoc", f"--from={READ_AS}", f"--output={NAME}.docx", f"{NAME}.md"]
    stamp = {"SOURCE_DATE_EPOCH": str(int(created.timestamp()))}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="replace",
        stdin=subprocess.DEVNULL, env=os.environ | stamp,
    )  # fmt: skip
    if done.returncode:
        raise SourcesError(f"pandoc could not make {NAME}.docx: {done.stderr.strip()[-500:]}")
    return None
