"""Markdown files that people wrote, as HTML: no HTML of their own, no images, no files opened."""

from __future__ import annotations

import base64
import html
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from fmnist.errors import UserError
from fmnist.report.figures.formula import formula
from fmnist.text import read_text
from search.atomic import write_bytes

FENCE = "+++"
SUFFIX = ".md"
LARGEST_FILE, MOST_FILES = 200_000, 100
LONGEST_FORMULA = 1000
LINKS = ("http://", "https://", "mailto:", "#")
"""What a link may begin with: a report leads to no file."""


class MarkdownError(UserError):
    """A file that breaks a rule; the message names the file."""


def check_files(folder: Path, files: Sequence[Path], what: str) -> None:
    """Refuse what is no small file inside ``folder``: it is printed, and may be a stranger's.

    Raises:
        MarkdownError: no file, too many, one that is too large or a link that leads out.
    """
    if not files:
        raise MarkdownError(f"{folder}: expected a folder of {what} files ({SUFFIX}), found none")
    if len(files) > MOST_FILES:
        raise MarkdownError(f"{folder}: {len(files)} {what} files; at most {MOST_FILES} are taken")
    inside = folder.resolve()
    for file in files:
        if not file.resolve().is_relative_to(inside):
            raise MarkdownError(f"{file.name}: is a link that leads out of {folder}")
        if not file.is_file() or file.stat().st_size > LARGEST_FILE:
            raise MarkdownError(f"{file.name}: is no file of at most {LARGEST_FILE:,} bytes")


def read(file: Traversable) -> str:
    """The text of a file.

    Raises:
        MarkdownError: it cannot be read, or is in an encoding that ``read_text`` does not know.
    """
    try:
        return read_text(file)
    except (OSError, UnicodeDecodeError) as error:
        raise MarkdownError(f"{file.name}: cannot be read as text: {error}") from None


def keep(files: Mapping[str, str], source: Path, target: Path) -> None:
    """Write the files of ``source`` into ``target``, in place of all that it holds."""
    if source.resolve() == target.resolve():
        return
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, content in files.items():
        write_bytes(target / name, content.encode("utf-8"))


def split_head(name: str, content: str) -> tuple[dict[str, Any], str] | None:
    """The TOML head between two lines ``FENCE`` and the rest; None where there is no head.

    Raises:
        MarkdownError: a head that is no TOML.
    """
    parts = content.lstrip("\ufeff\n").split(FENCE, 2)
    if len(parts) != 3 or parts[0].strip():
        return None
    try:
        return tomllib.loads(parts[1]), parts[2]
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MarkdownError(f"{name}: the head is not valid TOML: {error}") from None


def rendered(name: str, body: str, heading: str) -> str:
    """Markdown as HTML, all its headings as ``heading``, such as ``h4``.

    Raises:
        MarkdownError: a link to a file, a broken formula or too deep nesting.
    """
    parser = _parser(name, heading)
    try:
        tokens = parser.parse(body)
        for token in (inner for t in tokens for inner in t.children or ()):
            target = str(token.attrGet("href") or "#")
            if not target.startswith(LINKS):
                raise MarkdownError(
                    f"{name}: the link {target!r} must begin with one of {', '.join(LINKS)}"
                )
        return str(parser.renderer.render(tokens, parser.options, {}))
    except RecursionError:
        raise MarkdownError(f"{name}: is nested too deeply") from None


def _parser(name: str, heading: str) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")

    def fence(
        renderer: RendererHTML, tokens: Sequence[Token], i: int, options: OptionsDict, env: EnvType
    ) -> str:
        word, _, spoken = tokens[i].info.strip().partition(" ")
        if word != "formula":
            return RendererHTML.fence(renderer, tokens, i, options, env)
        return _formula(name, tokens[i].content.strip(), spoken.strip())

    def lower_headings(state: Any) -> None:
        for token in state.tokens:
            if token.type in ("heading_open", "heading_close"):
                token.tag = heading

    parser.add_render_rule("fence", fence)
    parser.core.ruler.push("headings", lower_headings)
    return parser


def _formula(name: str, source: str, spoken: str) -> str:
    if not spoken:
        raise MarkdownError(f"{name}: a formula needs its spoken text after ```formula")
    if len(source) > LONGEST_FORMULA:
        raise MarkdownError(f"{name}: a formula may have {LONGEST_FORMULA} signs, not more")
    try:
        svg, width = formula(source)
    except (ValueError, RecursionError) as error:
        raise MarkdownError(f"{name}: formula {source!r}: {error}") from None
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<p class="formula"><img src="data:image/svg+xml;base64,{data}" '
        f'alt="{html.escape(spoken)}" style="width:{width:.2f}em"></p>\n'
    )
