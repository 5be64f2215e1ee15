"""Which trackers a command asks for."""

from __future__ import annotations

from collections.abc import Callable

from fmnist.integrations.tracker import Tracker, Trackers


def open_trackers(
    tell: Callable[[str], object], *, tensorboard: bool = False, mlflow: str | None = None
) -> Trackers:
    """Open the trackers that are asked for; ``tell`` is called with what goes wrong with them.

    Args:
        mlflow: the address of a store.

    Raises:
        UserError: MLflow is not installed, or its store cannot be opened.
    """
    working: list[Tracker] = []
    if tensorboard:
        from fmnist.integrations.tensorboard import EventFiles

        working.append(EventFiles())
    if mlflow:
        from fmnist.integrations.mlflow import open_store

        working.append(open_store(mlflow))
    return Trackers(working, tell)
