"""A finished run in MLflow: its configuration, numbers, curves and report; its trials below it.

Everything is sent once, when the report is there; what is sent is what the records say.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fmnist.errors import UserError
from fmnist.integrations.tracker import Tracker
from fmnist.runs.artifacts import (
    APPENDIX_PDF,
    BEST_CONFIG,
    HISTORY,
    METRICS,
    MODEL,
    REPORT,
    REPORT_PDF,
    RUN,
)
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run
from fmnist.text import brief, hidden
from search.records import Epoch, Trial

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient

EXPERIMENT = "fmnist"
ARTIFACTS = (REPORT, REPORT_PDF, APPENDIX_PDF, BEST_CONFIG, METRICS, MODEL)
VALUE = "value"
_PARENT, _NAME = "mlflow.parentRunId", "mlflow.runName"
_CURVES = ("accuracy", "loss", "val_accuracy", "val_loss", "learning_rate")
_MOST_METRICS = 1000  # in one request
# A store that is gone must not hold a finished run for minutes, as MLflow's own limits do; and
# nothing is told to anybody but that store. Importing MLflow and making the tables of a new store
# took more than ten seconds of a busy core.
_OPENING_SECONDS, _LOGGING_SECONDS = 60.0, 60.0
_MANNERS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


def installed() -> bool:
    """Whether MLflow's client is there."""
    return importlib.util.find_spec("mlflow") is not None


def open_store(uri: str, *, tell: Callable[[str], object] | None = None) -> MLflowStore:
    """The store at ``uri``: ``sqlite:///FILE``, ``http://HOST:5000`` or whatever MLflow takes.

    Args:
        tell: told of a store that cannot be opened, which is tried again when the run is over.

    Raises:
        UserError: MLflow is not installed; without ``tell`` also where the store cannot be
            opened: now, not in the morning.
    """
    if not installed():
        raise UserError(
            "--mlflow needs MLflow's client, which is not installed; install it with: "
            "pip install mlflow-skinny  (the extra 'mlflow')"
        )
    for name, value in _MANNERS.items():
        os.environ.setdefault(name, value)
    store = MLflowStore(uri)
    try:
        _within(_OPENING_SECONDS, store.connect)
    except Exception as error:  # of many libraries, by the kind of store
        text = f"--mlflow {hidden(uri)}: the store cannot be opened: {brief(error)}"
        if tell is None:
            raise UserError(text) from None
        tell(f"{text}; it is tried again when the run is over")
    return store


class MLflowStore(Tracker):
    """Logs a finished run to an MLflow store, in the experiment ``fmnist``."""

    name = "MLflow"

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._experiment = ""

    def connect(self) -> None:
        """Find the experiment in the store, or make it."""
        from mlflow.tracking import MlflowClient

        self._client = MlflowClient(tracking_uri=self._uri)
        found = self._client.get_experiment_by_name(EXPERIMENT)
        self._experiment = (
            found.experiment_id if found else self._client.create_experiment(EXPERIMENT)
        )

    def finished(self, run: Run) -> None:
        """Log ``run``; one that could not be logged whole stands there as failed.

        Raises:
            TimeoutError: the store takes longer than a run that is over may wait.
        """
        if not self._experiment:
            _within(_OPENING_SECONDS, self.connect)
        _within(_LOGGING_SECONDS, lambda: self._log(run))

    def _log(self, run: Run) -> None:
        begun = _milliseconds(run.read(RUN).created)
        number = self._begin(run.path.resolve().name, begun)
        try:
            self._log_final(run, number)
            for trial in run.trials():
                self._log_trial(trial, number)
        except BaseException:
            self._client.set_terminated(number, "FAILED")
            raise
        self._client.set_terminated(number, "FINISHED")

    def _begin(self, name: str, start: int, parent: str | None = None) -> str:
        tags = {_NAME: name, **({_PARENT: parent} if parent else {})}
        created = self._client.create_run(self._experiment, start_time=start, tags=tags)
        return str(created.info.run_id)

    def _log_final(self, run: Run, number: str) -> None:
        record, history = run.read(RUN), run.get(HISTORY)
        begun = _milliseconds(record.created)
        epochs = history.epochs if history else ()
        metrics = list(_curves(epochs, begun))
        metrics += [_metric(k, v, begun, len(epochs)) for k, v in _results(run).items()]
        _send(self._client, number, load_config(run.path).to_dict(), metrics)
        self._client.set_tag(number, "data", record.data.name)
        for name in ARTIFACTS:
            if run.has(name):
                self._client.log_artifact(number, str(run / name))

    def _log_trial(self, trial: Trial, parent: str) -> None:
        begun = _milliseconds(trial.started)
        number = self._begin(f"trial {trial.number}", begun, parent)
        metrics = list(_curves(trial.epochs, begun))
        if trial.value is not None:
            metrics.append(_metric(VALUE, trial.value, begun, len(trial.epochs)))
        _send(self._client, number, trial.params, metrics)
        self._client.set_tag(number, "state", trial.state)
        status = "FAILED" if trial.state == "failed" else "FINISHED"
        self._client.set_terminated(number, status, begun + int(1000 * (trial.seconds or 0.0)))


def _within(seconds: float, work: Callable[[], None]) -> None:
    """Do the work in so much time; a store may accept a call and never answer it.

    Raises:
        TimeoutError: it is not done; or whatever the work raises.
    """
    errors: list[Exception] = []

    def guarded() -> None:
        try:
            work()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=guarded, daemon=True, name="mlflow")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if thread.is_alive():
        raise TimeoutError(f"no answer for {seconds:.0f} s")


def _results(run: Run) -> dict[str, float]:
    """The numbers of the test and validation set, with the ends of the test's interval."""
    metrics = run.get(METRICS)
    if metrics is None:
        return {}
    return {
        "test_accuracy": metrics.test.accuracy,
        "test_accuracy_low": metrics.test.interval[0],
        "test_accuracy_high": metrics.test.interval[1],
        "test_loss": metrics.test.loss,
        "validation_accuracy": metrics.validation.accuracy,
    }


def _send(
    client: MlflowClient, number: str, params: Mapping[str, Any], metrics: list[Metric]
) -> None:
    client.log_batch(number, params=[_param(k, v) for k, v in params.items()])
    for start in range(0, len(metrics), _MOST_METRICS):
        client.log_batch(number, metrics=metrics[start : start + _MOST_METRICS])


def _curves(epochs: Iterable[Epoch], begun: int) -> Iterable[Metric]:
    moment = float(begun)
    for epoch in epochs:
        moment += 1000 * epoch.seconds
        for name in _CURVES:
            if (value := getattr(epoch, name)) is not None:
                yield _metric(name, value, int(moment), epoch.epoch)


def _metric(name: str, value: float, moment: int, step: int) -> Metric:
    from mlflow.entities import Metric

    return Metric(name, float(value), moment, step)


def _param(name: str, value: Any) -> Param:
    from mlflow.entities import Param

    return Param(name, str(value))


def _milliseconds(moment: str) -> int:
    return int(1000 * datetime.fromisoformat(moment).timestamp())
