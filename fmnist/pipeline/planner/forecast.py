"""The test accuracy to expect of a run, from what recorded runs reached with as much work.

Work is what the final training computes, in images of the reference network (``costs.py``).
``tests/benchmarks/forecast.py`` adds runs to ``forecast.toml``, which is all that this knows.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
from scipy import stats

from fmnist.config.config import Config
from fmnist.pipeline.planner.costs import relative_cost
from fmnist.runs.records.plan import Forecast

LEVEL = 0.9
"""Share of runs whose accuracy is to lie in the interval."""
_CEILING = 0.964  # of the best published network, which more work approaches
_FEWER_ERRORS = 0.95
"""Six views of an image leave so many of the errors of two: the median of ten networks on their
validation images (``tests/benchmarks/views.py``)."""


def training_work(config: Config, epochs: float, images: int) -> float:
    """Work of a training of so many epochs on so many images."""
    return relative_cost(config) * epochs * images


def forecast(work: float) -> Forecast:
    """Test accuracy of a run whose final training does so much work, by all recorded runs."""
    return fit(recorded_runs(), work)


def fit(runs: Sequence[Mapping[str, Any]], work: float) -> Forecast:
    """Test accuracy at ``work`` by ``runs``, each of which has a work, an accuracy and views.

    A line through the logarithms of work and of the error above that of the best published
    network, and the prediction interval of a further run (least squares; Student's t).
    """
    x = np.log([run["work"] for run in runs])
    y = np.log([_CEILING - with_six_views(run) for run in runs])
    line = stats.linregress(x, y)
    freedom, at = len(x) - 2, np.log(work)
    residuals = y - line.intercept - line.slope * x
    spread = residuals @ residuals / freedom
    leverage = 1 + 1 / len(x) + (at - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()
    half = stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(spread * leverage)
    middle = line.intercept + line.slope * at
    accuracy, low, high = (
        round(float(_CEILING - np.exp(middle + side * half)), 4) for side in (0, 1, -1)
    )
    return Forecast(accuracy, low, high, len(x))


def with_six_views(run: Mapping[str, Any]) -> float:
    """The accuracy of a run; of one that predicted from two views what six would have given."""
    accuracy: float = run["accuracy"]
    return accuracy if run["views"] > 2 else 1 - _FEWER_ERRORS * (1 - accuracy)


@functools.cache
def recorded_runs() -> list[dict[str, Any]]:
    """The runs of ``forecast.toml``."""
    text = resources.files("fmnist.pipeline.planner").joinpath("forecast.toml").read_text("utf-8")
    runs: list[dict[str, Any]] = tomllib.loads(text)["run"]
    return runs
