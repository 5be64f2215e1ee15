"""``fmnist try``: the whole job on a small sample, to see at once what a run leaves behind."""

from __future__ import annotations

from typing import Any

import click

from fmnist.cli import options
from fmnist.cli.commands.run import run
from fmnist.cli.group import command, section

IMAGES = "2,500"
# Networks of one shape, which are compiled once; each learns in seconds.
_FIELDS = {
    "stages": 2, "filters_1": 8, "filters_2": 16, "filters_3": 16, "dense_units": 32,
    "convolutions": 1, "residual": False, "stem": 0, "head": "flatten", "batch_size": 32,
    "shift": 0,
}  # fmt: skip
_SIZES: dict[str, Any] = {
    "trials": 3, "trial_images": 1000, "trial_epochs": 2, "epochs": 5, "validation": 400,
    "jobs": 1, "experiments": "none",
}  # fmt: skip


@command("try")
@options.REPORT
@section("Output", *options.OUTPUT)
@click.pass_context
def try_command(context: click.Context, /, **given: Any) -> int:
    """Go through the whole job on 2,500 images: search, confirm, retrain, test, report, PDF.

    The images come with the program, so nothing is fetched and the test set of Fashion-MNIST stays
    closed. The network and the search are tiny: this shows what a run leaves behind, not how good
    a network can be.

    Example: fmnist try --open
    """
    from fmnist.data.sources import SAMPLE

    given["title"] = given["title"] or f"A trial on {IMAGES} images of Fashion-MNIST"
    fields = tuple(f"{name}={str(value).lower()}" for name, value in _FIELDS.items())
    code = context.invoke(run, data=SAMPLE, settings=fields, **_SIZES, **given)
    if not (given["quiet"] or given["as_json"]):
        click.echo("next           fmnist run --time 10m       # the same on all 70,000 images")
        click.echo("               fmnist run --until 07:00    # a night: the report by morning")
    return int(code)
