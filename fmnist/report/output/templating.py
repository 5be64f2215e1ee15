"""The Jinja environment of the report: our templates, or those of a folder in their place.

The folder may be a stranger's: its templates run in Jinja's sandbox, so they can neither reach
Python nor any file, and are read from inside the folder only. What they can do is waste time.
"""

from __future__ import annotations

import base64
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fmnist.errors import UserError
from fmnist.report import text

LARGEST_FILE = 1_000_000
SUFFIXES = (".j2", ".css", ".js")


class ReportTemplateError(UserError):
    """A template that cannot be used; the message names it and the line."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which no path can be opened either."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not isinstance(obj, PurePath) and super().is_safe_attribute(obj, attr, value)


class _Folder(FileSystemLoader):
    """The files of one folder; links that lead out of it are refused."""

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        folder = Path(self.searchpath[0]).resolve()
        path = folder / template
        if path.exists():
            _check_file(folder, path)
        return super().get_source(environment, template)


def environment_for(templates: Path | None) -> Environment:
    """The environment with our templates, and those in ``templates`` in front of them."""
    loaders: list[BaseLoader] = [PackageLoader("report_templates", package_path="")]
    if templates is not None:
        loaders.insert(0, _Folder(templates))
    environment = _Sandbox(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "percent": text.percent,
        "interval": text.interval,
        "points": text.points,
        "point_span": text.point_span,
        "score": text.score,
        "loss": text.loss,
        "value": text.value,
        "count": text.count,
        "counted": text.counted,
        "duration": text.duration,
        "listing": text.listing,
        "field": text.title_case,
        "sentence": text.sentence,
        "svg_uri": lambda svg: data_uri("image/svg+xml", svg.encode("utf-8")),
        "png_uri": lambda png: data_uri("image/png", png),
    }
    return environment


def data_uri(kind: str, data: bytes) -> str:
    """Bytes as a ``data:`` address."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def source(environment: Environment, name: str) -> str:
    """The text of a style sheet or template."""
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def check_templates(folder: Path) -> None:
    """Read all templates of a folder, so that a broken one is found before a night begins.

    Raises:
        ReportTemplateError: no template in it, or one that is too large or no valid Jinja.
    """
    environment = environment_for(folder)
    names = sorted(p.name for p in folder.iterdir() if p.name.endswith(SUFFIXES))
    if not names:
        raise ReportTemplateError(
            f"{folder}: has no template (a file such as section_summary.html.j2 or pdf.css)"
        )
    with named_errors():
        for name in names:
            if name.endswith(".j2"):
                environment.get_template(name)
            else:
                source(environment, name)


@contextmanager
def named_errors() -> Iterator[None]:
    """Have every error in a template name it and the line.

    Raises:
        ReportTemplateError: instead of what went wrong inside a template.
    """
    try:
        yield
    except UserError:
        raise
    except TemplateSyntaxError as error:
        raise ReportTemplateError(
            f"template {error.name}, line {error.lineno}: {error.message}"
        ) from error
    except TemplateNotFound as error:
        raise ReportTemplateError(f"template {error.name}: not found") from error
    except Exception as error:
        place = _place(error)
        if place is None:
            raise
        name, line = place
        what = str(error) or type(error).__name__
        raise ReportTemplateError(f"template {name}, line {line}: {what}") from error


def _place(error: Exception) -> tuple[str, int] | None:
    """The innermost line of a template that led to the error, where one did directly."""
    frames = traceback.extract_tb(error.__traceback__)
    found = [(Path(f.filename).name, f.lineno or 0) for f in frames if f.filename.endswith(".j2")]
    return found[-1] if found else None


def _check_file(folder: Path, path: Path) -> None:
    if not path.resolve().is_relative_to(folder):
        raise ReportTemplateError(f"{path}: is a link that leads out of the template folder")
    if not path.is_file() or path.stat().st_size > LARGEST_FILE:
        raise ReportTemplateError(f"{path}: is no file of at most {LARGEST_FILE:,} bytes")
