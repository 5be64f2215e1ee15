"""What a person may do next with a run, by the state that it is in."""

from __future__ import annotations

from typing import Literal

from fmnist.runs.artifacts import REPORT, TRIALS
from fmnist.runs.folder import Run

State = Literal["running", "stopped", "finished", "imported"]


def next_steps(run: Run, state: State, pid: int | None, command: str) -> tuple[str, ...]:
    """Commands, with the rest as a comment, so that a line can be pasted as it is."""
    if state == "finished":
        return (f"{run / REPORT}  # the report", f"fmnist report {run.path}  # anew")
    if state == "imported":
        return (
            f"fmnist report {run.path}  # a report of the search",
            f"fmnist run --warm-start {run.path}  # searches on from its best trials",
        )
    steps = [f"{command}  # goes on where it stopped"] if state == "stopped" and command else []
    if run.has(TRIALS):
        steps.append(f"fmnist report {run.path}  # an interim report")
    if pid:
        steps.append(f"kill {pid}  # ends it cleanly")
    return tuple(steps)
