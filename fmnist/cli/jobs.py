"""What the commands that train share: their options, the run folder, the job and its display."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist.cli.display import make_display
from fmnist.cli.display.summary import pdf_rows, rubric_text
from fmnist.cli.settings import options_from_config
from fmnist.runs import library_output
from fmnist.text import duration, hidden

if TYPE_CHECKING:
    from fmnist.config.config import Config
    from fmnist.pipeline.job import Job
    from fmnist.pipeline.request import Request
    from fmnist.report.render import Rendered
    from fmnist.runs.folder import Run

MLFLOW_VARIABLE = "MLFLOW_TRACKING_URI"
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
    text: Path | None = None
    rubric: Path | None = None
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
        """Refuse a broken template, question, rubric or text now, not in the morning.

        Raises:
            UserError: one is broken.
        """
        if self.template is not None:
            from fmnist.report.output.templating import check_templates

            check_templates(self.template)
        if self.question_folder is not None:
            from fmnist.report.concepts import load_concepts

            load_concepts(self.question_folder)
        own: tuple[str, ...] = ()
        if self.rubric is not None:
            from fmnist.report.handin.rubric import load_rubric

            own = load_rubric(self.rubric).own
        if self.text is not None:
            from fmnist.report.handin.author import load_words

            load_words(self.text, own)


@dataclass(frozen=True)
class JobOptions(DocumentOptions):
    """The options that every job takes, by the names of their parameters."""

    results: Path
    name: str | None
    quiet: bool
    as_json: bool
    data: Path | None = None
    open_report: bool = False
    class_names: str | None = None
    tensorboard: bool = False
    mlflow: str | None = None
    notify: tuple[str, ...] = ()

    @property
    def names(self) -> str | None:
        """``--class-names`` as a request holds them."""
        return ",".join(names) if (names := split_names(self.class_names)) else None

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
            UserError: a tracker cannot be opened; see ``open_trackers``.
        """
        from fmnist.integrations.tracking import open_trackers
        from fmnist.pipeline.clock import JobClock
        from fmnist.pipeline.job import Job
        from fmnist.pipeline.request import ReportOptions
        from fmnist.runs.artifacts import RUN

        display = make_display(quiet=self.quiet, as_json=self.as_json)
        return Job(
            run=run,
            request=request,
            base=base,
            display=display,
            trackers=open_trackers(
                display.message,
                tensorboard=self.tensorboard,
                mlflow=self.mlflow,
                notify=self.notify,
                # Neither a run that goes on nor a variable meant for all programs is refused.
                strict=not run.has(RUN) and self.mlflow != os.environ.get(MLFLOW_VARIABLE),
            ),
            class_names=split_names(self.class_names),
            report=ReportOptions(
                document=self.document(),
                templates=self.template,
                questions=self.question_folder,
                text=self.text,
                rubric=self.rubric,
                command=_command_line(),
            ),
            clock=JobClock(STARTED),
        )


def execute(job: Job, *, open_report: bool = False) -> int:
    """Run the job with its display, open its report if wanted; returns the exit code."""
    job.display.start_job(
        job.run.path, job.budget.total, job.request.trials, remaining=job.budget.remaining
    )
    try:
        code = job.execute()
    finally:
        job.display.close()
    if open_report and job.rendered:
        show_in_browser(job.rendered.html)
    return code


def show_in_browser(page: Path) -> None:
    """Open the page; where no browser can be started, say so."""
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        library_output.note(f"note: no browser could be started; the report is {page}")


def split_names(text: str | None) -> tuple[str, ...] | None:
    """Split ``--class-names`` at its commas; an empty name stays, to be refused."""
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(","))


def absolute(path: Path | None) -> str | None:
    """The path as a request holds it: the same from whatever folder the command is called."""
    return str(path.resolve()) if path else None


def print_rendering_time(run: Run) -> None:
    """Say how long the report of a run took at its end, to who makes it again."""
    from fmnist.runs.artifacts import STAGES

    stages = run.get(STAGES)
    took = [s.seconds for s in stages.stages if s.name == "report"] if stages else []
    if took:
        click.echo(f"rendering      (at the end of the run it took {duration(took[-1])})")


def print_rendered(rendered: Rendered, what: str = "report") -> int:
    """Say where the files of a report are, or why one is missing; returns the exit code."""
    click.echo(f"{f'HTML {what}':<14} {rendered.html}")
    for label, said in pdf_rows(rendered, what):
        click.echo(f"{label:<14} {said}")
    if rendered.rubric:
        click.echo(rubric_text(rendered.rubric))
    if rendered.pdf is None:
        return 5
    return 2 if rendered.handin and rendered.handin.excess else 0


def _command_line() -> str:
    """What was typed, with what files and variables gave besides; no secret of an address."""
    context = click.get_current_context(silent=True)
    more = options_from_config(context) if context else []
    words = ["fmnist", *map(hidden, _without_notify(sys.argv[1:])), *more]
    return shlex.join(words).encode("utf-8", "replace").decode()  # a path may be no UTF-8


def _without_notify(words: Sequence[str]) -> Iterator[str]:
    """The words of a command without ``--notify URL``, since the address may be a secret."""
    following = iter(words)
    for word in following:
        if word == "--notify":
            next(following, None)
        elif not word.startswith("--notify="):
            yield word
