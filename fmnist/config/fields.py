"""What is known of a hyperparameter, kept at its field; the lists of fields are queries of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What a field may hold.

    Attributes:
        section: TOML table the field stands in, ``model`` or ``training``.
        help: one sentence for people.
        low, high: inclusive bounds of a number.
        choices: allowed strings.
        recompiles: a new value needs the network compiled anew.
        augments: changes training images at random; its zero leaves them alone.
        aliases: what other programs call it; suggested to the user, never taken unasked.
        regulariser: words for a value that works against overfitting, ``{}`` standing for it.
        source: words of the title to cite where it is in use, of one choice where there are any.
    """

    section: str
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    recompiles: bool = True
    augments: bool = False
    aliases: tuple[str, ...] = ()
    regulariser: str = ""
    source: str | Mapping[str, str] = ""

    def cited(self, value: Any) -> str:
        """Words of the title that a report on ``value`` cites; empty where there is none."""
        if isinstance(self.source, str):
            return self.source if value else ""
        return self.source.get(value, "")

    def describe(self) -> str:
        """The rule in words, as error messages and the README show it."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.low is None:
            return "true or false"
        return f"{self.low:g} to {self.high:g}"


def _field(default: Any, section: str, help: str, **limits: Any) -> Any:
    return dataclasses.field(default=default, metadata={"rule": Rule(section, help, **limits)})


def model_field(default: Any, help: str, **limits: Any) -> Any:
    """A field of the table ``[model]``; ``limits`` are further entries of its ``Rule``."""
    return _field(default, "model", help, **limits)


def training_field(default: Any, help: str, **limits: Any) -> Any:
    """A field of the table ``[training]``; see ``model_field``."""
    return _field(default, "training", help, **limits)
