"""``gallery.json`` and ``gallery.npz`` for the recorded run, as the stage would write them."""

import json

import numpy as np

LEFT_OUT = {
    "label_errors": "there was no time for it",
    "grad_cam": "it failed (ValueError: no such layer)",
    "duplicates": "there was no time for it",
}


def add_gallery(run, **changes):
    """Give a copy of the recorded run its gallery; ``changes`` replace entries of the record."""
    with np.load(run / "predictions.npz") as file:
        predictions = dict(file)
    record, arrays = whole(predictions)
    write_gallery(run, record | changes, arrays)
    return record | changes


def write_gallery(run, record, arrays):
    """Write both files."""
    (run / "gallery.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    np.savez_compressed(run / "gallery.npz", **arrays)


def leave_out(run, **reasons):
    """A gallery of which nothing is there."""
    write_gallery(run, {"schema": 1, "left_out": LEFT_OUT | reasons}, {})


def whole(predictions):
    """Record and arrays of a gallery in which every part is there."""
    labels, p = predictions["test_labels"], predictions["test_probabilities"]
    said = p.argmax(axis=1)
    wrong, right = np.flatnonzero(said != labels), np.flatnonzero(said == labels)
    random = predictions["random_index"]
    explained = [*random[said[random] == labels[random]][:2], *wrong[:2]]
    pairs = [(int(right[0]), 12, 0.0, False), (int(wrong[0]), 5, 7.25, True)]
    correct = int((said == labels).sum())
    record = {
        "schema": 1,
        "left_out": {},
        "label_errors": {
            "test": _suspected(labels, p, wrong[:3], len(labels)),
            "validation": _suspected(labels, p, wrong[3:5], 6000),
        },
        "grad_cam": {
            "layer": "relu_3", "height": 3, "width": 3,
            "images": [
                {"index": int(i), "true": int(labels[i]), "predicted": int(said[i]),
                 "p_true": float(p[i, labels[i]]), "p_predicted": float(p[i].max())}
                for i in explained
            ],
        },
        "duplicates": {
            "threshold": 12.75, "test_images": len(labels), "training_images": 60_000,
            "sampled": 200, "usual": {"median": 30.57, "least": 13.54}, "exact": 1,
            "pairs": [
                {"test": i, "train": j, "test_label": int(labels[i]), "rms": rms,
                 "train_label": int(said[i]), "mirrored": mirrored}
                for i, j, rms, mirrored in pairs
            ],
            "correct": 1,
            "without": {"n": len(labels) - 2, "correct": correct - 1},
        },
    }  # fmt: skip
    rng = np.random.default_rng(0)
    arrays = {
        "suspect_images": rng.integers(0, 256, (2, 28, 28), dtype=np.uint8),
        "duplicate_test": predictions["images"][:2],
        "duplicate_train": predictions["images"][:2],
        "cam_predicted": rng.random((4, 3, 3), dtype=np.float32),
        "cam_true": np.zeros((4, 3, 3), dtype=np.float32),
    }
    return record, arrays


def _suspected(labels, p, chosen, n):
    shown = [
        {"index": int(i), "given": int(labels[i]), "suggested": int(p[i].argmax()),
         "p_given": float(p[i, labels[i]]), "p_suggested": float(p[i].max())}
        for i in chosen
    ]  # fmt: skip
    first = shown[0]
    pairs = [{"given": first["given"], "suggested": first["suggested"], "count": len(shown)}]
    return {"n": n, "suspected": len(shown), "pairs": pairs, "shown": shown}
