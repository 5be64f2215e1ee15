"""``fmnist predict`` and ``fmnist newdata``: pictures from files, by the network of a run."""

from __future__ import annotations

from pathlib import Path

import click

from fmnist.cli import options
from fmnist.cli.group import command
from fmnist.cli.jobs import print_rendered
from fmnist.cli.json_records import AnswerRecord, only_json, print_record
from fmnist.errors import UserError


@command()
@options.FINISHED_RUN
@click.option("--top", type=options.POSITIVE, default=3, show_default=True, help="Classes shown.")
@options.USE_ENSEMBLE
@options.JSON_LINES
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
def predict(
    run_folder: Path, top: int, ensemble: bool, as_json: bool, images: tuple[Path, ...]
) -> int:
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
    from fmnist.models.inference import predict_with
    from fmnist.runs import artifacts, library_output
    from fmnist.runs.folder import Run

    run = Run.existing(run_folder)
    if not run.has(artifacts.MODEL):
        raise UserError(f"{run_folder}: the run has no {artifacts.MODEL} yet; let it finish first")
    data = run.read(artifacts.RUN).data
    pictures, broken = prepared_all(images, data.pictures)
    if not pictures:
        raise ImageError("\n".join(str(error) for _, error in broken))
    pixels = np.stack([p.pixels for _, p in pictures])
    probabilities = predict_with(run, pixels, ensemble=ensemble)
    for (path, picture), p in zip(pictures, probabilities, strict=True):
        ranked = [(data.class_names[i], float(p[i])) for i in np.argsort(-p)]
        if as_json:
            print_record(AnswerRecord(str(path), picture.steps, dict(ranked)))
        else:
            best = ", ".join(f"{name} {100 * value:.1f} %" for name, value in ranked[:top])
            click.echo(f"{path}: {best}  ({', '.join(picture.steps)})")
    for _, error in broken:
        library_output.note(f"fmnist: {error}")
    return ImageError.exit_code if broken else 0


@command()
@options.RUN_FOLDER
@click.argument("photos", metavar="PHOTOS", type=options.EXISTING_FOLDER)
@options.JSON
def newdata(run_folder: Path, photos: Path, as_json: bool) -> int:
    """Try the final network of a finished run on pictures of your own.

    PHOTOS holds a folder for each class, named after it (signs and capitals aside, t-shirt_top) or
    its label. Every picture is prepared as by `fmnist predict`. Accuracy is set beside that on
    the test images, with intervals, and the report is made again with a chapter "New data" that
    shows each picture as it was and as the network sees it. The pictures are no test set: nothing
    in the run changes by them. They are kept small, without metadata, in newdata.json.

    A picture that cannot be used is named and left out; the exit status is then 3.

    Example: fmnist newdata results/2026-11-21-7f3a photos/
    """
    from fmnist.analysis.new_data import classify_folder
    from fmnist.cli.display.new_data import new_data_text
    from fmnist.data.photos import ImageError
    from fmnist.report.render import render_report
    from fmnist.runs import artifacts, library_output
    from fmnist.runs.folder import Run, RunError

    run = Run.existing(run_folder)
    found = classify_folder(run, photos)
    if as_json:
        print_record(found.without_pictures())
    else:
        click.echo(new_data_text(found, run.read(artifacts.RUN).data.class_names) + "\n")
    for problem in found.left_out:
        library_output.note(f"fmnist: {problem}")
    try:
        run.write(artifacts.NEW_DATA, found)
    except OSError as error:
        why = f"cannot be written: {error.strerror}"
        raise RunError(f"{run / artifacts.NEW_DATA}: {why}") from None
    with only_json(as_json):
        code = print_rendered(render_report(run.path))
    return ImageError.exit_code if found.left_out else code
