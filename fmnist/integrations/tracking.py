"""Which trackers a command asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fmnist.integrations.live_page import LivePage
from fmnist.integrations.tracker import Tracker, Trackers


def open_trackers(
    tell: Callable[[str], object],
    *,
    tensorboard: bool = False,
    mlflow: str | None = None,
    notify: Sequence[str] = (),
    strict: bool = True,
) -> Trackers:
    """Open the live page and the trackers asked for; ``tell`` hears what goes wrong with them.

    Args:
        mlflow: the address of a store.
        notify: addresses that messages go to.
        strict: refuse a store that cannot be opened, rather than go on without it.

    Raises:
        UserError: MLflow or Apprise is not installed, an address has no form that Apprise knows,
            or, if ``strict``, the store cannot be opened.
    """
    working: list[Tracker] = [LivePage()]
    if tensorboard:
        from fmnist.integrations.tensorboard import EventFiles

        working.append(EventFiles())
    if mlflow:
        from fmnist.integrations.mlflow import open_store

        working.append(open_store(mlflow, tell=None if strict else tell))
    if notify:
        from fmnist.integrations.notification import Notifier, check_urls

        check_urls(notify)
        working.append(Notifier(notify, tell))
    return Trackers(working, tell)
