"""Which trackers a command asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fmnist.integrations.tracker import Tracker, Trackers


def trackers_of(tell: Callable[[str], object], asked: Mapping[str, Any]) -> Trackers:
    """Those that were asked for; ``tell`` hears what goes wrong with them.

    Args:
        asked: ``tensorboard``, whether, and ``mlflow``, the address of a store; or nothing of it.

    Raises:
        UserError: MLflow is not installed, or its store cannot be opened.
    """
    working: list[Tracker] = []
    if asked.get("tensorboard"):
        from fmnist.integrations.tensorboard import EventFiles

        working.append(EventFiles())
    if asked.get("mlflow"):
        from fmnist.integrations.mlflow import open_store

        working.append(open_store(asked["mlflow"]))
    return Trackers(working, tell)
