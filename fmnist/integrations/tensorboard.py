"""TensorBoard's event files from the records of a run, without TensorFlow.

A file is written whole, once what it tells is over: a folder a trial, one for the final training.
The hparams plugin finds the space and, for each trial, its parameters and its value. Scalars are
32-bit floats there. ``tensorboard --logdir results`` shows several runs beside one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2, summary_v2
from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG, create_summary_metadata
from tensorboard.summary.writer.record_writer import RecordWriter

from fmnist.integrations.tracker import Tracker
from fmnist.runs.artifacts import HISTORY, METRICS, RUN, SPACE
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run
from search.atomic import atomic_write
from search.records import Epoch, Trial
from search.space import Categorical, Int, Parameter, SearchSpace

FOLDER = "tensorboard"
FINAL = "final"
VALUE, SECONDS, TEST = "value", "seconds", "test_accuracy"
_FILE = "events.out.tfevents.{}.fmnist"
_CURVES = ("accuracy", "loss", "val_accuracy", "val_loss", "learning_rate")
_STATUS = {"complete": api_pb2.STATUS_SUCCESS, "pruned": api_pb2.STATUS_SUCCESS}


class EventFiles(Tracker):
    """Keeps the folder ``tensorboard`` of a run up to date with its records."""

    name = "TensorBoard"

    def __init__(self) -> None:
        self._written: set[int] = set()
        self._final: object = None

    def progress(self, run: Run) -> None:
        """Write what is over and not yet there."""
        self._space(run)
        for trial in run.trials():
            if trial.number not in self._written:
                write(run / FOLDER / f"trial_{trial.number:04d}", _of_trial(trial), _moment(trial))
                self._written.add(trial.number)
        metrics, history = run.get(METRICS), run.get(HISTORY)
        test = metrics.test.accuracy if metrics else None
        if history and self._final != (test,):
            write(run / FOLDER / FINAL, _of_final(run, history.epochs, test), _begun(run))
            self._final = (test,)

    def finished(self, run: Run) -> None:
        """The same once more: the test set was read."""
        self.progress(run)

    def _space(self, run: Run) -> None:
        space = run.get(SPACE)
        if space and not any((run / FOLDER).glob("events.out.*")):
            write(run / FOLDER, [_experiment(space)], _begun(run))


def write(folder: Path, events: Iterable[Event], moment: float) -> Path:
    """Write ``events`` as the one event file of ``folder``, whole or not at all.

    Args:
        moment: Unix time at which what they tell began; part of the name.
    """
    path = folder / _FILE.format(f"{int(moment):010d}")

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as file:
            records = RecordWriter(file)
            for event in [Event(wall_time=moment, file_version="brain.Event:2"), *events]:
                records.write(event.SerializeToString())

    atomic_write(path, fill)
    return path


def _of_trial(trial: Trial) -> Iterator[Event]:
    """Its parameters, its curves, its value, how it ended."""
    begun = _moment(trial)
    yield _summary(_session(trial.params, f"trial {trial.number}", begun), 0, begun)
    yield from _curves(trial.epochs, begun)
    ended, last = begun + (trial.seconds or 0.0), len(trial.epochs)
    value = None if trial.state == "failed" else trial.value
    for tag, number in ((SECONDS, trial.seconds), (VALUE, value)):
        if number is not None:
            yield _scalar(tag, number, last, ended)
    yield _summary(_end(_STATUS.get(trial.state, api_pb2.STATUS_FAILURE), ended), last, ended)


def _of_final(run: Run, epochs: Sequence[Epoch], test: float | None) -> Iterator[Event]:
    """The final training; the accuracy on the test set once it is known."""
    begun = _begun(run)
    yield _summary(_session(_final_params(run), FINAL, begun), 0, begun)
    yield from _curves(epochs, begun)
    ended = begun + sum(epoch.seconds for epoch in epochs)
    values = {VALUE: max(epoch.val_accuracy for epoch in epochs), TEST: test}
    for tag, value in values.items():
        if value is not None:
            yield _scalar(tag, value, len(epochs), ended)
    yield _summary(_end(api_pb2.STATUS_SUCCESS, ended), len(epochs), ended)


def _final_params(run: Run) -> dict[str, Any]:
    """The configuration, or what the search varied of it."""
    values = load_config(run.path).to_dict()
    space = run.get(SPACE)
    return {p.name: values[p.name] for p in space} if space else values


def _curves(epochs: Iterable[Epoch], begun: float) -> Iterator[Event]:
    moment = begun
    for epoch in epochs:
        moment += epoch.seconds
        for name in _CURVES:
            if (value := getattr(epoch, name)) is not None:
                yield _scalar(name, value, epoch.epoch, moment)


def _scalar(tag: str, value: float, step: int, moment: float) -> Event:
    return _summary(Summary(value=[Summary.Value(tag=tag, simple_value=value)]), step, moment)


def _summary(summary: Any, step: int, moment: float) -> Event:
    return Event(wall_time=moment, step=step, summary=summary)


def _session(params: Mapping[str, Any], group: str, begun: float) -> Any:
    plain = {k: v if isinstance(v, bool | int | float) else str(v) for k, v in params.items()}
    return summary_v2.hparams_pb(plain, trial_id=group, start_time_secs=begun)


def _end(status: int, ended: float) -> Any:
    info = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=ended)
    data = plugin_data_pb2.HParamsPluginData(session_end_info=info)
    value = Summary.Value(tag=SESSION_END_INFO_TAG, metadata=create_summary_metadata(data))
    return Summary(value=[value])


def _experiment(space: SearchSpace) -> Event:
    """The space: which parameters there are, over what, and what a trial is judged by."""
    pb = summary_v2.hparams_config_pb(
        hparams=[_hparam(p) for p in space],
        metrics=[
            summary_v2.Metric(VALUE, display_name="validation accuracy"),
            summary_v2.Metric(TEST, display_name="test accuracy"),
            summary_v2.Metric(SECONDS, display_name="seconds"),
        ],
    )
    return _summary(pb, 0, 0.0)


def _hparam(parameter: Parameter) -> Any:
    if isinstance(parameter, Categorical):  # the plugin takes choices of one type only
        choices = list(parameter.choices)
        same = all(isinstance(c, type(choices[0])) for c in choices)
        domain = summary_v2.Discrete(choices) if same else None
    else:
        interval = summary_v2.IntInterval if isinstance(parameter, Int) else summary_v2.RealInterval
        domain = interval(parameter.low, parameter.high)
    return summary_v2.HParam(parameter.name, domain)


def _moment(trial: Trial) -> float:
    return datetime.fromisoformat(trial.started).timestamp() if trial.started else 0.0


def _begun(run: Run) -> float:
    """When the run was asked for, as Unix time."""
    return datetime.fromisoformat(run.read(RUN).created).timestamp()
