"""``experiments.json`` for a run, as the stage would write it."""

import numpy as np

from fmnist.ablation.results import BASE, ROUND, Trained, conclude, place_of
from fmnist.ablation.sizing import Fidelity
from fmnist.ablation.variants import catalogue
from fmnist.analysis.paired_effects import ScoredAnswers
from fmnist.runs.artifacts import EXPERIMENTS, RUN
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run
from search.records import Epoch, Failure, Trial

SIZE = Fidelity(6_000, 6_000, 3, 3)
VALUES = {
    "dense": (0.842, 0.845, 0.84),
    "pooling": (0.879, 0.883, 0.885),
    "normalisation_raw": (0.872, 0.874, 0.871),
    "dropout": (0.881, 0.887, 0.879),
    "augmentation": (0.891, 0.893, 0.8895),
    "longer": (0.901, 0.904, 0.9005),
}
OWN = (0.881, 0.884, 0.88)


def confusion(accuracy, classes):
    """Of so many classes, each of which is taken for the one six places on where it is not."""
    images = np.full(classes, SIZE.validation // classes)
    images[0] += SIZE.validation % classes
    hits = np.round(accuracy * images).astype(np.int64)
    return np.diag(hits) + np.roll(np.diag(images - hits), 6, axis=1)


def measured(run, values=VALUES, failures=(), own=OWN):
    """The record of experiments with these accuracies, as the stage writes it."""
    config, classes = load_config(run), len(Run(run).read(RUN).data.class_names)
    trials, scores, confusions = {}, {}, {}
    for key, each in {"base": own if values else (), **values}.items():
        place = BASE if key == "base" else place_of(key)
        for seed, value in enumerate(each):
            number = seed * ROUND + place
            epochs = (Epoch(1, value, 1.0, value, 1.0, 2.0),)
            trials[number] = Trial(
                number, "complete", {"images": SIZE.images}, value, epochs, 70 + seed, "", 2.0
            )
            scores[number] = ScoredAnswers(value, SIZE.validation)
            confusions[number] = confusion(value, classes)
    for key in failures:
        failure = Failure("nan", "the loss became nan in epoch 1")
        number = place_of(key)
        trials[number] = Trial(number, "failed", {}, None, (), 70, "", 1.0, failure)
    found = conclude(config, SIZE, catalogue(config), Trained(trials, scores, confusions))
    Run(run).write(EXPERIMENTS, found)
    return found
