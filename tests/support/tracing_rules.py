"""What a report derives from the fields of a run's files, computed here anew and apart from it.

Each rule takes the contents of the files by name and gives numbers; fractions stand for per cents
and percentage points too.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from fmnist.config.config import Config
from fmnist.models.builder import build_model

FAMILIES = ([0, 2, 3, 4, 6], [5, 7, 9])  # tops and dresses, shoes

Files = dict[str, Any]
Rule = Callable[[Files], Iterable[float]]


def confusions(files: Files) -> Iterable[float]:
    """Errors; each cell as a share of its class and of all errors; the largest together."""
    test = files["metrics.json"]["test"]
    cells, errors = np.array(test["confusion"]), test["n"] - test["correct"]
    wrong = cells - np.diag(np.diag(cells))
    worst = np.sort(wrong.ravel())[::-1]
    yield from (errors, worst[worst >= worst[2]].sum() / max(errors, 1))
    yield from (wrong / np.maximum(cells.sum(axis=1, keepdims=True), 1)).ravel()
    yield from (wrong / max(errors, 1)).ravel()
    yield from ((wrong + wrong.T) / max(errors, 1)).ravel()
    within = [wrong[np.ix_(k, k)].sum() / max(errors, 1) for k in FAMILIES if max(k) < len(cells)]
    yield from (*within, 1 - sum(within))


def accuracies(files: Files) -> Iterable[float]:
    """Differences of validation and test accuracy."""
    metrics = files["metrics.json"]
    both = metrics["validation"], metrics["test"]
    yield both[0]["accuracy"] - both[1]["accuracy"]
    yield 1.96 * math.sqrt(sum(s["accuracy"] * (1 - s["accuracy"]) / s["n"] for s in both))


def single_view(files: Files) -> Iterable[float]:
    """The gap to images that were learnt with Newcombe's interval; what further views bring."""
    metrics = files["metrics.json"]
    seen = metrics.get("single_view")
    if not seen:
        return
    learnt, new = seen["training"], seen["test"]
    yield learnt["accuracy"] - new["accuracy"]
    yield from newcombe(*(s[k] for s in (learnt, new) for k in ("accuracy", "n")))
    for name in ("validation", "test"):
        gain = metrics[name]["accuracy"] - seen[name]["accuracy"]
        yield from (gain, gain * metrics[name]["n"])


def second_choices(files: Files) -> Iterable[float]:
    """Errors whose second most probable class is the true one; certain predictions and errors."""
    arrays = files["predictions.npz"]
    p, labels = arrays["test_probabilities"], arrays["test_labels"]
    ranked = np.argsort(-p, axis=1, kind="stable")
    wrong = ranked[:, 0] != labels
    certain = p.max(axis=1) > 0.9
    yield from (np.sum(wrong & (ranked[:, 1] == labels)), np.sum(wrong & certain), certain.sum())


def curves(files: Files) -> Iterable[float]:
    """Of the final training: gap at each epoch, distance of the losses, rise of the last."""
    epochs = files["history.json"]["epochs"]
    yield from (len(epochs), files["history.json"]["training_images"] * len(epochs))
    kept = epochs[files["history.json"]["chosen_epoch"] - 1]["val_accuracy"]
    yield kept - np.median([e["val_accuracy"] for e in epochs[-5:]])
    lowest = min(e["val_loss"] for e in epochs)
    yield epochs[-1]["val_loss"] / lowest - 1
    yield sum(e["seconds"] for e in epochs)
    seen = {e["epoch"]: e["loss"] for e in files["metrics.json"]["test"].get("curve", ())}
    for e in epochs:
        yield from (e["accuracy"] - e["val_accuracy"], e["loss"] - e["val_loss"])
        yield e["val_loss"] - seen.get(e["epoch"], math.nan)


