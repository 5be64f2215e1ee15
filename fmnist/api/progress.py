"""How far a job is, shown where Python runs: a line that changes in a notebook, lines elsewhere."""

from __future__ import annotations

import html
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from fmnist.text import percent


class Progress:
    """Shows the events of a job, in a notebook without leaving more than a few lines."""

    def __init__(self) -> None:
        self._stage = ""
        self._best: float | None = None
        self._handle: Any = None

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Show an event, if it is one that a user waits for."""
        text = self._said(event)
        if text:
            self._show(text)

    def _said(self, event: Mapping[str, Any]) -> str:
        match event["event"]:
            case "begin":
                return f"run {event['run']}"
            case "stage":
                self._stage = event["name"]
                return self._stage
            case "trial":
                return self._trial(event)
            case "epoch":
                value = event.get("val_accuracy")
                scored = f": validation accuracy {percent(value)}" if value is not None else ""
                return f"{event['stage']}: epoch {event['epoch']}/{event['epochs']}{scored}"
            case "result":
                low, high = event["interval"]
                return (
                    f"test accuracy {percent(event['accuracy'])} "
                    f"(95 % interval {percent(low)} to {percent(high)})"
                )
        return ""

    def _trial(self, event: Mapping[str, Any]) -> str:
        value = event.get("value")
        scored = event["state"] if value is None else percent(value)
        if self._stage != "search":  # fresh seeds are no contest
            return f"{self._stage}: a run of trial {event['replicate_of']} {scored}"
        if event["state"] == "complete" and value is not None:
            self._best = max(value, self._best or 0.0)
        best = f", best so far {percent(self._best)}" if self._best is not None else ""
        return f"search: trial {event['number']} {scored}{best}"

    def _show(self, text: str) -> None:
        if "ipykernel" not in sys.modules:
            print(text, flush=True)
            return
        notebook: Any = import_module("IPython.display")
        shown = notebook.HTML(f"<pre>{html.escape(text)}</pre>")
        if self._handle is None:
            self._handle = notebook.display(shown, display_id=True)
        else:
            self._handle.update(shown)
