"""Make ``sample/``: 2,000 training and 500 test images of Fashion-MNIST, the same every time.

Run once from the repository root: ``python tests/data/make_sample.py``.
"""

from pathlib import Path

import numpy as np

from fmnist.data import load, subset
from fmnist.data.dataset import Part
from fmnist.data.formats.idx import write_folder
from fmnist.data.ledger import Ledger

SEED = 2017
N_TRAIN = 2_000
N_TEST = 500
FOLDER = Path(__file__).parent / "sample"


def take(images: np.ndarray, labels: np.ndarray, n: int) -> Part:
    """A stratified part of ``n`` images, in their published order."""
    chosen = subset(np.arange(len(labels)), labels, n, SEED)
    return Part(images[chosen, :, :, 0], labels[chosen], "sample", "sample")


def main() -> None:
    """Write the four files and the class names."""
    data = load()
    ledger = Ledger(FOLDER / "ledger.json")
    test_images, test_labels = data.test.open("evaluate", "cut a sample for the tests", ledger)
    ledger.path.unlink()
    train = take(data.train_images, data.train_labels, N_TRAIN)
    write_folder(FOLDER, train, take(test_images, test_labels, N_TEST))
    names = "".join(f"{name}\n" for name in data.class_names)
    (FOLDER / "class_names.txt").write_text(names, encoding="utf-8")


if __name__ == "__main__":
    main()
