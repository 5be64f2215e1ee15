"""What the commands that train share: their options, the run folder, the job and its display."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist.cli.display import make_display
from fmnist.cli.display.summary import pdf_rows
from fmnist.cli.settings import options_from_config
from fmnist.text import hidden

if TYPE_CHECKING:
    from fmnist.config.config import Config
    from fmnist.pipeline.job import Job
    from fmnist.pipeline.request import Request
    from fmnist.report.render import Rendered
    from fmnist.runs.folder import Run

STARTED = time.monotonic()
"""When the program began, by the monotonic clock: ``--time`` counts from there."""


@dataclass(frozen=True, kw_only=True)
class DocumentOptions:
    """The options of a report, by the names of their parameters."""

    title: str = ""
    author: str = ""
    course: str = ""
    dated: str = ""
    template: Path | None = None
    questions: Path | str | None = None
    max_pages: int | None = None
    max_words: int | None = None
    cover: bool | None = None

    @property
    def question_folder(self) -> Path | None:
        """The folder of question files, where one was given."""
        return self.questions if isinstance(self.questions, Path) else None

    def document(self) -> dict[str, Any]:
        """What was given of that which ``run.toml`` keeps."""
        place = self.questions if isinstance(self.questions, str) else None
        texts = {"title": self.title, "author": self.author, "course": self.course}
        limits = {"max_pages": self.max_pages, "max_words": self.max_words, "questions": place}
        given = {**texts, "date": self.dated, **limits}
        cover = {} if self.cover is None else {"cover": self.cover}
        return {name: value for name, value in given.items() if value} | cover

    def check(self) -> None:
        """Refuse a broken template or question now, not in the morning.

        Raises:
            UserError: one is broken.
        """
        if self.template is not None:
            from fmnist.report.output.templating import check_templates

            check_templates(self.template)
        if self.question_folder is not None:
            from fmnist.report.concepts import load_concepts

            load_concepts(self.question_folder)


@dataclass(frozen=True)
class JobOptions(DocumentOptions):
    """The options that every job takes, by the names of their parameters."""

    results: Path
    name: str | None
    data: Path | None
    quiet: bool
    as_json: bool
    class_names: str | None = None
    tensorboard: bool = False
    mlflow: str | None = None

    def find_run(self, request: Request, *, fresh: bool = False) -> Run:
        """Find the run of that name, or one of the same request that is not finished.

        Args:
            fresh: make a new one rather than the latter.
        """
        from fmnist.runs.folder import Run, new_name, unfinished

        waiting = None if self.name or fresh else unfinished(self.results, request.to_dict())
        return waiting or Run.named(self.results, self.name or new_name())

    def make_job(self, run: Run, request: Request, base: Config) -> Job:
        """Make the job with all that these options say; what else it needs is added to it.

        Raises:
            UserError: MLflow is not installed, or its store cannot be opened.
        """
        from fmnist.integrations.tracking import open_trackers
        from fmnist.pipeline.clock import JobClock
        from fmnist.pipeline.job import Job
        from fmnist.pipeline.request import ReportOptions

        display = make_display(quiet=self.quiet, as_json=self.as_json)
        now = datetime.now()  # the report must not change when rendered later
        return Job(
            run=run,
            request=request,
            base=base,
            display=display,
            trackers=open_trackers(
                display.message, tensorboard=self.tensorboard, mlflow=self.mlflow
            ),
            class_names=split_names(self.class_names),
            report=ReportOptions(
                document={"date": f"{now.day} {now:%B %Y}", **self.document()},
                templates=self.template,
                questions=self.question_folder,
                command=_command_line(),
            ),
            clock=JobClock(STARTED),
        )


def execute(job: Job) -> int:
    """Run the job with its display; returns the exit code."""
    job.display.start_job(
        job.run.path, job.budget.total, job.request.trials, remaining=job.budget.remaining
    )
    try:
        return job.execute()
    finally:
        job.display.close()


def split_names(text: str | None) -> tuple[str, ...] | None:
    """Split ``--class-names`` at its commas."""
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())


def absolute(path: Path | None) -> str | None:
    """The path as a request holds it: the same from whatever folder the command is called."""
    return str(path.resolve()) if path else None


def print_rendered(rendered: Rendered, what: str = "report", *, quiet: bool = False) -> int:
    """Say where the files of a report are, or why one is missing; returns the exit code."""
    if not quiet:
        click.echo(f"{f'HTML {what}':<14} {rendered.html}")
        for label, said in pdf_rows(rendered, what):
            click.echo(f"{label:<14} {said}")
    if rendered.pdf is None:
        return 5
    return 2 if rendered.handin and rendered.handin.excess else 0


def _command_line() -> str:
    """What was typed, with what files and variables gave besides; no secret of an address."""
    context = click.get_current_context(silent=True)
    more = options_from_config(context) if context else []
    return shlex.join(["fmnist", *(hidden(word) for word in sys.argv[1:]), *more])
