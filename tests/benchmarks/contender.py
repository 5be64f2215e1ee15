"""One contender in a process of its own: trains an epoch a line (see ``child.py``).

    python tests/benchmarks/contender.py ours small 17920

Answers with the images it trained on, its seconds, and the most memory it has held, in bytes.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from child import serve
from networks import (
    NETWORKS,
    Part,
    Passes,
    keras_of_our_parts,
    plain_keras,
    training_images,
    unmoved,
)

from fmnist.config.config import Config

Work = Callable[[], int]
_SIDE, _TIMES = 2048, 10


def keras_fit(config: Config, images: Part) -> Work:
    """``Model.fit`` on NumPy arrays of raw pixels; the network scales them."""
    model = plain_keras(config)

    def epoch() -> int:
        model.fit(*images, batch_size=config.batch_size, verbose=0)
        return len(images[1])

    return epoch


def keras_fit_of_our_parts(config: Config, images: Part) -> Work:
    """``Model.fit`` with our layers and precision, 16 steps a call, batches from ``tf.data``."""
    model = keras_of_our_parts(config)
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices(images).batch(config.batch_size).cache()

    def epoch() -> int:
        model.fit(batches.prefetch(2), verbose=0, shuffle=False)
        return len(images[1])

    return epoch


def ours(config: Config, images: Part) -> Work:
    """Our loop without augmentation."""
    return Passes(unmoved(config), images)


def ours_moved(config: Config, images: Part) -> Work:
    """Our loop as a run uses it."""
    return Passes(config, images)


def torch_float32(config: Config, images: Part) -> Work:
    """A PyTorch loop, tensors resident."""
    from torch_loop import epochs

    return epochs(config, images, "float32")


def torch_bfloat16(config: Config, images: Part) -> Work:
    """The same under ``autocast``."""
    from torch_loop import epochs

    return epochs(config, images, "bfloat16")


KINDS = {
    "keras": keras_fit,
    "keras-our-parts": keras_fit_of_our_parts,
    "ours": ours,
    "ours-moved": ours_moved,
    "torch": torch_float32,
    "torch-bfloat16": torch_bfloat16,
}


def product(kind: str) -> Callable[[], dict[str, float]]:
    """Products of two square matrices in TensorFlow: what the machine can at best."""
    from fmnist import backends

    backends.configure()
    import tensorflow as tf

    matrices = tf.cast(tf.random.normal([2, _SIDE, _SIDE]), kind.partition("-")[2])

    def once() -> float:
        since = time.perf_counter()
        tf.matmul(matrices[0], matrices[1]).numpy()
        return time.perf_counter() - since

    return lambda: {"operations": 2 * _SIDE**3, "seconds": min(once() for _ in range(_TIMES))}


def timed(work: Work) -> dict[str, float]:
    """One round."""
    started = time.time()
    count = work()
    ended = time.time()
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {
        "images": count,
        "seconds": ended - started,
        "started": started,
        "ended": ended,
        "peak_bytes": peak,
    }


def main() -> None:
    """Warm up with one round, then one a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=[*KINDS, "product-float32", "product-bfloat16"])
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("images", type=int)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    if options.kind.startswith("product"):
        serve(product(options.kind))
        return
    from fmnist import backends

    work = KINDS[options.kind](
        NETWORKS[options.network], training_images(options.images, options.data)
    )
    work()
    is_torch = options.kind.startswith("torch")
    serve(lambda: timed(work), "unknown" if is_torch else backends.device())


if __name__ == "__main__":
    main()
