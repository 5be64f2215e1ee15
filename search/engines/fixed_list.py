"""An engine that suggests what it is given: for confirming and retraining, where all is chosen.

Its memory is the log: what was recorded is done, all else is still to come.
"""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from search.engines.base import Engine, Suggestion
from search.records import State, Trial
from search.space import Value


class FixedListEngine(Engine):
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
        self._waiting = [s for s in left if s.number not in self._running]

    @override
    def ask(self) -> Suggestion | None:
        if not self._waiting:
            return None
        suggestion = self._waiting.pop(0)
        self._running[suggestion.number] = suggestion
        return suggestion

    @override
    def report(self, number: int, step: int, value: float) -> bool:
        return True

    @override
    def tell(self, number: int, state: State, value: float | None) -> None:
        del self._running[number]

    @override
    def enqueue(self, params: dict[str, Value], *, again: bool = False) -> None:
        """Nothing: a list is a list. What failed here is not tried under another number."""

    @override
    def running(self) -> tuple[Suggestion, ...]:
        return tuple(self._running.values())

    @override
    def close(self) -> None:
        """Nothing to close."""
