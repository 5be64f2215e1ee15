"""Display formulas as SVG paths."""

from __future__ import annotations

import re

from matplotlib.figure import Figure as Canvas

from fmnist.report.figures.style import INK, drawing, to_svg

SIZE = 12
"""Points; widths are given in units of it."""
ENLARGED = 1.25
"""Display formulas stand a little larger than the text around them."""


def formula(source: str) -> tuple[str, float]:
    """Draw one line of mathtext, without the dollar signs or with them.

    Returns:
        The SVG document and its width in em.

    Raises:
        ValueError: matplotlib cannot read the formula.
    """
    with drawing():
        canvas = Canvas(figsize=(0.01, 0.01))
        line = source.strip().strip("$")
        canvas.text(0, 0, f"${line}$", fontsize=SIZE, color=INK, parse_math=True)
        svg = to_svg(canvas, bbox_inches="tight", pad_inches=0.02, transparent=True)
    match = re.search(r'<svg[^>]*\bwidth="([\d.]+)pt"', svg)
    return svg, ENLARGED * float(match[1]) / SIZE if match else 20.0
