"""What is known of Fashion-MNIST alone, and sizes for small data sets."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from fmnist.config.config import Config
from fmnist.config.spaces import CORE, FULL
from fmnist.data import check_same
from fmnist.errors import DataError
from fmnist.pipeline.flip_policy import disable_flips, flip_note
from fmnist.pipeline.planner.profiles import profile_for, scale_to_dataset
from fmnist.pipeline.request import Request
from search.space import SearchSpace

MIRRORED = Config(flip=True, test_time_flip=True)
OWN = Request(data="/some/folder", space="full")


@dataclass
class Job:
    """What ``disable_flips`` looks at and changes."""

    request: Request = OWN
    mirrors: bool = False
    space: SearchSpace | None = FULL
    base: Config = MIRRORED
    first_trials: tuple = ({"flip": True, "shift": 2},)
    loaded: list = field(default_factory=list)

    @property
    def data(self):
        self.loaded.append(True)
        return SimpleNamespace(mirrors=self.mirrors)


def names(job):
    return {p.name for p in job.space}


def test_mirrors_are_neither_searched_nor_the_default():
    job = Job()
    disable_flips(job)
    assert names(job) == {p.name for p in FULL} - {"flip"}
    assert not job.base.flip
    assert not job.base.test_time_flip
    assert job.first_trials == ({"shift": 2},)
    assert flip_note(job).startswith("Mirrored images were left out")


def test_fashion_mnist_is_left_alone():
    job = Job(mirrors=True)
    disable_flips(job)
    assert job.space is FULL
    assert job.base.flip
    assert flip_note(job) == ""


def test_the_published_data_are_not_read_for_this():
    job = Job(Request())
    disable_flips(job)
    assert job.base.flip
    assert not job.loaded


@pytest.mark.parametrize(
    ("request_", "flip", "test_time_flip"),
    [
        (replace(OWN, settings={"flip": True}), True, False),
        (replace(OWN, warm_start="mine.toml"), True, True),
        (replace(OWN, kind="train", space=None, recipe="simple"), True, True),
    ],
)
def test_what_was_asked_for_stays(request_, flip, test_time_flip):
    job = Job(request_, space=CORE if request_.kind == "search" else None, first_trials=())
    disable_flips(job)
    assert (job.base.flip, job.base.test_time_flip) == (flip, test_time_flip)
    inherited = "as the configuration that the search starts from has them (--set flip=false"
    why = inherited if request_.warm_start else "as was asked for"
    assert flip_note(job).startswith(f"Mirrored images are used, {why}")


def test_a_space_of_the_users_own_stays_as_it_is():
    job = Job(replace(OWN, space="mine.toml"))
    disable_flips(job)
    assert job.space is FULL
    assert "as was asked for" in flip_note(job)


@pytest.mark.parametrize("minutes", [5, 10, 60, 600])
def test_the_plan_for_fashion_mnist_is_as_it_was(minutes):
    plan = profile_for(60 * minutes)
    assert scale_to_dataset(plan, 60_000, 10) == plan
    # EMNIST by class: more images do not make it longer.
    assert scale_to_dataset(plan, 697_932, 62) == plan


@pytest.mark.parametrize(
    ("images", "classes", "validation", "trial_images"),
    [(500, 10, 100, 400), (1438, 10, 288, 1150), (60, 26, 26, 34), (6, 3, 3, 3), (4, 2, 2, 2)],
)
def test_a_small_set_has_a_fifth_for_validation(images, classes, validation, trial_images):
    plan = replace(profile_for(600), trial_images=7_000)
    found = scale_to_dataset(plan, images, classes)
    assert (found.validation, found.trial_images) == (validation, trial_images)
    assert found.trial_epochs == 4 * plan.trial_epochs
    assert found.final_epochs == 4 * plan.final_epochs


def test_a_night_on_a_small_set_does_not_fill_the_disk():
    night, hour = profile_for(8 * 3600, refit=False), profile_for(3600)
    assert scale_to_dataset(night, 1000, 10).final_epochs == night.final_epochs > 200
    assert scale_to_dataset(hour, 1000, 10).final_epochs == 200
    assert (
        scale_to_dataset(profile_for(600), 1000, 10).final_epochs
        == 4 * profile_for(600).final_epochs
    )


def test_epochs_grow_with_what_is_missing():
    plan = profile_for(600)
    found = scale_to_dataset(plan, 33_000, 10)
    assert (found.validation, found.trial_images) == (6000, plan.trial_images)
    assert found.trial_epochs == plan.trial_epochs
    assert found.final_epochs == round(plan.final_epochs * 2)


def test_a_run_goes_on_with_the_data_it_began_with():
    data = SimpleNamespace(digest="a" * 64, source="pictures in x")
    check_same(data, "a" * 64)
    with pytest.raises(DataError, match=r"pictures in x: .*\(checksum bbbbbbbbbbbb then, aaaa"):
        check_same(data, "b" * 64)
