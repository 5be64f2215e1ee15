"""The first stage: the data set, its splits, and what was asked."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from fmnist.backends import environment
from fmnist.config.toml_text import dump_config
from fmnist.pipeline.flip_policy import flip_note
from fmnist.runs.artifacts import BEST_CONFIG, ENVIRONMENT, RUBRIC, RUN, SPACE
from fmnist.runs.folder import utc_now
from search.engines.samplers import STARTUP_TRIALS

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context


def prepare(job: Context) -> None:
    """Find and verify the data, split it, and note what was asked and where it runs."""
    here = environment.describe()  # refuses a backend that is not there
    # The children import the backend while the data are found and read.
    job.workers.warm(job.planner.jobs)
    data, splits = job.data, job.splits
    notes = [*data.notes, *filter(None, [flip_note(job)])]
    now = datetime.now()  # the report must not change when rendered later
    today = f"{now.day} {now:%B %Y}"
    counts = {
        "seed": job.request.seed,
        "train": len(splits.train),
        "validation": len(splits.validation),
        "test": data.test.n,
        "method": "stratified",
    }
    job.run.write_toml(
        RUN,
        {
            "schema": 1,
            "name": job.run.path.name,
            "created": utc_now(),
            "version": environment.version(),
            "command": job.report.command,
            "request": job.request.to_dict(),
            "document": {**job.report.document, "date": job.report.document.get("date") or today},
            "data": {
                "name": data.name,
                "source": data.source,
                "verified": data.verified,
                "digest": data.digest,
                "class_names": list(data.class_names),
                "published": data.published,
                "pictures": data.pictures,
                "mirrors": data.mirrors,
                "test": "split off" if data.test_split_off else "given",
                "notes": notes,
            },
            "splits": counts,
            "startup_trials": STARTUP_TRIALS,
            **({"recipe": job.recipe} if job.recipe else {}),
        },
    )
    if job.space is not None:
        job.run.write(SPACE, job.space)
    else:
        job.run.write_text(BEST_CONFIG, dump_config(job.base))
    keep_own_files(job)
    job.run.write(ENVIRONMENT, here)
    job.display.message(f"data: {data.name} from {data.source}" + _verified(data.published))
    for note in notes:
        job.display.message(f"note: {note}")


def keep_own_files(job: Context) -> None:
    """Have the run hold its own questions, rubric and texts: they may be gone at its end."""
    from fmnist.report import concepts
    from fmnist.report.handin import author, rubric

    if job.report.questions is not None:
        concepts.keep_questions(job.report.questions, job.run / concepts.FOLDER)
    if job.report.rubric is not None:
        rubric.keep_rubric(job.report.rubric, job.run.path)
    if job.report.text is not None:
        kept = job.run / RUBRIC.name
        own = rubric.load_rubric(kept).own if kept.is_file() else ()
        author.keep_words(job.report.text, job.run / author.FOLDER, own)


def _verified(published: str) -> str:
    return ", verified" if published else ", not a published set that is known here"
