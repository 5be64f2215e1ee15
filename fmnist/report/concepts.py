"""The concept questions: Markdown files with a TOML head, in the order of their names."""

from __future__ import annotations

import base64
import html
import re
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
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
from fmnist.runs.codec import convert
from search.atomic import write_bytes

FENCE = "+++"
FOLDER = "questions"
"""In a run's folder: its own question files, in place of ours."""
SUFFIX = ".md"
LARGEST_FILE, MOST_FILES = 200_000, 100
LONGEST_FORMULA = 1000
LINKS = ("http://", "https://", "mailto:", "#")
"""What a link of an answer may begin with: a report leads to no file."""
SHORT, LONG = "## Short answer", "## Long answer"
"""Headings of the two forms of an answer; both or none."""
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
    """One question, its answer as HTML, and the key of its evidence (may be empty).

    ``short`` is what stands under ``SHORT``, empty where the file has no such heading; ``long`` the
    rest. ``file`` is the name of its file, ``written`` all that stands in it.
    """

    slug: str
    question: str
    long: Markup
    evidence: str
    sources: tuple[str, ...]
    file: str = ""
    written: str = ""
    short: Markup = field(default_factory=Markup)


def load_concepts(folder: Path | None = None) -> list[Concept]:
    """Read all ``*.md`` files of a folder, or of the package.

    Raises:
        ConceptError: a file that breaks a rule, or a folder without a question.
    """
    place: Traversable = folder or resources.files("report_templates").joinpath("concepts")
    if folder is not None:
        _check_folder(folder)
    files = sorted((f for f in place.iterdir() if _is_question(f)), key=lambda f: f.name)
    concepts = [_concept(file.name, _text(file)) for file in files]
    slugs = [c.slug for c in concepts]
    for file, slug in zip(files, slugs, strict=True):
        if slugs.count(slug) > 1:
            raise ConceptError(f"{file.name}: another file differs from it in case or spaces only")
    return concepts


def keep_questions(source: Path, target: Path) -> None:
    """Copy the question files of a folder, in place of those that ``target`` holds.

    Raises:
        ConceptError: a file that breaks a rule; nothing is copied then.
    """
    concepts = load_concepts(source)
    if source.resolve() == target.resolve():
        return
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for concept in concepts:
        write_bytes(target / concept.file, concept.written.encode("utf-8"))


def _check_folder(folder: Path) -> None:
    """Links may not lead out of the folder: its files are printed, and it may be a stranger's."""
    files = [f for f in folder.iterdir() if _is_question(f)] if folder.is_dir() else []
    if not files:
        raise ConceptError(f"{folder}: expected a folder of question files ({SUFFIX}), found none")
    if len(files) > MOST_FILES:
        raise ConceptError(f"{folder}: {len(files)} question files; at most {MOST_FILES} are taken")
    inside = folder.resolve()
    for file in files:
        if not file.resolve().is_relative_to(inside):
            raise ConceptError(f"{file.name}: is a link that leads out of {folder}")
        if not file.is_file() or file.stat().st_size > LARGEST_FILE:
            raise ConceptError(f"{file.name}: is no file of at most {LARGEST_FILE:,} bytes")


def _is_question(file: Traversable) -> bool:
    return file.name.endswith(SUFFIX) and not file.name.startswith((".", "README"))


def _text(file: Traversable) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConceptError(f"{file.name}: cannot be read as text: {error}") from None


def _concept(name: str, content: str) -> Concept:
    head, body = _split(name, content)
    if head.evidence and head.evidence not in EVIDENCE:
        raise ConceptError(
            f"{name}: evidence must be one of {', '.join(EVIDENCE)}, found {head.evidence!r}"
        )
    slug = "question-" + re.sub(r"[^\w-]+", "-", name.removesuffix(SUFFIX).lower())
    short, long = (Markup(_rendered(name, part)) for part in forms(name, body))
    return Concept(slug, head.question, long, head.evidence, head.sources, name, content, short)


def forms(name: str, body: str) -> tuple[str, str]:
    """The short and the long answer in the body of a file; without headings all of it is long.

    Raises:
        ConceptError: one of the two headings alone, or in another order.
    """
    lines = body.splitlines()
    places = [lines.index(heading) if heading in lines else -1 for heading in (SHORT, LONG)]
    if places == [-1, -1]:
        return "", body
    first, second = places
    if not 0 <= first < second:
        raise ConceptError(f"{name}: expected {SHORT!r} and then {LONG!r}, or neither of them")
    short, long = lines[first + 1 : second], lines[second + 1 :]
    return "\n".join([*lines[:first], *short]) + "\n", "\n".join(long) + "\n"


def _rendered(name: str, body: str) -> str:
    parser = _markdown(name)
    try:
        tokens = parser.parse(body)
        for token in (inner for t in tokens for inner in t.children or ()):
            target = str(token.attrGet("href") or "#")
            if not target.startswith(LINKS):
                raise ConceptError(
                    f"{name}: the link {target!r} must begin with one of {', '.join(LINKS)}"
                )
        return str(parser.renderer.render(tokens, parser.options, {}))
    except RecursionError:
        raise ConceptError(f"{name}: is nested too deeply") from None


def _split(name: str, content: str) -> tuple[Head, str]:
    parts = content.lstrip("\ufeff\n").split(FENCE, 2)
    if len(parts) != 3 or parts[0].strip():
        raise ConceptError(f"{name}: expected a TOML head between two lines {FENCE}")
    try:
        data = tomllib.loads(parts[1])
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConceptError(f"{name}: the head is not valid TOML: {error}") from None
    return convert(Head, data, name), parts[2]


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
    if len(source) > LONGEST_FORMULA:
        raise ConceptError(f"{name}: a formula may have {LONGEST_FORMULA} signs, not more")
    try:
        svg, width = formula(source)
    except (ValueError, RecursionError) as error:
        raise ConceptError(f"{name}: formula {source!r}: {error}") from None
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<p class="formula"><img src="data:image/svg+xml;base64,{data}" '
        f'alt="{html.escape(spoken)}" style="width:{width:.2f}em"></p>\n'
    )
