"""Studies of the tests, whose options and checkpoints are given flat."""

import dataclasses

from search.study.checkpoints import CheckpointFolder
from search.study.study import Study, StudyOptions


def study_of(*, folder=None, checkpoint=lambda _: (), keep=None, fetch=None, **fields):
    names = {f.name for f in dataclasses.fields(StudyOptions)} & set(fields)
    options = StudyOptions(**{name: fields.pop(name) for name in names})
    checkpoints = CheckpointFolder(folder, checkpoint, keep, fetch)
    return Study(options=options, checkpoints=checkpoints, **fields)