def trials(files: Files) -> Iterable[float]:
    """How many trials, of each state, with how many epochs; how far the best are apart."""
    found = files.get("trials.jsonl", [])
    yield len(found)
    yield from Counter(t["state"] for t in found).values()
    yield from (len(t["epochs"]) for t in found)
    yield sum(len(t["epochs"]) for t in found)
    for state in {t["state"] for t in found}:
        yield sum(t["seconds"] for t in found if t["state"] == state)
    yield sum(t["seconds"] for t in found)
    longest = max((len(t["epochs"]) for t in found), default=0)
    yield sum(len(t["epochs"]) < longest for t in found)
    history = files["history.json"]
    final = history["training_images"] * len(history["epochs"])
    yield from (e["n"] * longest / final for e in files["ledger.json"]["entries"])
    values = sorted((t["value"] for t in found if t["value"] is not None), reverse=True)
    yield from (a - b for a, b in pairwise(values))


def stages(files: Files) -> Iterable[float]:
    """Seconds of each stage over all sessions and of all together, and the shares."""
    seconds: Counter[str] = Counter()
    for stage in files["stages.json"]["stages"]:
        seconds[stage["name"]] += stage["seconds"]
    del seconds["report"]  # it cannot know how long it will take
    whole = sum(seconds.values())
    yield whole
    for spent in seconds.values():
        yield from (spent, spent / whole)


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval in its closed form."""
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def newcombe(share: float, n: int, other: float, m: int) -> tuple[float, float]:
    """Newcombe's 95 % interval of a difference, from Wilson's of the two shares."""
    (low, high), (other_low, other_high) = wilson(share, n), wilson(other, m)
    gap = share - other
    below, above = (
        math.hypot(share - low, other_high - other),
        math.hypot(high - share, other - other_low),
    )
    return gap - below, gap + above


def planned(files: Files) -> Iterable[float]:
    """Seconds of all stages together, as planned."""
    yield sum(s["seconds"] for s in files.get("plan.json", {}).get("planned", ()))


def published(files: Files) -> Iterable[float]:
    """Wilson's interval of each published accuracy; Newcombe's of the difference to it."""
    test = files["metrics.json"]["test"]
    for one in files["published.toml"]["results"]:
        theirs = one["accuracy"], one.get("n", 10_000)
        yield from (*wilson(*theirs), *newcombe(test["accuracy"], test["n"], *theirs))


def softmax(files: Files) -> Iterable[float]:
    """How far the two highest logits are apart, as a factor too."""
    logits = sorted(files["evidence.json"]["softmax"]["logits"], reverse=True)
    yield from (logits[0] - logits[1], math.exp(logits[0] - logits[1]))


def pixels(files: Files) -> Iterable[float]:
    """Mean and standard deviation of the pixels in the ranges 0 to 1 and −1 to 1."""
    found = files["evidence.json"]["pixels"]
    yield from (found["mean"] / 255, found["std"] / 255)
    yield from (found["mean"] / 127.5 - 1, found["std"] / 127.5)


def experiments(files: Files) -> Iterable[float]:
    """Images that a training of the experiments sees, in how many steps; what is confused there."""
    record = files.get("experiments.json", {})
    for e in record.get("experiments", ()):
        for counts in e.get("confusions", {}).values():
            yield from (n / sum(row) for row in counts for n in row)
    size = record.get("fidelity")
    if size:
        batch = files["best_config.toml"]["training"]["batch_size"]
        yield from (size["images"] * size["epochs"], size["images"] // batch * size["epochs"])


def layers(files: Files) -> Iterable[float]:
    """Parameters of all layers, and one sum as a share or a multiple of the other."""
    sizes = files["evidence.json"]["dense"]
    whole = sum(layer["parameters"] for layer in files["evidence.json"]["layers"])
    counted = [v for v in [*sizes.values(), whole] if v]
    yield whole
    yield from (a / b for pair in combinations(counted, 2) for a, b in (pair, pair[::-1]))


def test_images(files: Files) -> Iterable[float]:
    """Which test images are kept, and with which probability each was taken for what."""
    arrays = files["predictions.npz"]
    yield from arrays["image_index"]
    p, labels = arrays["test_probabilities"], arrays["test_labels"]
    for index in arrays["image_index"]:
        yield from (p[index].max(), p[index, labels[index]])


def calibration(files: Files) -> Iterable[float]:
    """Edges of the bins; the mean probability over all images."""
    found = files["metrics.json"].get("calibration")
    if not found:
        return
    yield from (k / found["bins"] for k in range(found["bins"] + 1))
    for side in ("before", "after"):
        counts = np.array(found[side]["counts"], dtype=float)
        means = np.array([m or 0.0 for m in found[side]["confidence"]])
        yield float(counts @ means / counts.sum())


def without_duplicates(files: Files) -> Iterable[float]:
    """Accuracy on the test images that have no near-duplicate, and how many those are."""
    found = files.get("gallery.json", {}).get("duplicates")
    if found:
        yield found["without"]["correct"] / max(found["without"]["n"], 1)


def doubtful_labels(files: Files) -> Iterable[float]:
    """The share of the images of each split whose label is doubted."""
    found = files.get("gallery.json", {}).get("label_errors", {})
    yield from (found[split]["suspected"] / found[split]["n"] for split in found)


def kernels(files: Files) -> Iterable[float]:
    """The largest weight of the first convolution."""
    yield np.abs(files["explain.npz"]["kernels"]).max()


def interpretation(files: Files) -> Iterable[float]:
    """Of the hand-in: leads over anchors, mutual errors, the next step, what views bring."""
    test, epochs = files["metrics.json"]["test"], files["history.json"]["epochs"]
    cells, n = np.array(test["confusion"]), test["n"]
    yield cells.sum(axis=1).max() / n
    yield from cells.sum(axis=0)
    yield from (len(cells) * (len(cells) - 1), 2)
    mutual = cells + cells.T
    yield from (*mutual.ravel(), *(mutual / 2 / n).ravel())
    yield from (test["accuracy"] - r["accuracy"] for r in files["published.toml"]["results"])
    whole = sum(e["seconds"] for e in epochs)
    yield from (whole, 3 * whole, 200 * whole / len(epochs))
    moves = [abs(b["val_accuracy"] - a["val_accuracy"]) for a, b in pairwise(epochs)]
    quarter = max(1, len(moves) // 4)
    yield from (max(moves[quarter : 2 * quarter], default=0), max(moves[-quarter:], default=0))
    yield whole / len(epochs) * files.get("plan.json", {}).get("sizes", {}).get("final_epochs", 0)
    for epoch in test.get("curve", ()):
        yield test["accuracy"] - epoch["accuracy"]
        yield from wilson(epoch["accuracy"], n)


def networks(files: Files) -> Iterable[float]:
    """Parameters of each trial's network, as Keras counts them."""
    best = files["best_config.toml"]
    base = best["model"] | best["training"]
    shapes = {json.dumps(base | t["params"], sort_keys=True) for t in files.get("trials.jsonl", [])}
    for shape in shapes:
        yield _parameters(shape)


