"""The tables of the report: head, rows of text, and which columns hold numbers."""

from __future__ import annotations

from dataclasses import dataclass

from fmnist.config import fields_help
from fmnist.report import text
from fmnist.report.findings import best_trial, confusions, states
from fmnist.report.records import Average, ClassScore, Facts, TestScore
from search.records import Trial
from search.space import Categorical, Parameter

BEST_SHOWN = 10
PAIRS_SHOWN = 8
# What people may want to know of each file; others in the folder are not the run's.
FILES = {
    "run.toml": "what was asked, the data and the splits",
    "space.json": "the search space",
    "trials.jsonl": "every trial with its epochs, one a line",
    "study.db": "the Optuna study",
    "importance.json": "importance of the hyperparameters",
    "best_config.toml": "the best configuration, ready for training again",
    "history.json": "the final training, epoch by epoch",
    "model.keras": "the trained network",
    "predictions.npz": "labels and probabilities of validation and test images",
    "metrics.json": "every number of the results",
    "evidence.json": "measurements behind the concept answers",
    "explain.npz": "kernels and feature maps",
    "ledger.json": "which split was read, when and what for",
    "environment.json": "machine and package versions",
    "stages.json": "time of each stage",
    "run.log": "messages of the run",
}
# The stage that makes this report ends after it, so its time cannot stand in it.
LAST_STAGE = "report"


