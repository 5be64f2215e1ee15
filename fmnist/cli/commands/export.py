"""``fmnist export``: the model of a run for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from fmnist.cli import options
from fmnist.cli.group import command
from fmnist.cli.json_records import print_record

FORMATS = ("keras", "onnx", "tflite", "saved-model")


@command()
@options.FINISHED_RUN
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default="keras",
    show_default=True,
    help="What is written.",
)
@click.option(
    "--to",
    type=options.FOLDER,
    help="Folder for it; export/FORMAT in the run's folder when left out.",
)
@options.USE_ENSEMBLE
@options.JSON
def export(run_folder: Path, kind: str, to: Path | None, ensemble: bool, as_json: bool) -> int:
    """Write the model of a run in a format that other programs read.

    Raw pixels go in, probabilities come out: normalisation and the mean over views of an image are
    inside. The file is kept only if it gives the original's predictions on the run's stored test
    images. Class names and the model card lie beside it.

    Example: fmnist export --run results/2026-11-21-7f3a --format onnx
    """
    from fmnist.cli.display.tables import facts
    from fmnist.integrations.model_export import export_run
    from fmnist.text import duration

    record = export_run(run_folder, kind, to, ensemble=ensemble)
    if as_json:
        print_record(record)
        return 0
    checked = f"{record.checked_images} test images: the same class for all, probabilities within"
    rows = [
        ("exported", record.path),
        ("checked", f"{checked} {record.max_difference:.1g}"),
        ("took", duration(record.seconds)),
    ]
    click.echo(facts(rows))
    return 0
