"""The files of a run folder: the only list of what one holds, who writes it and who shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fmnist.runs.records.ablation import AblationPlan, Experiments
from fmnist.runs.records.comparison import Comparison
from fmnist.runs.records.data_quality import Gallery, Pictures
from fmnist.runs.records.final_model import Refit, TrainedBaseline, TrainedEnsemble
from fmnist.runs.records.interpretation import Evidence, Explanation
from fmnist.runs.records.metrics import History, Metrics, Predictions
from fmnist.runs.records.new_data import NewData
from fmnist.runs.records.plan import Plan, Preflight, Rehearsal, Stages
from fmnist.runs.records.reproduction import Reproduction
from fmnist.runs.records.run import BestConfig, Environment, LedgerRecord, RunRecord
from fmnist.runs.records.workers import PublishedModel, Sharing
from search.analysis.results import Confirmation, Importance
from search.engines.prior import Prior
from search.records import Epoch, Trial
from search.space import SearchSpace

T = TypeVar("T")
SCHEMA = 1
"""Version of every JSON file of a run folder."""
REPORT, REPORT_PDF, APPENDIX_PDF = "report.html", "report.pdf", "appendix.pdf"


@dataclass(frozen=True)
class Artifact(Generic[T]):
    """One file of a run folder.

    Attributes:
        name: of the file.
        stage: which writes it.
        describes: what it holds.
        record: type of its content, or of a line of it; None for arrays, networks and logs.
        attach: rank among the files that the report's PDF carries, 1 matters most; 0: not attached.
        attached_as: what it holds in the list of attachments, where that differs.
        relation: its relationship to the PDF (ISO 32000-2, 7.11.3).
        listed: whether tables of the run's files have a row for it.
    """

    name: str
    stage: str
    describes: str
    record: type[T] | None = None
    attach: int = 0
    attached_as: str = ""
    relation: str = "Data"
    listed: bool = True

    def __str__(self) -> str:
        return self.name


RUN = Artifact(
    "run.toml", "prepare", "what was asked, the data and the splits", RunRecord,
    attach=2, relation="Source",
)  # fmt: skip
SPACE = Artifact("space.json", "prepare", "the search space", SearchSpace, attach=7)
TRIALS = Artifact(
    "trials.jsonl", "search", "every trial with its epochs, one a line", Trial, attach=15
)
EPOCHS = Artifact(
    "epochs.jsonl", "search", "every epoch of the trials the moment it was over", Epoch
)
LATENCIES: Artifact[Any] = Artifact(
    "latencies.jsonl", "search", "the time for an image of each network that was measured"
)
STUDY: Artifact[Any] = Artifact("study.db", "search", "the Optuna study")
ENGINE: Artifact[Any] = Artifact("engine.json", "search", "the KerasTuner study")
PRIOR = Artifact(
    "prior.json", "preflight", "what earlier runs on the same data told the search", Prior
)
WORKERS = Artifact("workers.json", "search", "which machines trained the trials", Sharing)
PUBLISHED = Artifact(
    "published.json", "publish", "where the final network was left for others", PublishedModel
)
PLAN = Artifact("plan.json", "preflight", "the plan of the time and what became of it", Plan)
PREFLIGHT = Artifact("preflight.json", "preflight", "what was checked before the run", Preflight)
REHEARSAL = Artifact(
    "rehearsal.json", "rehearse", "how long the rehearsal before the search took", Rehearsal
)
CONFIRM_EPOCHS = Artifact(
    "confirm_epochs.jsonl", "confirm", "epochs of the runs on fresh seeds", Epoch
)
CONFIRM_TRIALS = Artifact("confirm.jsonl", "confirm", "the runs on fresh seeds, one a line", Trial)
CONFIRMATION = Artifact(
    "confirmation.json", "confirm", "the winner and how it was chosen", Confirmation, attach=9
)
IMPORTANCE = Artifact(
    "importance.json", "search", "importance of the hyperparameters", Importance, attach=10
)
BEST_CONFIG = Artifact(
    "best_config.toml", "confirm", "the configuration, ready for training again", BestConfig,
    attach=1, relation="Source",
    attached_as="the configuration of the network; train from it again",
)  # fmt: skip
RETRAIN_EPOCHS = Artifact(
    "retrain_epochs.jsonl", "retrain", "epochs of the final training the moment they were over",
    Epoch,
)  # fmt: skip
RETRAIN_TRIALS = Artifact("retrain.jsonl", "retrain", "the final training as a trial", Trial)
HISTORY = Artifact(
    "history.json", "retrain", "the final training, epoch by epoch", History, attach=4
)
REFIT_EPOCHS = Artifact(
    "refit_epochs.jsonl", "refit",
    "epochs of the training on all images the moment they were over", Epoch,
)  # fmt: skip
REFIT_TRIALS = Artifact("refit.jsonl", "refit", "the training on all images as a trial", Trial)
REFIT = Artifact(
    "refit.json", "refit", "the training on training and validation images", Refit, attach=8
)
ENSEMBLE_EPOCHS = Artifact(
    "ensemble_epochs.jsonl", "ensemble",
    "epochs of the further networks the moment they were over", Epoch,
)  # fmt: skip
ENSEMBLE_TRIALS = Artifact(
    "ensemble.jsonl", "ensemble", "the training of the further networks, one a line", Trial
)
ENSEMBLE = Artifact(
    "ensemble.json", "ensemble", "the further networks of the ensemble, in the folder ensemble",
    TrainedEnsemble,
)  # fmt: skip
BASELINE_EPOCHS = Artifact(
    "baseline_epochs.jsonl", "baseline",
    "epochs of the dense baseline the moment they were over", Epoch,
)  # fmt: skip
BASELINE_TRIALS = Artifact("baseline.jsonl", "baseline", "the dense baseline as a trial", Trial)
BASELINE = Artifact(
    "baseline.json", "baseline", "the dense network of as many parameters", TrainedBaseline
)
BASELINE_MODEL: Artifact[Any] = Artifact(
    "baseline.keras", "baseline", "the dense network, which the test compares with"
)
MODEL: Artifact[Any] = Artifact("model.keras", "retrain", "the trained network")
VALIDATED: Artifact[Any] = Artifact(
    "validated.keras", "refit", "the network before it learnt the validation images"
)
PREDICTIONS: Artifact[Predictions] = Artifact(
    "predictions.npz", "evaluate", "labels and probabilities of validation and test images"
)
METRICS = Artifact("metrics.json", "evaluate", "every number of the results", Metrics, attach=3)
EVIDENCE = Artifact("evidence.json", "explain", "measurements behind the concept answers", Evidence)
EXPLANATION: Artifact[Explanation] = Artifact("explain.npz", "explain", "kernels and feature maps")
GALLERY = Artifact(
    "gallery.json", "gallery",
    "doubtful labels, near-duplicates and Grad-CAM, or why they were left out", Gallery,
)  # fmt: skip
PICTURES: Artifact[Pictures] = Artifact(
    "gallery.npz", "gallery", "images and maps that belong to gallery.json"
)
EXPERIMENTS_PLAN = Artifact(
    "experiments_plan.json", "experiments", "how large the experiments were planned", AblationPlan
)
EXPERIMENTS_EPOCHS = Artifact(
    "experiments_epochs.jsonl", "experiments",
    "epochs of the experiments the moment they were over", Epoch,
)  # fmt: skip
EXPERIMENTS_TRIALS = Artifact(
    "experiments.jsonl", "experiments", "the trainings of the experiments, one a line", Trial
)
ANSWERS: Artifact[Any] = Artifact(
    "experiments.npz", "experiments", "what each of them answers to the validation images"
)
EXPERIMENTS = Artifact(
    "experiments.json", "experiments", "what the experiments showed", Experiments,
    attach=12, attached_as="the experiments behind the answers",
)  # fmt: skip
CHECKSUMS: Artifact[Any] = Artifact(
    "checksums.jsonl", "prepare", "SHA-256 of each whole file when it was written"
)
LEDGER = Artifact(
    "ledger.json", "search", "which split was read, when and what for", LedgerRecord, attach=6
)
REPRODUCTION = Artifact(
    "reproduction.json", "reproduce", "how this run agrees with the one that it repeats",
    Reproduction, attach=14, attached_as="how this run agrees with the one it repeats",
)  # fmt: skip
ENVIRONMENT = Artifact(
    "environment.json", "prepare", "machine and package versions", Environment,
    attach=5, relation="Supplement",
)  # fmt: skip
STAGES = Artifact("stages.json", "prepare", "time of each stage", Stages)
LOG: Artifact[Any] = Artifact("run.log", "prepare", "messages of the run")
CHILDREN_LOG: Artifact[Any] = Artifact(
    "children.log", "prepare", "what the training processes and libraries printed"
)
LIVE: Artifact[Any] = Artifact("live.html", "prepare", "what the run is doing, as a page")
NEW_DATA = Artifact(
    "newdata.json", "newdata", "the user's own pictures and how they were classified", NewData
)
FINDINGS: Artifact[Any] = Artifact(
    "findings.json", "report", "the findings of this report", attach=11, listed=False
)
MODEL_CARD: Artifact[Any] = Artifact("model_card.md", "report", "the model card", listed=False)
RUBRIC: Artifact[Any] = Artifact(
    "rubric.toml", "report", "the rubric that the hand-in follows", listed=False
)
RUBRIC_CHECK: Artifact[Any] = Artifact(
    "rubric.md", "report", "what of the rubric is answered where, for the author", listed=False
)
COMPARISON = Artifact(
    "comparison.json", "compare", "other runs on the same test images", Comparison,
    attach=13, listed=False,
)  # fmt: skip

ARTIFACTS: tuple[Artifact[Any], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Artifact)
)
TRIAL_LOGS = tuple(a for a in ARTIFACTS if a.record is Trial)
EPOCH_JOURNALS = tuple(a for a in ARTIFACTS if a.record is Epoch)
