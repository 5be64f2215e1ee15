"""Blocks as a LaTeX document that a plain TeX Live sets; its pictures are the PDFs beside it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from fmnist.report.sources.blocks import (
    Block,
    Code,
    Grid,
    Heading,
    Items,
    Paragraph,
    Picture,
    Spans,
)

HEAD = r"""\documentclass[10pt,a4paper]{article}
\usepackage[utf8]{inputenc}
\IfFileExists{lmodern.sty}{\usepackage[T1]{fontenc}\usepackage{lmodern}}{}
\usepackage{textcomp,amsmath,graphicx,booktabs,longtable,array}
\usepackage[margin=22mm]{geometry}
\usepackage[hidelinks]{hyperref}
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt}
\setlength{\tabcolsep}{4pt}
\emergencystretch=3em
\begin{document}
"""
COMMANDS = {"bold": "textbf", "italic": "emph", "code": "texttt"}
HEADINGS = {2: "section*", 3: "subsection*"}
SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    **{sign: "\\" + sign for sign in "&%$#_{}"},
    "\u202f": r"\,", "\u00a0": "~", "–": "--", "—": "---", "’": "'", "‘": "`", "“": "``",
    "”": "''", "…": r"\dots{}",
}  # fmt: skip
MATH = {
    "×": r"\times", "✗": r"\times", "−": "-", "≤": r"\leq", "≥": r"\geq", "≈": r"\approx",
    "→": r"\rightarrow", "<": "<", ">": ">", "|": "|", "∈": r"\in", "√": r"\surd", "∑": r"\sum",
    "·": r"\cdot", "±": r"\pm", "∞": r"\infty",
}  # fmt: skip
LAST_IN_T1 = 0x17F
FULL_WIDTH = 624
"""CSS pixels of a picture as wide as the text."""
SIZES = (("footnotesize", 98), ("scriptsize", 120))
"""Type of a table, and how many letters of it a line holds."""


def latex(blocks: Iterable[Block], widths: dict[str, int]) -> str:
    """The document; ``widths`` are those of the pictures in CSS pixels."""
    return HEAD + "\n\n".join(_block(block, widths) for block in blocks) + "\n\\end{document}\n"


def _block(block: Block, widths: dict[str, int]) -> str:
    match block:
        case Heading(1, text):
            return rf"{{\LARGE\bfseries {_spans(text)}\par}}"
        case Heading(level, text):
            return rf"\{HEADINGS.get(level, 'paragraph*')}{{{_spans(text)}}}"
        case Paragraph(text):
            return _spans(text)
        case Items(items, ordered):
            kind = "enumerate" if ordered else "itemize"
            lines = "\n".join(rf"\item {{}}{_spans(item)}" for item in items)
            return f"\\begin{{{kind}}}\n{lines}\n\\end{{{kind}}}" if items else ""
        case Code(text):
            lines = r"\\".join(rf"\strut {escape(line)}" for line in text.splitlines())
            return rf"{{\ttfamily\footnotesize\raggedright {lines}\par}}"
        case Picture(name, _, caption):
            return _picture(name, caption, widths.get(name, FULL_WIDTH))
        case Grid():
            return tabular(block) if block.caption else ""


def _picture(name: str, caption: Spans, width: int) -> str:
    share = min(1.0, width / FULL_WIDTH)
    image = rf"\includegraphics[width={share:.3f}\linewidth]{{{name}.pdf}}"
    below = rf"\par\smallskip {{\small {_spans(caption)}\par}}" if caption else ""
    return (
        "\\begin{center}\\begin{minipage}{\\linewidth}\\centering\n"
        f"{image}{below}\n\\end{{minipage}}\\end{{center}}"
    )


def tabular(grid: Grid) -> str:
    """The table with booktabs, its caption above it; broken over pages where it has to be."""
    head, *rows = [" & ".join(escape(cell) for cell in row) + r" \\" for row in grid.rows]
    size, columns = _columns(grid)
    lines = [rf"{{\{size}", rf"\begin{{longtable}}[l]{{@{{}}{columns}@{{}}}}"]
    if grid.caption:
        box = rf"\parbox{{\linewidth}}{{\small {_spans(grid.caption)}\smallskip}}"
        across = rf"\multicolumn{{{len(grid.rows[0])}}}{{@{{}}l@{{}}}}"  # and makes no column wider
        lines.append(rf"{across}{{\makebox[0pt][l]{{{box}}}}} \\")
    lines += [r"\toprule", head, r"\midrule", r"\endfirsthead", r"\toprule", head, r"\midrule"]
    return "\n".join([*lines, r"\endhead", *rows, r"\bottomrule", r"\end{longtable}}"])


def _columns(grid: Grid) -> tuple[str, str]:
    """Size of type and kinds of columns: long texts are wrapped where a line does not hold them."""
    longest = [max(len(cell) for cell in column) + 2 for column in zip(*grid.rows, strict=True)]
    kinds = ["r" if k in grid.numeric else "l" for k in range(len(longest))]
    for size, letters in SIZES:
        if sum(longest) <= letters:
            return size, "".join(kinds)
    size, letters = SIZES[-1]
    even = letters / len(longest)
    room = letters - sum(n for n in longest if n <= even)
    wide = sum(n for n in longest if n > even)
    for k, n in enumerate(longest):
        if n > even:
            share = 0.97 * n * room / wide / letters
            side = r"\raggedleft" if kinds[k] == "r" else r"\raggedright"
            kinds[k] = rf">{{{side}\arraybackslash}}p{{{share:.3f}\linewidth}}"
    return size, "".join(kinds)


def _spans(spans: Spans) -> str:
    return "".join(_span(*span) for span in spans)


def _span(kind: str, text: str) -> str:
    if kind.startswith("link "):
        target = re.sub(r"([%#&\\{}])", r"\\\1", kind.removeprefix("link "))
        return rf"\href{{{target}}}{{{escape(text)}}}"
    command = COMMANDS.get(kind)
    return rf"\{command}{{{escape(text)}}}" if command else escape(text)


def escape(text: str) -> str:
    """Text as LaTeX; a letter that its usual fonts lack by its code point."""
    return "".join(map(_letter, text))


def _letter(letter: str) -> str:
    if letter in SPECIAL:
        return SPECIAL[letter]
    if mathematical := _mathematical(letter):
        return rf"\ensuremath{{{mathematical}}}"
    if unicodedata.category(letter) in ("Cf", "Cc"):
        return ""
    return letter if ord(letter) <= LAST_IN_T1 else f"[U+{ord(letter):04X}]"


def _mathematical(letter: str) -> str | None:
    """A sign, a letter above or below the line, or a Greek one in mathematics; else None."""
    how, _, parts = unicodedata.decomposition(letter).partition(" ")
    if how in ("<sub>", "<super>"):
        letters = (chr(int(part, 16)) for part in parts.split())
        base = "".join(MATH.get(part, part) for part in letters)
        return f"{'_' if how == '<sub>' else '^'}{{{base}}}"
    greek = re.fullmatch("GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)", unicodedata.name(letter, ""))
    if greek:
        word = greek[2].lower().replace("lamda", "lambda")
        return "\\" + (word.capitalize() if greek[1] == "CAPITAL" else word)
    return MATH.get(letter)
