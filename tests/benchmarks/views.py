"""What the mean over further views of an image brings to the networks of finished runs.

    python tests/benchmarks/views.py results/*

Reads each run's final network and its own validation images; the test set is not read, and nothing
is trained. A refitted network learnt its validation images: give runs without a refit.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import fmean

from fmnist.data import load, split
from fmnist.data.views import Views
from fmnist.models.inference import load_model, predict, score
from fmnist.runs.artifacts import MODEL, RUN
from fmnist.runs.folder import Run

KINDS = [Views(flip, shift) for shift, flip in product((0, 1, 2), (False, True))]


def scores(path: Path) -> Iterator[tuple[float, float]]:
    """Accuracy and loss of a network on its validation images, for each kind of views."""
    run = Run(path)
    data, splits = load(None), run.read(RUN).splits
    kept = split(data.train_labels, validation=splits.validation, seed=splits.seed).validation
    images, labels = data.train_images[kept], data.train_labels[kept]
    model = load_model(run / MODEL)
    for views in KINDS:
        yield score(predict(model, images, views), labels)


def main() -> None:
    """Print a row a kind of views, with the gain over the image alone in each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    found = [list(scores(path)) for path in parser.parse_args().runs]
    print(f"n = {len(found)} networks\n\n| mirrored | moved by | views | accuracy | loss | gains |")
    print("|---|---|---|---|---|---|")
    for views, each in zip(KINDS, zip(*found, strict=True), strict=True):
        gains = ", ".join(
            f"{100 * (accuracy - alone[0][0]):+.2f}"
            for (accuracy, _), alone in zip(each, found, strict=True)
        )
        accuracy, loss = (fmean(column) for column in zip(*each, strict=True))
        mirrored = "yes" if views.flip else "no"
        row = f"| {mirrored} | {views.shift} | {views.count} | {accuracy:.2%} | {loss:.4f} |"
        print(f"{row} {gains} |")


if __name__ == "__main__":
    main()
