"""Tables of what it takes to do the run again."""

from __future__ import annotations

from collections.abc import Sequence

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.narrative import training
from fmnist.report.output.attachments import QUESTION, Attachment
from fmnist.report.tables.base import Table
from fmnist.runs.records.reproduction import Reproduction

# What people may want to know of each file; others in the folder are not the run's.
FILES = {
    "run.toml": "what was asked, the data and the splits",
    "space.json": "the search space",
    "trials.jsonl": "every trial with its epochs, one a line",
    "epochs.jsonl": "every epoch of the trials the moment it was over",
    "study.db": "the Optuna study",
    "engine.json": "the KerasTuner study",
    "workers.json": "which machines trained the trials",
    "published.json": "where the final network was left for others",
    "plan.json": "the plan of the time and what became of it",
    "preflight.json": "what was checked before the run",
    "confirm_epochs.jsonl": "epochs of the runs on fresh seeds",
    "confirm.jsonl": "the runs on fresh seeds, one a line",
    "confirmation.json": "the winner and how it was chosen",
    "importance.json": "importance of the hyperparameters",
    "best_config.toml": "the configuration, ready for training again",
    "retrain_epochs.jsonl": "epochs of the final training the moment they were over",
    "retrain.jsonl": "the final training as a trial",
    "history.json": "the final training, epoch by epoch",
    "refit_epochs.jsonl": "epochs of the training on all images the moment they were over",
    "refit.jsonl": "the training on all images as a trial",
    "refit.json": "the training on training and validation images",
    "ensemble_epochs.jsonl": "epochs of the further networks the moment they were over",
    "ensemble.jsonl": "the training of the further networks, one a line",
    "ensemble.json": "the further networks of the ensemble, in the folder ensemble",
    "model.keras": "the trained network",
    "validated.keras": "the network before it learnt the validation images",
    "predictions.npz": "labels and probabilities of validation and test images",
    "metrics.json": "every number of the results",
    "evidence.json": "measurements behind the concept answers",
    "explain.npz": "kernels and feature maps",
    "gallery.json": "doubtful labels, near-duplicates and Grad-CAM, or why they were left out",
    "gallery.npz": "images and maps that belong to gallery.json",
    "experiments_plan.json": "how large the experiments were planned",
    "experiments_epochs.jsonl": "epochs of the experiments the moment they were over",
    "experiments.jsonl": "the trainings of the experiments, one a line",
    "experiments.npz": "what each of them answers to the validation images",
    "experiments.json": "what the experiments showed",
    "ledger.json": "which split was read, when and what for",
    "reproduction.json": "how this run agrees with the one that it repeats",
    "environment.json": "machine and package versions",
    "stages.json": "time of each stage",
    "run.log": "messages of the run",
    "children.log": "what the training processes printed",
}


_PRECISIONS = {
    "float32": "32-bit floating point",
    "mixed_bfloat16": "bfloat16 products, 32-bit weights; validated and tested in 32-bit",
}


def environment(facts: Facts) -> Table | None:
    """The machine."""
    e = facts.environment
    if e is None:
        return None
    rows = (
        ("Processor", f"{e.cpu}, {text.counted(e.cores, 'core')}"),
        ("Memory", text.memory(e.memory_bytes)),
        ("Computed on", f"{e.device} ({e.backend})"),
        ("Trained in", _PRECISIONS.get(e.precision, e.precision)),
        ("Operating system", e.platform),
        ("Python", e.python),
    )
    return Table("The machine", ("Part", "Value"), rows)


def packages(facts: Facts) -> Table | None:
    """Package versions."""
    if facts.environment is None or not facts.environment.packages:
        return None
    rows = tuple(sorted(facts.environment.packages.items(), key=lambda item: item[0].lower()))
    return Table("Package versions", ("Package", "Version"), rows)


def files(facts: Facts) -> Table:
    """The files of the run folder that belong to the run."""
    rows = tuple((name, what) for name, what in FILES.items() if name in facts.files)
    return Table("Files of the run folder", ("File", "Holds"), rows)


def asked(facts: Facts) -> Table:
    """What was asked of the run, and the data it stands on."""
    run, winner = facts.run, facts.winner
    rows = [
        ("Run", run.name),
        ("Started", text.moment(run.created)),
        ("Seed", str(run.request.seed)),
        ("Split", f"{run.splits.method}, seed {run.splits.seed}"),
        ("Data", f"{run.data.name}, {run.data.source}"),
        ("Data digest", run.data.digest),
        (
            "Digest checked",
            "matches the published data" if run.data.verified else "not a known set",
        ),
        ("Program version", run.version),
    ]
    if facts.by_search:
        rows.insert(
            3, ("Search", f"{training.engine(run.request)}, {training.sampler(run.request)}")
        )
    if winner is not None:
        name = "Best trial so far" if facts.interim and facts.best is None else "Winning trial"
        rows.insert(4, (name, f"{winner.number}, seed {winner.seed}"))
    return Table("The run", ("Item", "Value"), tuple(rows))


def preflight(facts: Facts) -> Table | None:
    """What was checked before the run, and what came of it."""
    if facts.preflight is None or not facts.preflight.checks:
        return None
    words = {True: "passed", False: "failed", None: "warned"}
    rows = tuple(
        (c.name, words[c.ok], c.found + (f"; {c.remedy}" if c.remedy and not c.ok else ""))
        for c in facts.preflight.checks
    )
    return Table("Checks before the run", ("Check", "Result", "Found"), rows)


def attached(files: Sequence[Attachment]) -> Table | None:
    """The files inside the PDF; the questions, which are many, in one row."""
    questions = [file for file in files if file.name.startswith(QUESTION)]
    rows = [(file.name, file.description) for file in files if file not in questions]
    if questions:
        number = text.counted(len(questions), "question")
        rows.append((f"{QUESTION}….md", f"{number} of this report with the answers, a file each"))
    return Table("Files attached to the PDF", ("File", "Holds"), tuple(rows)) if rows else None


def agreement(found: Reproduction) -> Table:
    """The recorded figures and those of this run."""
    then, now, n = found.recorded, found.repeated, found.repeated.n
    rows = [
        ("Test accuracy", text.percent(then.accuracy, n), text.percent(now.accuracy, n)),
        ("95\u202f% interval", text.interval(then.interval, n), text.interval(now.interval, n)),
        ("Correct test images", text.count(then.correct), text.count(now.correct)),
        ("Cross-entropy", text.loss(then.loss), text.loss(now.loss)),
    ]
    head = ("Figure", f"{found.source}, recorded", "This run")
    return Table("The repeated run and this one", head, tuple(rows), numeric=(1, 2))
