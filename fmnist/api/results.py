"""``fmnist.open_run``: a run as typed records, data frames, figures and a network."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist.api import frames
from fmnist.api.figures import RunFigures
from fmnist.config.config import Config
from fmnist.errors import UserError
from fmnist.report.facts import Facts, present
from fmnist.runs.artifacts import APPENDIX_PDF, METRICS, MODEL, PREDICTIONS, REPORT, REPORT_PDF
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run
from fmnist.runs.records.metrics import Metrics, Predictions
from fmnist.runs.records.score import Score
from fmnist.text import percent
from search.analysis.results import Interval

if TYPE_CHECKING:
    import keras
    import pandas as pd
    from numpy.typing import NDArray


def open_run(path: Path | str) -> RunResults:
    """The run in a folder, finished or still going.

    Raises:
        RunError: the folder is no run.
    """
    return RunResults(Run.existing(Path(path)).path)


@dataclass(frozen=True)
class TestMetrics:
    """Scores on the test images.

    Attributes:
        record: everything that was measured, as ``metrics.json`` holds it.
    """

    record: Metrics

    @property
    def test(self) -> Score:
        """The final network on the test images."""
        return self.record.test

    @property
    def accuracy(self) -> float:
        """Share of the test images that the final network classifies correctly."""
        return self.record.test.accuracy

    @property
    def interval(self) -> Interval:
        """The accuracy's 95 % interval."""
        return self.record.test.interval

    @property
    def per_class(self) -> pd.DataFrame:
        """Precision, recall, F1 and average precision of each class, with their intervals."""
        return frames.per_class(self.record.test.classes)

    @property
    def confusion_matrix(self) -> pd.DataFrame:
        """Counts; true classes in rows, predicted ones in columns."""
        return frames.confusion_matrix(self.record.test)


@dataclass(frozen=True)
class RunResults:
    """A run; data frames need pandas, which the extra ``notebook`` brings.

    Attributes:
        path: its folder.
    """

    path: Path

    @cached_property
    def facts(self) -> Facts:
        """Every record of the run; what a later stage writes is None while it goes on."""
        from fmnist.report.load import load_facts

        return load_facts(self.path, interim=not self.finished)

    @property
    def finished(self) -> bool:
        """Whether its report lies there."""
        return Run(self.path).has(REPORT)

    @property
    def config(self) -> Config:
        """The best configuration; ``build_model`` makes its network."""
        return load_config(self.path)

    @property
    def metrics(self) -> TestMetrics:
        """Scores on the test images; ``FactsError`` before the test."""
        return TestMetrics(present(self.facts.metrics, METRICS))

    @property
    def predictions(self) -> Predictions:
        """Labels and class probabilities of the validation and test images."""
        return present(self.facts.predictions, PREDICTIONS)

    @property
    def trials(self) -> pd.DataFrame:
        """The trials of the search, one a row by number: state, value, seconds, parameters."""
        return frames.trials(self.facts.trials)

    @property
    def epochs(self) -> pd.DataFrame:
        """Every epoch of the trials: accuracies and losses on training and validation images."""
        return frames.epochs({t.number: t.epochs for t in self.facts.trials})

    @property
    def history(self) -> pd.DataFrame:
        """The epochs of the final training."""
        found = self.facts.history
        return frames.history(found.epochs if found else ())

    @property
    def figures(self) -> RunFigures:
        """The figures of the report; a notebook draws them."""
        return RunFigures(self.facts)

    @property
    def report(self) -> Path:
        """The report as a page."""
        return self._file(REPORT)

    @property
    def pdf(self) -> Path:
        """The report to hand in."""
        return self._file(REPORT_PDF)

    @property
    def appendix(self) -> Path:
        """The PDF of what the hand-in has no room for."""
        return self._file(APPENDIX_PDF)

    def model(self, *, ensemble: bool = False) -> keras.Model:
        """The final network, for raw images [N, 28, 28, 1] of 0 to 255.

        With ``ensemble`` all networks of the run as one, which gives the mean of their answers.

        Raises:
            UserError: the run has no ensemble.
        """
        from fmnist.models.formats import as_one_network
        from fmnist.models.inference import load_model, networks_of

        final = self._file(MODEL.name)
        if not ensemble:
            return load_model(final)
        files = networks_of(Run(self.path), ensemble=True)
        return as_one_network([(load_model(path), views) for path, views in files])

    def predict(self, images: Any, *, ensemble: bool = False) -> NDArray[Any]:
        """Class probabilities [N, classes] of raw images uint8 [N, 28, 28], as the run tests."""
        import numpy as np

        from fmnist.models import inference

        self._file(MODEL.name)
        shaped = np.asarray(images, dtype=np.uint8).reshape(-1, 28, 28)
        return inference.predict_with(Run(self.path), shaped, ensemble=ensemble)

    def _file(self, name: str) -> Path:
        if not (self.path / name).is_file():
            raise UserError(f"{self.path}: the run has no {name} yet; let it finish first")
        return self.path / name

    def _repr_html_(self) -> str:
        rows = [("run", str(self.path)), *self._scores(), ("report", self._link())]
        cells = "".join(f"<tr><th>{html.escape(n)}</th><td>{v}</td></tr>" for n, v in rows)
        return f"<table>{cells}</table>"

    def _scores(self) -> Sequence[tuple[str, str]]:
        if self.facts.metrics is None:
            return [("trials so far", str(len(self.facts.trials)))]
        test = self.facts.metrics.test
        low, high = map(percent, test.interval)
        return [
            ("test accuracy", f"{percent(test.accuracy)} (95 % interval {low} to {high})"),
            ("trials", str(len(self.facts.trials))),
        ]

    def _link(self) -> str:
        if not self.finished:
            return "not yet"
        path = html.escape(str(self.path / REPORT))
        return f'<a href="{path}">{path}</a>'
