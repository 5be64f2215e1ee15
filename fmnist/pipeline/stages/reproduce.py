"""The verdict: whether a run that repeats another one gives its numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fmnist.analysis.reproduction import changes, judged
from fmnist.report.narrative.reproduction import verdict
from fmnist.runs.artifacts import ENVIRONMENT, METRICS, PREDICTIONS, REPRODUCTION
from fmnist.runs.safe_read import read_arrays

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context


def reproduce(job: Context) -> None:
    """Compare with what the earlier run recorded; reads the predictions, not the test set."""
    then = job.recorded
    assert then is not None, "only a job that repeats a run has this stage"
    arrays = read_arrays(job.run / PREDICTIONS)
    predicted = arrays["test_probabilities"].argmax(axis=1).astype(np.int64)
    differences = changes(then.environment, job.run.read(ENVIRONMENT), then.run.version)
    loss = job.run.read(METRICS).test.loss
    found = judged(then, arrays["test_labels"].astype(np.int64), predicted, loss, differences)
    job.run.write(REPRODUCTION, replace(found, sentence=verdict(found)))
