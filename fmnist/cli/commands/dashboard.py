"""``fmnist dashboard``: optuna-dashboard on the study of a run."""

from __future__ import annotations

from pathlib import Path

import click

from fmnist.cli import options
from fmnist.cli.group import command, section
from fmnist.cli.json_records import DashboardRecord, print_record


@command()
@options.RUN_FOLDER
@click.option(
    "--port",
    type=click.IntRange(min=0, max=65535),
    default=8080,
    show_default=True,
    help="Port on this machine; 0 takes a free one.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@options.JSON
@section("Study", *options.DATABASE)
def dashboard(
    run_folder: Path,
    port: int,
    no_browser: bool,
    as_json: bool,
    storage: str | None,
    storage_file: Path | None,
) -> int:
    """Open optuna-dashboard on the study of a run.

    Also while the run goes on; Ctrl-C ends it. It listens on this machine only and changes
    nothing: it shows a copy of the study, which is made anew as trials come in. A study that
    machines share is read from its database. Needs the extra 'dashboard'.

    Example: fmnist dashboard results/2026-11-21-7f3a
    """
    from fmnist.integrations.optuna_dashboard import serve
    from fmnist.integrations.postgresql import storage_of

    def tell(address: str) -> None:
        if as_json:
            print_record(DashboardRecord(address, str(run_folder)))
        else:
            click.echo(f"{address}  shows {run_folder}; Ctrl-C ends it")

    shared = storage_of(storage, storage_file)
    return serve(run_folder, port=port, browser=not no_browser, tell=tell, shared=shared)
