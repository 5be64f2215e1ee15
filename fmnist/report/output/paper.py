"""A page as it is printed: without what only a screen can show, and with text in its figures."""

from __future__ import annotations

import base64
import re
from html import unescape

from fmnist.report.output.interactive import for_paper

SVG = "data:image/svg+xml;base64,"
WEIGHTS = {"Regular": 400, "SemiBold": 600}
_DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)
_LABEL = re.compile(
    r'<!-- (?P<text>[^\n]*) -->\n<g (?:style="(?P<style>[^"]*)" )?'
    r'transform="(?P<place>translate\([^)]*\)(?: rotate\([^)]*\))?) '
    r'scale\((?P<scale>[\d.]+) -(?P=scale)\)">\n(?P<defs><defs>(?:(?!</defs>).)*</defs>\n)?'
    r'(?P<letters>(?:<use xlink:href="#ReportSans-(?P<weight>Regular|SemiBold)-\w+"'
    r'(?: transform="translate\([^)]*\)")?/>\n)+)</g>',
    re.DOTALL,
)


def printed(html: str) -> str:
    """The page for paper.

    In a figure for a screen every letter is a shape, since no font of ours reaches it there. On
    paper its labels are set as text: they are found, and are printed in a fraction of the time.
    """
    html = _DETAILS.sub("", for_paper(html))
    return re.sub(f'{re.escape(SVG)}([^"]*)', lambda found: SVG + _recoded(found[1]), html)


def _recoded(svg: str) -> str:
    return base64.b64encode(with_text(base64.b64decode(svg).decode()).encode()).decode()


def with_text(svg: str) -> str:
    """The plot with its labels as text; letters of another font than the report's stay shapes."""
    return _LABEL.sub(_label, svg)


def _label(found: re.Match[str]) -> str:
    letters, scale = found["letters"].splitlines(), float(found["scale"])
    if "- -" in found["text"]:  # a comment cannot hold two dashes, so it may say something else
        return found[0]
    starts = (re.search(r"translate\(([-\d.]+)", letter) for letter in letters)
    places = [float(start[1]) * scale if start else 0.0 for start in starts]
    if len(places) != len(unescape(found["text"])):  # one shape may stand for two letters
        places = places[:1]
    across = " ".join(f"{place:.2f}" for place in places)
    return (
        f'{found["defs"] or ""}<text xml:space="preserve" style="{found["style"] or ""}" '
        f'font-family="Report Sans" font-weight="{WEIGHTS[found["weight"]]}" '
        f'font-size="{100 * scale:g}" transform="{found["place"]}" x="{across}">'
        f"{found['text']}</text>"
    )
