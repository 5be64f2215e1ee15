"""Records of a run as pandas data frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fmnist.errors import UserError
from fmnist.runs.records.metrics import ClassScore, TestScore
from search.records import Epoch, Trial

if TYPE_CHECKING:
    import pandas as pd


def trials(found: Iterable[Trial]) -> pd.DataFrame:
    """A row for each trial; its parameters are columns named ``params.…``."""
    rows = [
        {
            "number": t.number,
            "state": t.state,
            "stopped_by": t.stopped_by,
            "value": t.value,
            "epochs": len(t.epochs),
            "seconds": t.seconds,
            "seed": t.seed,
            "failure": t.failure.kind if t.failure else None,
            **{f"params.{name}": value for name, value in t.params.items()},
        }
        for t in found
    ]
    return _frame(rows, "number")


def epochs(found: Mapping[int, Iterable[Epoch]]) -> pd.DataFrame:
    """A row for each epoch of each training, by the trainings' numbers."""
    rows = [{"trial": n, **asdict(e)} for n, several in found.items() for e in several]
    return _frame(rows, "trial", "epoch")


def history(found: Iterable[Epoch]) -> pd.DataFrame:
    """A row for each epoch of one training."""
    return _frame([asdict(e) for e in found], "epoch")


def per_class(found: Iterable[ClassScore]) -> pd.DataFrame:
    """A row for each class; the ends of an interval are columns ``…_low`` and ``…_high``."""
    return _frame([_ends(asdict(score)) for score in found], "name")


def confusion_matrix(test: TestScore) -> pd.DataFrame:
    """Counts of test images; true classes in rows, predicted ones in columns."""
    names = [score.name for score in test.classes]
    axes = {"index": _pandas().Index(names, name="true")}
    axes["columns"] = _pandas().Index(names, name="predicted")
    return _pandas().DataFrame(test.counts(), **axes)


def _ends(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_interval"):
            low, high = value or (None, None)
            found |= {name.replace("interval", "low"): low, name.replace("interval", "high"): high}
        else:
            found[name] = value
    return found


def _frame(rows: list[dict[str, Any]], *index: str) -> pd.DataFrame:
    frame = _pandas().DataFrame(rows)
    return frame.set_index(list(index)) if rows else frame


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError:
        raise UserError("data frames need pandas: pip install 'fmnist-report[notebook]'") from None
    return pd
