"""What the commands do that read: finished runs, recipes, this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist.errors import UserError
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run

if TYPE_CHECKING:
    from fmnist.report.render import Rendered


def predict_images(folder: Path, images: tuple[Path, ...], *, top: int, as_json: bool) -> int:
    """``fmnist predict``: probabilities of pictures from files."""
    import numpy as np

    from fmnist.data.image_files import prepared
    from fmnist.models.inference import load_model, predict

    run = Run.existing(folder)
    if not run.has("model.keras"):
        raise UserError(f"{folder}: the run has no model.keras yet; let it finish first")
    data = run.read_toml("run.toml")["data"]
    names = data["class_names"]
    pictures = [prepared(path, data.get("pictures", "trimmed")) for path in images]
    pixels = np.stack([p.pixels for p in pictures])[..., None]
    mirrored = load_config(run.path).test_time_flip
    probabilities = predict(load_model(run / "model.keras"), pixels, mirrored=mirrored)
    for path, picture, p in zip(images, pictures, probabilities, strict=True):
        ranked = [(names[i], float(p[i])) for i in np.argsort(-p)]
        if as_json:
            row = {"image": str(path), "steps": list(picture.steps), "probabilities": dict(ranked)}
            click.echo(json.dumps(row))
        else:
            shown = ", ".join(f"{name} {100 * value:.1f} %" for name, value in ranked[:top])
            click.echo(f"{path}: {shown}  ({', '.join(picture.steps)})")
    return 0


def render_again(
    folder: Path,
    document: dict[str, str],
    *,
    template: Path | None = None,
    questions: Path | None = None,
) -> int:
    """``fmnist report``: render from the files of the run; new cover texts are kept."""
    from fmnist.report.render import render_report

    run = Run.existing(folder)
    given = {k: v for k, v in document_of(document).items() if v}
    if given:
        record = run.read_toml("run.toml")
        record["document"] = {**record.get("document", {}), **given}
        run.write_toml("run.toml", record)
    finished = run.has("metrics.json") and run.has("evidence.json")
    rendered = render_report(
        run.path, templates=template, questions=questions, interim=not finished
    )
    if not finished:
        imported = "imported" in run.read_toml("run.toml")
        why = "its trials were read in" if imported else "the run is not finished"
        click.echo(f"interim report: {why}")
    return _told(rendered)


def compare_folders(
    folders: Sequence[Path], *, as_json: bool = False, output: Path | None = None
) -> int:
    """``fmnist compare``: tables on the screen, the record, a report of the comparison.

    They lie in ``output``, or in the folder of the first run, whose own report is made again too.
    """
    from fmnist.analysis import comparison as compare
    from fmnist.cli.display.comparison import shown
    from fmnist.report.comparison_report import render_comparison
    from fmnist.report.render import render_report

    comparison = compare.compare_runs(folders)
    if as_json:
        click.echo(json.dumps(comparison.to_json(), allow_nan=False))
    else:
        click.echo(shown(comparison, color=sys.stdout.isatty()) + "\n")
    compare.write(comparison, output or folders[0])
    code = 0
    if output is None:
        code = _told(render_report(folders[0]), quiet=as_json)
    rendered = render_comparison(folders, comparison, output or folders[0])
    return max(code, _told(rendered, quiet=as_json, what="comparison"))


def _told(rendered: Rendered, *, quiet: bool = False, what: str = "report") -> int:
    """Say where the report is; the exit code."""
    if not quiet:
        click.echo(f"{f'HTML {what}':<14} {rendered.html}")
        click.echo(f"{f'PDF {what}':<14} {rendered.pdf or rendered.problem}")
    return 0 if rendered.pdf else 5


def list_recipes() -> int:
    """``fmnist recipes``: a few lines each."""
    from fmnist.config import recipes

    for name in recipes.names():
        recipe = recipes.find(name)
        click.echo(f"{name}: {recipe.title}")
        click.echo(f"    published: {recipe.published}")
        click.echo(f"    source: {recipe.source}")
    return 0


def show_status(folder: Path, *, as_json: bool) -> int:
    """``fmnist status``: how far a run is, also while it goes on."""
    from fmnist.runs.status import run_status

    return run_status(folder, as_json)


def run_doctor(results: Path, data: Path | None) -> int:
    """``fmnist doctor``: one line a check; exit code 1 when one fails."""
    from fmnist.pipeline.doctor import check_all

    marks = {True: "ok  ", None: "warn", False: "FAIL"}
    checks = check_all(results, data)
    for check in checks:
        click.echo(f"{marks[check.ok]}  {check.name}: {check.found}")
        if check.ok is not True and check.remedy:
            click.echo(f"      -> {check.remedy}")
    return 1 if any(check.ok is False for check in checks) else 0


def document_of(options: dict[str, Any]) -> dict[str, str]:
    """The texts of the cover; empty where they are not given."""
    return {
        "title": options["title"],
        "author": options["author"],
        "course": options["course"],
        "date": options["dated"],
    }
