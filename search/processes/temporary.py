"""Temporary files of all our processes in one folder, which goes with the first of them."""

from __future__ import annotations

import os
import tempfile
from multiprocessing import util


def make_temporary_folder() -> None:
    """Make it here, if it is not there, so that a process that is started next has the same."""
    util.get_temp_dir()


def share_temporary_folder() -> None:
    """Have this process and those it starts put temporary files there from now on.

    Libraries leave some where a process is killed, or is not torn down: TensorFlow eight a minute.
    """
    os.environ["TMPDIR"] = tempfile.tempdir = util.get_temp_dir()
