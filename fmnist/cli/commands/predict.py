"""``fmnist predict``: probabilities of pictures from files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fmnist.cli import options
from fmnist.cli.group import command
from fmnist.errors import UserError


@command()
@options.FINISHED_RUN
@click.option("--top", type=options.POSITIVE, default=3, show_default=True, help="Classes shown.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a picture.")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
def predict(run_folder: Path, top: int, as_json: bool, images: tuple[Path, ...]) -> int:
    """Classify pictures with the model of a run.

    Any common picture format. Pictures of clothes or characters on a light background are inverted,
    cropped and resized to 28 by 28 pixels, as the data set was made; for a run on a folder of
    pictures they are made as those of the folder were.

    A picture that cannot be used is named and the others are answered; the exit status is then 3.

    Example: fmnist predict --run results/2026-11-21-7f3a boot.jpg
    """
    import numpy as np

    from fmnist.data.image_files import prepared_all
    from fmnist.data.photos import ImageError
    from fmnist.models import inference
    from fmnist.runs import artifacts, library_output
    from fmnist.runs.config_source import load_config
    from fmnist.runs.folder import Run

    run = Run.existing(run_folder)
    if not run.has(artifacts.MODEL):
        raise UserError(f"{run_folder}: the run has no {artifacts.MODEL} yet; let it finish first")
    data = run.read(artifacts.RUN).data
    pictures, broken = prepared_all(images, data.pictures)
    if not pictures:
        raise ImageError("\n".join(str(error) for error in broken))
    probabilities = inference.predict(
        inference.load_model(run / artifacts.MODEL),
        np.stack([p.pixels for _, p in pictures])[..., None],
        mirrored=load_config(run.path).test_time_flip,
    )
    for (path, picture), p in zip(pictures, probabilities, strict=True):
        ranked = [(data.class_names[i], float(p[i])) for i in np.argsort(-p)]
        if as_json:
            row = {"image": str(path), "steps": list(picture.steps), "probabilities": dict(ranked)}
            click.echo(json.dumps(row))
        else:
            best = ", ".join(f"{name} {100 * value:.1f} %" for name, value in ranked[:top])
            click.echo(f"{path}: {best}  ({', '.join(picture.steps)})")
    for error in broken:
        library_output.note(f"fmnist: {error}")
    return ImageError.exit_code if broken else 0
