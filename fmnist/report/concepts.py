"""The concept questions: Markdown files with a TOML head, in the order of their names."""

from __future__ import annotations

import base64
import html
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

from fmnist.errors import UserError
from fmnist.report.evidence import EVIDENCE
from fmnist.report.figures.formula import formula
from fmnist.report.parse import build

FENCE = "+++"
BODY_HEADING = "h4"
"""Headings in an answer stand below the question, an h3."""


class ConceptError(UserError):
    """A question file that breaks a rule; the message names the file."""


@dataclass(frozen=True)
class Head:
    """The TOML head of a question file."""

    question: str
    evidence: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Concept:
    """One question, its answer as HTML, and the key of its evidence (may be empty)."""

    slug: str
    question: str
    answer: Markup
    evidence: str
    sources: tuple[str, ...]


def load_concepts(folder: Path | None = None) -> list[Concept]:
    """Read all ``*.md`` files of a folder, or of the package.

    Raises:
        ConceptError: a file that breaks a rule, or an unreadable folder.
    """
    place: Traversable = folder or resources.files("report_templates").joinpath("concepts")
    if not place.is_dir():
        if folder is None:
            return []
        raise ConceptError(f"{folder}: expected a folder of question files, found none")
    files = sorted((f for f in place.iterdir() if f.name.endswith(".md")), key=lambda f: f.name)
    return [_concept(file.name, file.read_text(encoding="utf-8")) for file in files]


def _concept(name: str, content: str) -> Concept:
    head, body = _split(name, content)
    if head.evidence and head.evidence not in EVIDENCE:
        raise ConceptError(
            f"{name}: evidence must be one of {', '.join(EVIDENCE)}, found {head.evidence!r}"
        )
    slug = "question-" + name.removesuffix(".md").lower().replace(" ", "-")
    answer = Markup(_markdown(name).render(body))
    return Concept(slug, head.question, answer, head.evidence, head.sources)


def _split(name: str, content: str) -> tuple[Head, str]:
    parts = content.lstrip("\ufeff\n").split(FENCE, 2)
    if len(parts) != 3 or parts[0].strip():
        raise ConceptError(f"{name}: expected a TOML head between two lines {FENCE}")
    try:
        data = tomllib.loads(parts[1])
    except tomllib.TOMLDecodeError as error:
        raise ConceptError(f"{name}: the head is not valid TOML: {error}") from None
    return build(Head, data, name), parts[2]


def _markdown(name: str) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")

    def fence(
        renderer: RendererHTML, tokens: Sequence[Token], i: int, options: OptionsDict, env: EnvType
    ) -> str:
        word, _, spoken = tokens[i].info.strip().partition(" ")
        if word != "formula":
            return RendererHTML.fence(renderer, tokens, i, options, env)
        return _formula(name, tokens[i].content.strip(), spoken.strip())

    parser.add_render_rule("fence", fence)
    parser.core.ruler.push("headings", _lower_headings)
    return parser


def _lower_headings(state: Any) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = BODY_HEADING


def _formula(name: str, source: str, spoken: str) -> str:
    if not spoken:
        raise ConceptError(f"{name}: a formula needs its spoken text after ```formula")
    try:
        svg, width = formula(source)
    except ValueError as error:
        raise ConceptError(f"{name}: formula {source!r}: {error}") from None
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<p class="formula"><img src="data:image/svg+xml;base64,{data}" '
        f'alt="{html.escape(spoken)}" style="width:{width:.2f}em"></p>\n'
    )
