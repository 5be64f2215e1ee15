"""The JSON Schema of what each command prints with ``--json``, made from the types themselves.

Additions keep the number of the schema; what is taken away or changes its meaning raises it.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from functools import reduce
from operator import or_
from typing import Any, get_type_hints

import msgspec

from fmnist.cli import json_records as records
from fmnist.integrations.model_export import ExportRecord
from fmnist.pipeline.single_trial import TrialScore
from fmnist.runs.artifacts import SCHEMA
from fmnist.runs.listing import Listed
from fmnist.runs.records.comparison import Comparison
from fmnist.runs.records.final_model import Ensemble
from fmnist.runs.records.metrics import SearchResult
from fmnist.runs.records.new_data import NewData
from fmnist.runs.records.plan import Check
from fmnist.runs.records.reproduction import Reproduction
from fmnist.runs.records.run import RecipeRecord
from fmnist.runs.status import Status
from search.analysis.results import Confirmation, Interval
from search.records import Epoch, Failure, Trial
from search.space import Value

EVENTS = ("run", "try", "train", "worker", "watch", "reproduce", "experiment")
"""Commands that print an event a line while they work."""


RECORDS: dict[str, Any] = {
    "check": records.CheckRecord,
    "clean": records.CleanRecord,
    "compare": Comparison,
    "config": records.ConfigRecord,
    "dashboard": records.DashboardRecord,
    "doctor": records.DoctorRecord,
    "export": ExportRecord,
    "import": records.ImportRecord,
    "newdata": NewData,
    "notify": records.ServiceRecord,
    "plan": records.PlanRecord,
    "predict": records.AnswerRecord,
    "recipes": RecipeRecord,
    "report": records.ReportRecord,
    "runs": Listed,
    "status": Status,
    "trial": TrialScore,
}
"""The type of what the other commands print, as their only line or as each."""


def event_types() -> dict[str, Any]:
    """The type of each event, by the name that its entry ``event`` holds."""
    scores = {"val_accuracy": (float, 0.0), "val_loss": (float, 0.0)}  # of the retraining alone
    events: dict[str, dict[str, Any]] = {
        "begin": {"run": str, "seconds": float | None, "left": float | None},
        "stage": {"name": str},
        "message": {"text": str},
        "check": _entries(Check),
        "trial_started": {"number": int, "params": dict[str, Value]},
        "trial_epoch": {"number": int, **_entries(Epoch)},
        "trial_retried": {"number": int, "failure": Failure},
        "trial": {**_document(Trial), "best": int | None},
        "confirm": {"k": int, "seeds": int, "leader": str},
        "confirmed": _document(Confirmation),
        "epoch": {**_entries(Epoch), **scores, "epochs": int, "stage": str, "name": str},
        "result": {
            **{"run": str, "accuracy": float, "interval": Interval},
            **{"search": SearchResult | None, "ensemble": Ensemble | None, "best_config": str},
            **{"html": str, "pdf": str | None, "appendix": str | None, "problem": str | None},
        },
        "report": _document(records.ReportRecord),
        "reproduced": _document(Reproduction),
        "comparison": _document(Comparison),
    }
    return {
        name: msgspec.defstruct(
            name,
            [(n, *(t if isinstance(t, tuple) else (t,))) for n, t in entries.items()],
            tag_field="event", tag=name, kw_only=True,
        )
        for name, entries in events.items()
    }  # fmt: skip


def _entries(record: type) -> dict[str, Any]:
    """The type of each field of a dataclass, with its default where it has one."""
    hints = get_type_hints(record)
    return {
        f.name: hints[f.name] if f.default is MISSING else (hints[f.name], f.default)
        for f in fields(record)
    }


def _document(record: type) -> dict[str, Any]:
    return {"schema": (int, SCHEMA), **_entries(record)}


def schema_of(command: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a line that ``command`` prints with ``--json``."""
    number = {} if command in EVENTS else {"properties": {"schema": {"const": SCHEMA}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"a line of fmnist {command} --json",
        **number,
        **msgspec.json.schema(RECORDS.get(command) or reduce(or_, event_types().values())),
    }
