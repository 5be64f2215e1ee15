"""Hard limits of a network, and which of them a configuration breaks."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fmnist.config.config import RULES, Config
from fmnist.data.views import Views
from fmnist.models.size import file_bytes, size_of
from search.json_lines import lines_of, to_row

TOLERANCE = 0.1
"""Share by which a measured time may lie above its cap: two measurements differ by as much."""
Excess = Callable[[Config], str]
"""Says what of a network is above a cap; see ``Caps.excess``."""


@dataclass(frozen=True)
class Caps:
    """What a network may have at most; None: no limit.

    Attributes:
        parameters: weights of all layers, those that are not trained among them.
        size: bytes of ``model.keras``.
        latency: seconds for the answer to one image; see ``inference.seconds_per_image``.
    """

    parameters: int | None = None
    size: int | None = None
    latency: float | None = None

    def __bool__(self) -> bool:
        return self != NO_CAPS

    def excess(self, config: Config, classes: int = 10) -> str:
        """What of the network of ``config`` is above its cap, in words; empty where it fits.

        By arithmetic: nothing is built, and the time is not measured.
        """
        parameters, size = size_of(config, classes).parameters, file_bytes(config, classes)
        if self.parameters is not None and parameters > self.parameters:
            return f"{parameters:,} parameters, --max-parameters allows {self.parameters:,}"
        if self.size is not None and size > self.size:
            return f"model.keras of {size / 1e3:,.0f} kB, --max-size allows {self.size / 1e3:,g} kB"
        return ""

    def excess_latency(self, seconds: float) -> str:
        """The same of a measured time for an image."""
        if self.latency is None or seconds <= self.latency * (1 + TOLERANCE):
            return ""
        return f"{seconds * 1e3:.3g} ms an image, --max-latency allows {self.latency * 1e3:g} ms"


NO_CAPS = Caps()


def network_key(config: Config) -> str:
    """What a network is called in ``latencies.jsonl``: the same for all that answer as fast."""
    fields = {n: getattr(config, n) for n, rule in RULES.items() if rule.section == "model"}
    fields = {n: v for n, v in fields.items() if not RULES[n].regulariser}
    text = repr([*sorted(fields.items()), Views.of(config).count])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def known_times(path: Path) -> dict[str, float]:
    """Seconds for an image by ``network_key``, as measured so far; see ``JsonLines``.

    Lines that are damaged are left out: such networks are measured again.
    """
    rows = []
    for line in lines_of(path):
        with contextlib.suppress(ValueError):
            rows.append(to_row(line))
    return {r["network"]: float(r["seconds"]) for r in rows if {"network", "seconds"} <= r.keys()}
