"""The whole job as ordered stages; each reads and leaves files in ``results/<run>/``.

A stage whose file is there is done, so the same call goes on where an earlier one stopped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from fmnist.runs import RunError, utc_now
from fmnist.stages.context import Context, Request
from fmnist.stages.evaluate import evaluate
from fmnist.stages.explain import explain
from fmnist.stages.prepare import prepare
from fmnist.stages.report import finish, report
from fmnist.stages.retrain import retrain
from fmnist.stages.search import search

__all__ = ["Job", "Request"]

log = logging.getLogger("fmnist")


class Job(Context):
    """One run from the request to the report."""

    def execute(self) -> int:
        """Run every stage that is not done; returns the exit code.

        Raises:
            RunError: the run is finished, in use, or was asked something else.
        """
        with self.run.locked():
            self._resume()
            with self.run.logging(log), self.interrupt:
                for name, marker, stage in _STAGES:
                    self.interrupt.check()
                    if marker is None or not self.run.has(marker):
                        self._timed(name, stage)
                return finish(self)

    def _resume(self) -> None:
        if not self.run.has("run.toml"):
            return
        if self.run.has("report.html"):
            raise RunError(
                f"{self.run.path} is finished and its test set was read; render it again with "
                f"'fmnist report {self.run.path}', or search on from it with "
                f"'fmnist run --warm-start {self.run / 'best_config.toml'}'"
            )
        stored = self.run.read_toml("run.toml")["request"]
        different = _differences(stored, self.request.to_dict())
        if different:
            raise RunError(
                f"{self.run.path} was started with other options: {', '.join(different)}; "
                "repeat the first command to go on, or give another --name"
            )
        if self.run.has("stages.json"):
            self.stage_log = self.run.read_json("stages.json")["stages"]
            self.earlier_seconds = sum(entry["seconds"] for entry in self.stage_log)
        self.view.message(f"continuing {self.run.path}")

    def _timed(self, name: str, stage: Callable[[Context], None]) -> None:
        began, since = utc_now(), time.monotonic()
        self.view.stage(name)
        log.info("stage %s begins", name)
        self.on_progress = lambda: self.save_progress(name, began, since)
        try:
            stage(self)
        finally:
            self.stage_log = self.save_progress(name, began, since)
        log.info("stage %s took %.1f s", name, time.monotonic() - since)


def _differences(stored: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    names = dict.fromkeys([*stored, *asked])
    return [
        f"{n} {stored.get(n)} then, {asked.get(n)} now"
        for n in names
        if stored.get(n) != asked.get(n)
    ]


# Stage, the file that shows it is done, what does it. The report is always made anew.
_STAGES: tuple[tuple[str, str | None, Callable[[Context], None]], ...] = (
    ("prepare", "environment.json", prepare),
    ("search", "best_config.toml", search),
    ("retrain", "history.json", retrain),
    ("evaluate", "metrics.json", evaluate),
    ("explain", "evidence.json", explain),
    ("report", None, report),
)
