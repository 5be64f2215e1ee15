"""What the opponents of ``head_to_head.py`` tune: plain Keras, or our own network and recipe."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

import keras_tuner
import numpy as np
from opponent_parts import Part, Sizes, Values, keras, network, sizes_for

from fmnist.config.config import Config
from fmnist.config.spaces import CORE
from fmnist.data.views import Views
from fmnist.integrations.keras_tuner import HyperModel
from fmnist.models.inference import predict
from fmnist.pipeline.space_bounds import narrow
from search.space import Float, SearchSpace

# Adam's usual rates, which plain Keras does best with.
_RATE = Float("learning_rate", 5e-4, 1e-2, log=True)


class Trainer(Protocol):
    """Builds and trains the networks of an opponent.

    Attributes:
        space: what is searched.
        sizes: of a trial.
        search_seconds: after which the search has to end, counted from now; None: its usual share.
    """

    space: SearchSpace
    sizes: Sizes
    search_seconds: float | None

    def prepare(self, images: Any) -> Any:
        """Raw images uint8 [N, 28, 28, 1] as the networks take them."""

    def build(self, values: Values) -> Any:
        """A compiled network."""

    def fit(self, model: Any, values: Values, data: Part, **options: Any) -> Any:
        """``Model.fit``, with what belongs to the recipe."""

    def epochs(self, values: Values, left: float, images: Sequence[int]) -> int | None:
        """Epochs of the last training in ``left`` seconds; None: early stopping ends it.

        Args:
            images: of a trial, of the last training, of validation.
        """

    def probabilities(self, model: Any, values: Values, images: Any) -> Any:
        """Class probabilities [N, 10] of raw images."""


@dataclass
class PlainKeras:
    """Plain Keras, as the tutorials show it."""

    seconds: float | None
    space = SearchSpace(tuple(_RATE if entry.name == _RATE.name else entry for entry in CORE))
    search_seconds = None

    @property
    def sizes(self) -> Sizes:
        """Of a trial."""
        return sizes_for(self.seconds)

    def prepare(self, images: Any) -> Any:
        """Images float32 from 0 to 1."""
        return images / np.float32(255)

    def build(self, values: Values) -> Any:
        """See ``opponent_parts.network``."""
        return network(values)

    def fit(self, model: Any, values: Values, data: Part, **options: Any) -> Any:
        """``Model.fit`` with the batch size of ``values``."""
        return model.fit(*data, batch_size=values["batch_size"], **options)

    def epochs(self, values: Values, left: float, images: Sequence[int]) -> int | None:
        """None: early stopping ends it."""
        return None

    def probabilities(self, model: Any, values: Values, images: Any) -> Any:
        """The network's softmax."""
        return model.predict(self.prepare(images), batch_size=500, verbose=0)


@dataclass
class OwnRecipe:
    """Network, recipe, augmentation and sizes that ``fmnist plan`` gives this machine."""

    model: HyperModel
    sizes: Sizes
    search_seconds: float | None
    _epoch: dict[tuple[Any, ...], float] = field(default_factory=dict)

    @classmethod
    def planned(cls, seconds: float | None, data: Path | None) -> OwnRecipe:
        """As planned for the time and the data set, measured now."""
        text = f"{seconds or 600:.0f}s"
        command = [sys.executable, "-m", "fmnist", "plan", "--json", "--time", text]
        command += ["--data", str(data)] if data else []
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        plan = json.loads(told)
        base, sizes = Config(**plan["network"]), plan["sizes"]
        images, epochs = sizes["trial_images"], sizes["trial_epochs"]
        stages = {stage["stage"]: stage["seconds"] for stage in plan["planned"]}
        return cls(
            HyperModel(narrow(CORE, base, sizes["most_cost"]), base),
            Sizes(images, epochs, patience=epochs, max_epochs=3 * epochs),
            None if seconds is None else stages["search"] + stages["confirm"],
        )

    @property
    def space(self) -> SearchSpace:
        """What the plan searches."""
        return self.model.space

    def prepare(self, images: Any) -> Any:
        """Raw, as they are."""
        return images

    def build(self, values: Values) -> Any:
        """Compiled by ``fmnist.HyperModel``."""
        return self.model.build(_chosen(values))

    def fit(self, model: Any, values: Values, data: Part, **options: Any) -> Any:
        """As ``fmnist.HyperModel`` trains; remembers what an epoch took, the first, that compiles,
        only where there is no other."""
        ends = [time.monotonic()]
        watch = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: ends.append(time.monotonic())
        )
        options.pop("validation_batch_size", None)
        callbacks = [*options.pop("callbacks", ()), watch]
        history = self.model.fit(_chosen(values), model, *data, callbacks=callbacks, **options)
        took = [after - before for before, after in itertools.pairwise(ends)]
        self._epoch[_key(values)] = fmean(took[1:] or took or [time.monotonic() - ends[0]])
        return history

    def epochs(self, values: Values, left: float, images: Sequence[int]) -> int | None:
        """So many that the schedule comes to its end; a validation image costs a third."""
        part, whole, validation = images
        epoch = self._epoch[_key(values)] * (whole + validation / 3) / (part + validation / 3)
        return max(1, int(min(left / epoch, 1e6)))

    def probabilities(self, model: Any, values: Values, images: Any) -> Any:
        """Means over the views that the recipe has."""
        config = self.model.config(_chosen(values))
        ended = keras.Sequential([model, keras.layers.Softmax()])
        return predict(ended, images, Views.of(config))


def _chosen(values: Values) -> keras_tuner.HyperParameters:
    found = keras_tuner.HyperParameters()
    found.values = dict(values)
    return found


def _key(values: Values) -> tuple[Any, ...]:
    return tuple(values[entry.name] for entry in CORE)


def trainer_for(program: str, seconds: float | None, data: Path | None) -> Trainer:
    """That of a program; of one named ``…-recipe`` our own network and recipe."""
    own = program.endswith("-recipe")
    return OwnRecipe.planned(seconds, data) if own else PlainKeras(seconds)
