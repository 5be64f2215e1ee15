"""An engine that suggests what it was given: for confirming and retraining, where all is chosen.

Its memory is the log: what was recorded is done, all else is still to come.
"""

from __future__ import annotations

from collections.abc import Sequence

from search.engines.base import Suggestion
from search.records import State, Trial
from search.space import Value


class FixedListEngine:
    """Hands out ``suggestions`` in order, except those whose numbers are in ``finished``.

    Args:
        interrupted: numbers of trials with epochs but without a record: a process died.
    """

    def __init__(
        self,
        suggestions: Sequence[Suggestion],
        finished: Sequence[Trial] = (),
        interrupted: Sequence[int] = (),
    ) -> None:
        done = {t.number for t in finished}
        left = [s for s in suggestions if s.number not in done]
        self._running = {s.number: s for s in left if s.number in interrupted}
        self._left = [s for s in left if s.number not in self._running]
        self._counts: dict[State, int] = {"complete": 0, "pruned": 0, "failed": 0}
        for trial in finished:
            self._counts[trial.state] += 1

    def ask(self) -> Suggestion | None:
        """See ``Engine.ask``."""
        if not self._left:
            return None
        suggestion = self._left.pop(0)
        self._running[suggestion.number] = suggestion
        return suggestion

    def report(self, number: int, step: int, value: float) -> bool:
        """See ``Engine.report``; nothing is pruned."""
        return True

    def tell(self, number: int, state: State, value: float | None) -> None:
        """See ``Engine.tell``."""
        self._running.pop(number)
        self._counts[state] += 1

    def enqueue(self, params: dict[str, Value], *, again: bool = False) -> None:
        """Nothing: a list is a list. What failed here is not tried under another number."""

    def running(self) -> tuple[Suggestion, ...]:
        """See ``Engine.running``."""
        return tuple(self._running.values())

    def counts(self) -> dict[State, int]:
        """See ``Engine.counts``."""
        return dict(self._counts)

    def close(self) -> None:
        """Nothing to close."""
