"""Fashion-MNIST in, a searched and confirmed model and its report out.

From Python: ``fmnist.search(time="10m")`` and ``fmnist.open_run("results/…")``;
``from fmnist import load_config, build_model``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fmnist.config.config import Config
from fmnist.runs.config_source import load_config

if TYPE_CHECKING:
    from fmnist.api.results import open_run
    from fmnist.api.start import search
    from fmnist.integrations.keras_tuner import HyperModel
    from fmnist.models.builder import build_model

__all__ = ["Config", "HyperModel", "build_model", "load_config", "open_run", "search"]

# Keras takes seconds to import: only those who ask for a network pay for it.
_LATE = {
    "HyperModel": "fmnist.integrations.keras_tuner",
    "build_model": "fmnist.models.builder",
    "open_run": "fmnist.api.results",
    "search": "fmnist.api.start",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module 'fmnist' has no attribute {name!r}")
