"""The recorded run as if its data set had other classes: more of them, with any names."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import tomli_w
from report_factory import recorded, write

from fmnist.analysis import classification
from fmnist.runs.artifacts import METRICS
from fmnist.runs.folder import Run

IMAGES = 2000


def with_classes(folder, names, *, untested=None, **data):
    """A copy of the recorded run on a data set of the user's own with these classes.

    Args:
        untested: number of a class without test images; they are of the next class instead.
    """
    run = recorded(folder)
    document = tomllib.loads((run / "run.toml").read_text(encoding="utf-8"))
    own = {"name": "own", "source": "pictures in own", "verified": False, "mirrors": False}
    document["data"] |= own | {"class_names": list(names)} | data
    document["splits"]["test"] = IMAGES
    (run / "run.toml").write_text(tomli_w.dumps(document), encoding="utf-8")
    arrays = _predictions(len(names))
    if untested is not None:
        labels = arrays["test_labels"]
        arrays["test_labels"] = np.where(labels == untested, untested + 1, labels)
    _relabel(run, arrays)
    metrics = Run(run).read(METRICS)
    test = arrays["test_labels"], arrays["test_probabilities"]
    scores = replace(classification.evaluate(*test, names), curve=metrics.test.curve)
    Run(run).write(METRICS, replace(metrics, test=scores))
    _softmax(run, arrays)
    return run


def _predictions(classes):
    """Labels and probabilities; every class is taken for some of the others."""
    rng = np.random.default_rng(0)
    found = {}
    for split, n in (("test", IMAGES), ("validation", 6000)):
        labels = rng.permutation(np.arange(n) % classes)
        logits = rng.normal(size=(n, classes))
        logits[np.arange(n), labels] += 4
        p = np.exp(logits)
        p /= p.sum(axis=1, keepdims=True)
        found |= {f"{split}_labels": labels, f"{split}_probabilities": p.astype(np.float32)}
    return found


def _relabel(run, arrays):
    with np.load(run / "predictions.npz") as file:
        kept = {name: file[name] for name in file.files}
    wrong = np.flatnonzero(arrays["test_probabilities"].argmax(axis=1) != arrays["test_labels"])
    shown = np.union1d(wrong, np.arange(64))
    classes = arrays["test_probabilities"].shape[1]
    arrays |= {
        "image_index": shown,
        "images": np.resize(kept["images"], (len(shown), 28, 28)),
        "random_index": np.arange(64),
        "example_index": np.arange(classes),
        "examples": np.resize(kept["examples"], (classes, 28, 28)),
    }
    np.savez(run / "predictions.npz", **arrays)
    with np.load(run / "explain.npz") as file:
        explained = {name: file[name] for name in file.files}
    np.savez(run / "explain.npz", **explained | {"feature_index": shown[0]})


def _softmax(run, arrays):
    evidence = json.loads((run / "evidence.json").read_text(encoding="utf-8"))
    index = int(arrays["image_index"][0])
    p = arrays["test_probabilities"][index].astype(float)
    evidence["softmax"] = {
        "test_index": index,
        "true": int(arrays["test_labels"][index]),
        "predicted": int(p.argmax()),
        "logits": np.log(p).tolist(),
        "probabilities": p.tolist(),
    }
    write(run, "evidence.json", evidence)
