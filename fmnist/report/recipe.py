"""The training recipe of a configuration, in sentences."""

from __future__ import annotations

from typing import Any

from fmnist.report import text
from fmnist.report.records.run import BestConfig, Request

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "stochastic gradient descent"}
ENGINES = {"optuna": "Optuna", "keras-tuner": "KerasTuner"}
SAMPLERS = {
    "tpe": "tree-structured Parzen estimator (TPE)",
    "random": "random search",
    "grid": "grid search",
    "cmaes": "CMA-ES",
    "bayesian": "Bayesian optimisation with a Gaussian process",
    "hyperband": "Hyperband",
}
NORMALISATIONS = {
    "raw": "Pixels enter as they are, 0 to 255.",
    "unit": "Pixels are divided by 255, so they enter in the range 0 to 1.",
    "signed": "Pixels are scaled from 0–255 to the range −1 to 1.",
}


PRUNERS = {
    "median": "the median rule",
    "halving": "successive halving",
    "hyperband": "Hyperband",
}


def engine(request: Request) -> str:
    """The search engine by its name."""
    return ENGINES.get(request.engine, request.engine)


def sampler(request: Request) -> str:
    """How the engine chose what to try, in words."""
    return SAMPLERS.get(request.sampler, request.sampler)


def pruning(request: Request, n: int) -> str:
    """Why trials were stopped early: without pruning only the clock stops them."""
    they = "it" if n == 1 else "they"
    if request.pruner == "none":
        return "because the time ran out"
    rule = PRUNERS.get(request.pruner, request.pruner)
    return f"because {they} fell behind ({rule}) or the time ran out"


def network(best: BestConfig) -> str:
    """The network in one sentence."""
    c = best.values()
    filters = [str(c[name]) for name in ("filters_1", "filters_2", "filters_3") if c.get(name)]
    size = c.get("kernel_size", 3)
    parts = (
        f"{text.counted(len(filters), 'convolution block')} with {text.listing(filters)} filters"
    )
    norm = ", batch normalisation" if c.get("batch_norm") else ""
    dense = c.get("dense_units")
    hidden = f", a dense layer of {text.counted(dense, 'unit')}" if dense else ""
    return (
        f"The network has {parts} of {size} × {size}, each followed by {c.get('pooling', 'max')} "
        f"pooling{norm} and ReLU{hidden}, and a softmax over the classes."
    )


def sentences(best: BestConfig) -> list[str]:
    """How the network was trained, one sentence a subject, fields the file lacks left out."""
    c = best.values()
    return [s for s in (_input(c), _augmentation(c), _optimiser(c), _regularisers(c)) if s]


def _input(c: dict[str, Any]) -> str:
    return NORMALISATIONS.get(str(c.get("normalisation")), "")


def _augmentation(c: dict[str, Any]) -> str:
    ways = []
    if c.get("flip"):
        ways.append("mirrored left to right with probability one half")
    if c.get("shift"):
        ways.append(f"shifted at random by up to {text.counted(c['shift'], 'pixel')}")
    if not ways:
        return "Training images are not augmented."
    return f"Each time it is seen, a training image is {text.listing(ways)}."


def _optimiser(c: dict[str, Any]) -> str:
    if not {"optimizer", "learning_rate", "batch_size", "epochs"} <= set(c):
        return ""
    name = OPTIMIZERS.get(c["optimizer"], c["optimizer"])
    rate = text.value(c["learning_rate"])
    course = (
        f"a learning rate that rises to {rate} and falls to zero along a cosine"
        if c.get("schedule") == "cosine"
        else f"a constant learning rate of {rate}"
    )
    return (
        f"{name} minimises the cross-entropy over {text.counted(c['epochs'], 'epoch')} in batches "
        f"of {c['batch_size']} with {course}."
    )


def regularisers(c: dict[str, Any]) -> list[str]:
    """The means against overfitting that this configuration switches on."""
    found = []
    if c.get("dropout"):
        found.append(f"dropout of {text.value(c['dropout'])}")
    if c.get("l2"):
        found.append(f"an L2 penalty of {text.value(c['l2'])}")
    if c.get("weight_decay"):
        found.append(f"weight decay of {text.value(c['weight_decay'])}")
    if c.get("label_smoothing"):
        found.append(f"label smoothing of {text.value(c['label_smoothing'])}")
    if c.get("flip") or c.get("shift"):
        found.append("augmentation")
    if c.get("batch_norm"):
        found.append("batch normalisation")
    return found


def _regularisers(c: dict[str, Any]) -> str:
    found = regularisers(c)
    if not found:
        return "No regulariser is switched on."
    return f"Against overfitting it uses {text.listing(found)}, and the weights of the best epoch."