@lru_cache
def _parameters(values: str) -> int:
    return int(build_model(Config(**json.loads(values))).count_params())


def dates(files: Files) -> Iterable[float]:
    """Year, month, day, hour and minute of the beginning."""
    begun = datetime.fromisoformat(files["run.toml"]["created"])
    yield from (begun.year, begun.month, begun.day, begun.hour, begun.minute)


def new_data(files: Files) -> Iterable[float]:
    """The author's pictures of each class, the right ones, what they were taken for; and expected.

    Expected is what the recall of the test images gives; twelve pictures are shown first.
    """
    found = files.get("newdata.json")
    if not found:
        return
    photos, scores = found["photos"], files["metrics.json"]["test"]["classes"]
    of = Counter(p["label"] for p in photos)
    yield from of.values()
    yield from Counter(p["label"] for p in photos if p["label"] == p["predicted"]).values()
    yield from Counter((p["label"], p["predicted"]) for p in photos).values()
    yield from (scores[label]["recall"] * n for label, n in of.items())
    yield sum(scores[label]["recall"] * n for label, n in of.items())
    yield from (min(12, len(photos)), len(photos) - 12, len(scores) - len(of))
    yield found["interval"][1] - found["interval"][0]


RULES: tuple[Rule, ...] = (
    confusions, accuracies, single_view, curves, trials, stages, planned, published, softmax,
    pixels, experiments, layers, test_images, calibration, without_duplicates, doubtful_labels,
    kernels, interpretation, networks, dates, new_data, second_choices,
)  # fmt: skip
