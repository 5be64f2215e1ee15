"""The figures of a run's report, one by one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fmnist.report.facts import present
from fmnist.runs import artifacts

if TYPE_CHECKING:
    from fmnist.report.facts import Facts
    from fmnist.report.figures import Figure


def _drawn(make: Callable[[RunFigures], Figure]) -> Callable[[RunFigures], Figure]:
    """Give the figure the look and the fonts of the report."""

    @functools.wraps(make)
    def figure(self: RunFigures) -> Figure:
        from fmnist.report.figures.style import drawing
        from fmnist.report.glyphs import texts_of

        with drawing(texts_of(self.facts)):
            return make(self)

    return figure


@dataclass(frozen=True)
class RunFigures:
    """Each is drawn when asked for; ``FactsError`` where the run has not what it shows.

    A ``Figure`` is an SVG document with alt text, caption and the numbers behind it.
    """

    facts: Facts

    @_drawn
    def confusion_matrix(self) -> Figure:
        """Test images by true and predicted class."""
        from fmnist.report.figures.classification import confusion_figure

        return confusion_figure(present(self.facts.metrics, artifacts.METRICS).test)

    @_drawn
    def learning_curves(self) -> Figure:
        """Accuracy and loss along the final training."""
        from fmnist.report.figures.learning_curves import both_curves
        from fmnist.report.narrative.training import batches

        history = present(self.facts.history, artifacts.HISTORY)
        return both_curves(
            history, batches(present(self.facts.best, artifacts.BEST_CONFIG).values())
        )

    @_drawn
    def precision_recall(self) -> Figure:
        """Precision against recall for each class."""
        from fmnist.report.figures.classification import pr_figure

        predictions = present(self.facts.predictions, artifacts.PREDICTIONS)
        return pr_figure(predictions, present(self.facts.metrics, artifacts.METRICS).test)

    @_drawn
    def reliability(self) -> Figure:
        """How often predictions of a confidence are right."""
        from fmnist.report.figures.calibration import reliability_figure

        metrics = present(self.facts.metrics, artifacts.METRICS)
        return reliability_figure(present(metrics.calibration, artifacts.METRICS))

    @_drawn
    def search_history(self) -> Figure:
        """The value of each trial, and the best so far."""
        from fmnist.report.figures.search_history import search_history

        return search_history(present(self.facts.trials or None, artifacts.TRIALS))

    @_drawn
    def importance(self) -> Figure:
        """How much each hyperparameter mattered."""
        from fmnist.report.figures.importance import importance_bars

        found = present(self.facts.importance, artifacts.IMPORTANCE)
        return importance_bars(found)

    @_drawn
    def parallel_coordinates(self) -> Figure:
        """Every complete trial as a line through its parameters."""
        from fmnist.report.figures.parallel_coordinates import parallel

        space = present(self.facts.space, artifacts.SPACE)
        drawn = parallel(self.facts.trials, space, self.facts.winner)
        return present(drawn, artifacts.TRIALS)

    @_drawn
    def confirmation(self) -> Figure:
        """The best candidates on fresh seeds."""
        from fmnist.report.figures.confirmation import confirmed_runs

        return confirmed_runs(present(self.facts.confirmation, artifacts.CONFIRMATION))
