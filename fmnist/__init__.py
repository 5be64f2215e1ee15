"""Fashion-MNIST in, a searched and confirmed model and its report out.

From Python: ``from fmnist import load_config, build_model``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fmnist.config.config import Config
from fmnist.runs.config_source import load_config

if TYPE_CHECKING:
    from fmnist.integrations.keras_tuner import HyperModel
    from fmnist.models.builder import build_model

__all__ = ["Config", "HyperModel", "build_model", "load_config"]


def __getattr__(name: str) -> Any:
    # Keras takes seconds to import: only those who ask for a network pay for it.
    if name == "build_model":
        from fmnist.models.builder import build_model

        return build_model
    if name == "HyperModel":
        from fmnist.integrations.keras_tuner import HyperModel

        return HyperModel
    raise AttributeError(f"module 'fmnist' has no attribute {name!r}")
