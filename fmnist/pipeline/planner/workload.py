"""What comes on top of the one final training: refit, members, further views, experiments."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fmnist.backends.parallelism import parallel_slowdown

# An epoch over training and validation images against one over training images that ends with a
# look at the validation images; and what is kept above that, since machines slow down.
_ALL_IMAGES, _MARGIN = 1.07, 1.2
# Validation images are so many test sets, and a pass over the test set is so much of an epoch:
# forward only, 10,000 of 54,000 images.
_VALIDATION, _A_PASS = 0.6, 0.06
# Share of the time for the experiments, of runs up to ten minutes and from one hour on; shorter
# ones are not worth the start of the processes.
_SHORT, _LONG, _LEAST_SHARE, _MOST_SHARE = 600.0, 3600.0, 0.05, 0.1
_LEAST_EXPERIMENTING = 20.0


@dataclass(frozen=True)
class PostSearchWorkload:
    """What a night has to make besides search, confirmation and one retraining.

    Attributes:
        refit: whether the final model is trained anew on training and validation images.
        members: trainings of the ensemble besides the final model.
        views: of an image, that a prediction is the mean over.
        experiments: whether there are experiments around the best configuration.
        baseline: seconds kept for the dense baseline; 0 without one.
        baseline_epochs: of its training.
    """

    refit: bool = False
    members: int = 0
    views: int = 1
    experiments: bool = False
    baseline: float = 0.0
    baseline_epochs: int = 0

    def cost_by_stage(self, jobs: int) -> dict[str, float]:
        """Seconds of each stage of final training, for each second of the retraining.

        Args:
            jobs: members that are trained at once.
        """
        epoch = _MARGIN * (_ALL_IMAGES if self.refit else 1.0)
        at_once = max(1, min(jobs, self.members))
        members = math.ceil(self.members / at_once) * parallel_slowdown(at_once)
        parts = {"retrain": 1.0, "refit": self.refit * epoch, "ensemble": members * epoch}
        return {name: part for name, part in parts.items() if part}

    def relative_cost(self, jobs: int) -> float:
        """The sum of ``parts``: 1 where there is but the retraining."""
        return sum(self.cost_by_stage(jobs).values())

    def ablation_seconds(self, total: float | None) -> float:
        """Seconds kept for the experiments of a run of ``total`` seconds; 0 without a limit."""
        if not self.experiments or total is None:
            return 0.0
        place = min(1.0, max(0.0, (total - _SHORT) / (_LONG - _SHORT)))
        seconds = total * (_LEAST_SHARE + place * (_MOST_SHARE - _LEAST_SHARE))
        return seconds if seconds >= _LEAST_EXPERIMENTING else 0.0

    def prediction_seconds(self, epoch_seconds: float) -> float:
        """Seconds of the predictions that a single network of one view does not need."""
        more = (self.views - 1) * (1 + _VALIDATION) + self.views * self.members
        return _MARGIN * _A_PASS * more * epoch_seconds
