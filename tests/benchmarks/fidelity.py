"""Do early epochs tell which configuration wins? Whole curves of random trials, and what they show.

    python tests/benchmarks/fidelity.py --images 18000 --epochs 4 --configs 16

Trains random configurations of the core space as a search would, each to its last epoch, on the
sizes of a plan. The test set is not read. What is trained is journalled: the same command goes on
after an interruption, and prints the same tables again once all is there. ``curves.json`` in the
folder it names holds the curves; ``tests/data/curves.json`` is such a file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from replay import Outcome, correlation, curves_in, replay

from fmnist.pipeline.progress import ProgressDisplay
from search.engines import PRUNERS
from search.engines.base import Suggestion
from search.records import Trial


def suggestions(configs: int, seed: int) -> list[Suggestion]:
    """Random configurations of the core space, the same for the same seed."""
    import optuna

    from fmnist.config.spaces import CORE
    from search.engines.trial_store import distributions_of

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    space = distributions_of(CORE)
    return [Suggestion(number, study.ask(space).params) for number in range(configs)]


def training(images: int, validation: int, seed: int, base: Mapping[str, Any]) -> Any:
    """What a search on so many images has its children do, around these values of the fields."""
    import numpy as np

    from fmnist.config.config import Config
    from fmnist.data import load, split, subset
    from fmnist.training.objective import TrainingObjective

    found = load(None)
    x, y = found.train_images, found.train_labels
    splits = split(y, validation=validation, seed=seed)
    chosen = subset(splits.train, y, min(images, len(splits.train)), seed=seed)
    kept = splits.validation
    return TrainingObjective(
        Config().replace(**base),
        (x[chosen], y[chosen]),
        (x[kept], y[kept]),
        share=np.arange(len(chosen)),
    )


def record(
    options: argparse.Namespace,
    folder: Path,
    base: Mapping[str, Any] | None = None,
    training_seed: int | None = None,
) -> list[Trial]:
    """Train what is not in the log in ``folder`` yet; all trials by number.

    Args:
        base: values of the fields that are not drawn; None: the default's.
        training_seed: of first weights and order of images; None: that of everything else.
    """
    from fmnist.training import checkpoint
    from fmnist.training.objective import warm_up
    from search.engines.fixed_list import FixedListEngine
    from search.processes.supervisor import Supervisor
    from search.records import EpochLog, TrialLog
    from search.study.checkpoints import CheckpointFolder
    from search.study.running_trial import trial_seed
    from search.study.scheduler import Budget, TrialScheduler
    from search.study.study import Study, StudyOptions

    class Progress(ProgressDisplay):
        def epoch_done(self, suggestion: Any, epoch: Any, remaining: int = 0) -> None:
            """Nothing is shown."""

        def trial_done(self, trial: Trial, best: Any, time_left: float) -> None:
            print(f"trial {trial.number}: {trial.state} {trial.value} {trial.seconds:.0f} s")

    log, epoch_log = TrialLog(folder / "trials.jsonl"), EpochLog(folder / "epochs.jsonl")
    wanted = suggestions(options.configs, options.seed)
    engine = FixedListEngine(wanted, log.trials, epoch_log.unrecorded(log.trials))
    objective = training(options.images, options.validation, options.seed, base or {})
    runner = Supervisor(
        objective, jobs=options.jobs, initializer=warm_up, output=folder / "children.log"
    )
    with closing(engine), runner:
        Study(
            engine=engine,
            runner=runner,
            scheduler=TrialScheduler(Budget(None)),
            log=log,
            epoch_log=epoch_log,
            listener=Progress(),
            options=StudyOptions(options.epochs),
            checkpoints=CheckpointFolder(folder / "checkpoints", checkpoint.epochs_in),
            seed_of=partial(trial_seed, options.seed if training_seed is None else training_seed),
        ).run()
    return sorted(log.trials, key=lambda t: t.number)


def write(file: Path, trials: list[Trial], options: argparse.Namespace) -> None:
    """The curves of the complete trials with where they come from, as JSON."""
    from fmnist.backends.environment import describe
    from search.atomic import write_bytes

    names = ("images", "epochs", "validation", "seed", "jobs")
    curves = [
        {
            "params": t.params,
            "val_accuracy": [e.val_accuracy for e in t.epochs],
            "seconds": [e.seconds for e in t.epochs],
        }
        for t in trials
        if t.state == "complete"
    ]
    content = {
        "schema": 1,
        "sizes": {name: getattr(options, name) for name in names},
        "machine": vars(describe("CPU")),
        "curves": curves,
    }
    write_bytes(file, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def tell(file: Path, orders: int) -> None:
    """Print rank correlations and replays as Markdown tables."""
    content = json.loads(file.read_text())
    curves, sizes, machine = curves_in(file), content["sizes"], content["machine"]
    print(
        f"n = {len(curves)} random configurations, {sizes['images']} images, {sizes['epochs']} "
        f"epochs, {sizes['validation']} images for validation, seed {sizes['seed']}\n"
        f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, "
        f"{machine['packages']}, {machine['precision']}\n"
    )
    print("| after epoch | Spearman (95 %) | Kendall (95 %) |\n|---|---|---|")
    for epoch in range(1, sizes["epochs"]):
        found = [correlation(curves, epoch, kind) for kind in ("spearman", "kendall")]
        print(
            f"| {epoch} | " + " | ".join(f"{r:.2f} ({a:.2f}–{b:.2f})" for r, a, b in found) + " |"
        )
    some = max(2, 5 * len(curves) // 8)
    ways: list[tuple[str, dict[str, Any]]] = [
        ("all", {}),
        (f"{some} drawn at random", {"drawn": some}),
        ("all, half of the epochs allowed", {"share": 0.5}),
    ]
    for name, way in ways:
        print(f"\n{name}; {orders} random orders\n\n{_HEAD}")
        for pruner in PRUNERS:
            print(row(pruner, replay(curves, pruner, orders, **way)))


_HEAD = (
    "| pruner | winner kept | mean regret (points) | worst | epochs run |\n|---|---|---|---|---|"
)


def row(pruner: str, outcome: Outcome) -> str:
    """One line of a table."""
    return (
        f"| {pruner} | {100 * outcome.kept:.1f} % | {100 * outcome.regret:.3f} "
        f"| {100 * outcome.worst:.2f} | {100 * outcome.spent:.1f} % |"
    )


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """What ``record`` asks of its options, and how many orders are drawn afterwards."""
    parser.add_argument("--images", type=int, default=18_000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--configs", type=int, default=16)
    parser.add_argument("--validation", type=int, default=6_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--orders", type=int, default=500)


def main() -> None:
    """Record the curves where they are not there yet, and print what they show."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_sizes(parser)
    parser.add_argument("--folder", type=Path, help="Named after the sizes when left out.")
    options = parser.parse_args()
    sizes = f"{options.images}x{options.epochs}-{options.configs}-{options.seed}"
    folder = options.folder or Path(f"fidelity-{sizes}")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "curves.json"
    if not file.exists():
        write(file, record(options, folder), options)
    tell(file, options.orders)


if __name__ == "__main__":
    main()