@dataclass(frozen=True)
class Table:
    """A table: texts only.

    Attributes:
        caption: says what it holds.
        head: one text a column.
        rows: texts; the first is the head of its row.
        numeric: columns set flush right.
        foot: how many of the last rows are totals.
        dense: many columns, so a smaller type.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    foot: int = 0
    dense: bool = False


def splits(facts: Facts) -> Table:
    """Images in each split and what it was for."""
    s = facts.run.splits
    chosen = "chooses configuration and epoch" if facts.searched else "chooses the epoch"
    rows = (
        ("Training", text.count(s.train), "fits the weights"),
        ("Validation", text.count(s.validation), chosen),
        ("Test", text.count(s.test), "measures the chosen network"),
    )
    return Table("The splits of the data", ("Split", "Images", "Use"), rows, numeric=(1,))


def ledger(facts: Facts) -> Table | None:
    """Which split was read for what: equal reads of a stage in one row, with their number."""
    if facts.ledger is None:
        return None
    reads: dict[tuple[str, str, str, str], int] = {}
    for e in facts.ledger:
        key = (e.stage, e.split, text.count(e.n), e.purpose)
        reads[key] = reads.get(key, 0) + 1
    rows = tuple((*key[:3], text.count(times), key[3]) for key, times in reads.items())
    head = ("Stage", "Split", "Images", "Reads", "Purpose")
    return Table("Selection ledger: which split was read for what", head, rows, numeric=(2, 3))


def stages(facts: Facts) -> Table | None:
    """Time spent in each stage before this report was made."""
    if facts.stages is None:
        return None
    spent = [s for s in facts.stages.stages if s.name != LAST_STAGE]
    total = sum(s.seconds for s in spent)
    rows = [
        (
            s.name,
            text.duration(s.seconds),
            text.percent(s.seconds / total if total else 0, digits=0),
        )
        for s in spent
    ]
    rows.append(("total", text.duration(total), text.percent(1, digits=0)))
    head = ("Stage", "Time", "Share")
    return Table("Time spent in each stage", head, tuple(rows), numeric=(1, 2), foot=1)


def space(facts: Facts) -> Table:
    """The search space."""
    help_texts = fields_help()
    rows = tuple(
        (text.title_case(p.name), _range(p), p.help or help_texts.get(p.name, ""))
        for p in facts.space or ()
    )
    return Table("The search space", ("Hyperparameter", "Searched values", "Meaning"), rows)


def _range(p: Parameter) -> str:
    if isinstance(p, Categorical):
        return ", ".join(text.value(c) for c in p.choices)
    words = f"{text.value(p.low)} to {text.value(p.high)}"
    if p.log:
        return words + ", log scale"
    step = getattr(p, "step", 1)
    return words + (f" in steps of {step}" if step != 1 else "")


def state_counts(facts: Facts) -> Table:
    """Number of trials and time by state."""
    rows = []
    for state, n in states(facts.trials).items():
        chosen = [t for t in facts.trials if t.state == state]
        rows.append(_state_row(state, n, chosen))
    rows.append(_state_row("all", len(facts.trials), list(facts.trials)))
    head = ("State", "Trials", "Epochs", "Time")
    caption = "Trials by state"
    return Table(caption, head, tuple(rows), numeric=(1, 2, 3), foot=1)


def _state_row(state: str, n: int, trials: list[Trial]) -> tuple[str, ...]:
    epochs = sum(len(t.epochs) for t in trials)
    seconds = sum(t.seconds for t in trials)
    return state, text.count(n), text.count(epochs), text.duration(seconds)


def best_trials(facts: Facts) -> Table | None:
    """The complete trials of the highest values."""
    complete = [t for t in facts.trials if t.state == "complete" and t.value is not None]
    ranked = sorted(complete, key=lambda t: (-(t.value or 0), t.number))[:BEST_SHOWN]
    if not ranked:
        return None
    names = [p.name for p in facts.space or ()]
    n = facts.run.splits.validation
    rows = tuple(
        (
            str(t.number),
            text.percent(t.value or 0, n),
            *(text.value(t.params[name]) if name in t.params else "–" for name in names),
        )
        for t in ranked
    )
    head = ("Trial", "Validation accuracy", *(text.title_case(name) for name in names))
    caption = f"The best {len(rows)} complete trials" if len(rows) > 1 else "The complete trial"
    return Table(caption, head, rows, numeric=tuple(range(1, len(head))), dense=True)


def failures(facts: Facts) -> Table | None:
    """The failed trials and why they failed."""
    failed = [t for t in facts.trials if t.state == "failed"]
    if not failed:
        return None
    rows = tuple(
        (
            str(t.number),
            t.failure.kind if t.failure else "–",
            t.failure.message if t.failure else "–",
            text.duration(t.seconds),
        )
        for t in failed
    )
    return Table("Failed trials", ("Trial", "Kind", "Message", "Time"), rows, numeric=(3,))


def configuration(facts: Facts) -> Table | None:
    """Every field of the best configuration with its meaning."""
    if facts.best is None:
        return None
    help_texts, searched = fields_help(), facts.searched
    rows = tuple(
        (
            text.title_case(name),
            text.value(item),
            "yes" if name in searched else "no",
            help_texts.get(name, ""),
        )
        for name, item in facts.best.values().items()
    )
    head = ("Field", "Value", "Searched", "Meaning")
    return Table("The best configuration", head, rows, numeric=(1,))


def layers(facts: Facts) -> Table | None:
    """Layers, shapes of their outputs, parameters."""
    if facts.evidence is None or not facts.evidence.layers:
        return None
    rows = [
        (layer.name, layer.type, text.shape(layer.output_shape), text.count(layer.parameters))
        for layer in facts.evidence.layers
    ]
    rows.append(("total", "", "", text.count(facts.evidence.parameters)))
    head = ("Layer", "Type", "Output shape", "Parameters")
    return Table("The layers of the network", head, tuple(rows), numeric=(2, 3), foot=1)


def headline(facts: Facts) -> Table | None:
    """Accuracy and loss on validation and test images."""
    if facts.metrics is None:
        return None
    rows = tuple(
        (
            name,
            text.count(s.n),
            text.count(s.correct),
            text.percent(s.accuracy, s.n),
            text.interval(s.interval, s.n),
            text.loss(s.loss),
        )
        for name, s in (("Validation", facts.metrics.validation), ("Test", facts.metrics.test))
    )
    head = ("Split", "Images", "Correct", "Accuracy", f"95{text.THIN}% interval", "Loss")
    caption = "Accuracy and loss of the final network"
    return Table(caption, head, rows, numeric=(1, 2, 3, 4, 5))


def confusion(test: TestScore) -> Table:
    """The confusion matrix in numbers."""
    names = [c.name for c in test.classes]
    rows = tuple(
        (name, *(text.count(n) for n in row))
        for name, row in zip(names, test.confusion, strict=True)
    )
    caption = (
        "Confusion matrix of the test set in numbers: true classes in rows, predicted in columns"
    )
    numeric = tuple(range(1, len(names) + 1))
    return Table(caption, ("True class", *names), rows, numeric=numeric, dense=True)


def classes(test: TestScore) -> Table:
    """Scores of each class with macro and weighted averages."""
    rows = [
        (*_class_cells(c), text.score(c.f1), text.score(c.average_precision), text.count(c.support))
        for c in test.classes
    ]
    for name, average in (("macro average", test.macro), ("weighted average", test.weighted)):
        rows.append((name, *_average_cells(average), text.count(test.n)))
    head = (
        "Class",
        "Precision",
        "Recall",
        f"95{text.THIN}% interval of recall",
        "F1",
        "AP",
        "Images",
    )
    caption = "Scores of each class on the test set"
    return Table(caption, head, tuple(rows), numeric=(1, 2, 3, 4, 5, 6), foot=2)


def _class_cells(c: ClassScore) -> tuple[str, str, str, str]:
    low, high = c.recall_interval
    span = f"{low:.3f}–{high:.3f}"
    return c.name, text.score(c.precision), text.score(c.recall), span


def _average_cells(a: Average) -> tuple[str, str, str, str, str]:
    shown = [text.score(x) for x in (a.precision, a.recall, a.f1, a.average_precision)]
    return shown[0], shown[1], "", shown[2], shown[3]


def pairs(test: TestScore) -> Table | None:
    """The most frequent errors."""
    found = confusions(test)[:PAIRS_SHOWN]
    if not found:
        return None
    rows = tuple(
        (
            c.true,
            c.predicted,
            text.count(c.count),
            text.percent(c.count / c.support, digits=1),
            text.percent(c.share_of_errors, digits=1),
        )
        for c in found
    )
    head = ("True class", "Predicted as", "Images", "Of the class", "Of all errors")
    return Table("The most frequent errors on the test set", head, rows, numeric=(2, 3, 4))


def environment(facts: Facts) -> Table | None:
    """The machine."""
    e = facts.environment
    if e is None:
        return None
    rows = (
        ("Processor", f"{e.cpu}, {text.counted(e.cores, 'core')}"),
        ("Memory", f"{e.memory_bytes / 2**30:.1f}{text.THIN}GiB"),
        ("Computed on", f"{e.device} ({e.backend})"),
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
    run, best = facts.run, best_trial(facts)
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
    if facts.searched:
        rows.insert(3, ("Search", f"{run.request.engine}, sampler {run.request.sampler}"))
    if best is not None:
        rows.insert(4, ("Best trial", f"{best.number}, seed {best.seed}"))
    return Table("The run", ("Item", "Value"), tuple(rows))
