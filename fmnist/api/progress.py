"""How far a job is, shown where Python runs: a widget or a line in a notebook, lines elsewhere."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from fmnist.text import percent


class Progress:
    """Shows the events of a job, in a notebook without leaving more than a few lines."""

    def __init__(self) -> None:
        self._stage = ""
        self._best: float | None = None
        self._limit = self._end = 0.0
        self._over = False
        self._widget: Any = None
        self._handle: Any = None

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Show an event, if it is one that a user waits for."""
        text = self._said(event)
        if text:
            self._show(text)

    def _said(self, event: Mapping[str, Any]) -> str:
        match event["event"]:
            case "begin":
                self._limit = event["seconds"] or 0.0
                self._end = time.monotonic() + (event["left"] or 0.0)
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
                self._over = True
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
        line = notebook.HTML(f"<pre>{html.escape(text)}</pre>")
        if self._handle is None:
            self._widget = _widget(self._limit)
            self._handle = notebook.display(self._widget or line, display_id=True)
        if self._widget is None or self._over:  # a notebook that is read later has no widgets
            self._handle.update(line)
        else:
            bar, label = self._widget.children
            bar.value = self._limit - max(0.0, self._end - time.monotonic())
            label.value = text


def _widget(limit: float) -> Any:
    """A bar of the time taken, where there is a limit, and a label; None without ipywidgets."""
    try:
        widgets: Any = import_module("ipywidgets")
    except ImportError:  # the extra notebook
        return None
    layout = {"min_width": "10em", "display": None if limit else "none"}
    return widgets.HBox([widgets.FloatProgress(max=limit, layout=layout), widgets.Label()])
