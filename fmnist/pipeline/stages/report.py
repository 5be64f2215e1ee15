"""The last stage: the report, and the last words."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fmnist.runs.artifacts import METRICS, RUN, STAGES

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context


def report(job: Context) -> None:
    """Render HTML and PDF from the files of the run.

    A template or text of the user's that turns out broken must not cost the report: it is made
    without them then.
    """
    from fmnist.report.markdown import MarkdownError
    from fmnist.report.output.pdf import PrintingError
    from fmnist.report.output.templating import ReportTemplateError
    from fmnist.report.render import render_report

    try:
        job.rendered = render_report(job.run.path, templates=job.report.templates)
    except MarkdownError as error:  # a number that this run does not have
        if job.strict:
            raise
        job.display.message(
            f"{error}; the report is made without the author's words: mend them in "
            f"{job.run.path / 'text'} and run fmnist report {job.run.path}"
        )
        job.rendered = render_report(job.run.path, templates=job.report.templates, authored=False)
    except (ReportTemplateError, PrintingError) as error:
        if job.strict or job.report.templates is None:
            raise
        job.display.message(f"{error}; the report is made with our own templates")
        job.rendered = render_report(job.run.path)


def interim(job: Context) -> None:
    """Report on what there is; a run that was stopped must not fail over its report."""
    from fmnist.report.render import render_report

    if not (job.run.has(RUN) and job.run.has(STAGES)):
        return
    try:
        rendered = render_report(job.run.path, templates=job.report.templates, interim=True)
    except Exception as error:
        logging.getLogger("fmnist").exception("no interim report")
        job.display.message(f"no interim report: {error}")
        return
    job.display.message(f"interim report: {rendered.pdf or rendered.html}")


def finish(job: Context) -> int:
    """Print where everything lies; exit code 5 when there is no PDF."""
    metrics = job.run.read(METRICS)
    assert job.rendered is not None, "finish comes after report"
    job.display.result(job.run.path, metrics, job.rendered)
    return 0 if job.rendered.pdf else 5
