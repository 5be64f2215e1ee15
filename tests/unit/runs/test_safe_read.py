"""Every reader of a run refuses a file that is another than was written, however well formed."""

import numpy as np
import pytest
from run_folders import finished

from fmnist.data.ledger import Ledger
from fmnist.errors import UserError
from fmnist.models.inference import load_model
from fmnist.runs.artifacts import BEST_CONFIG, LEDGER, METRICS, MODEL, PREDICTIONS, RUN
from fmnist.runs.check import check_run
from fmnist.runs.config_source import load_config
from fmnist.runs.safe_read import read_arrays
from search.atomic import write_bytes
from search.checksums import keep_checksums

READERS = {
    METRICS: lambda run: run.read(METRICS),
    RUN: lambda run: run.read_toml(RUN),
    PREDICTIONS: lambda run: read_arrays(run / PREDICTIONS),
    BEST_CONFIG: lambda run: load_config(run.path),
    LEDGER: lambda run: Ledger(run / LEDGER).entries,
    MODEL: lambda run: load_model(run / MODEL),
}


@pytest.mark.parametrize("file", READERS, ids=str)
def test_a_file_that_is_another_than_was_written_is_refused(tmp_path, file):
    run = finished(tmp_path)
    keep_checksums(run.path)
    write_bytes(run / file, b"a network" if file is MODEL else (run / file).read_bytes())
    if file is not MODEL:
        assert READERS[file](run)
    if file is PREDICTIONS:
        np.savez(run / file, **read_arrays(run / file))
    else:
        with (run / file).open("ab") as content:
            content.write(b"\n")
    with pytest.raises(UserError, match="its SHA-256 is another than when it was written"):
        READERS[file](run)
    assert [str(file) in problem for problem in check_run(run)] == [True]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [(METRICS, b"0.9351666666666667", b"1e999"), (RUN, b"seed = 0", b"seed = nan")],
    ids=["JSON", "TOML"],
)
def test_a_number_that_is_none_is_refused(tmp_path, file, old, new):
    run = finished(tmp_path)
    (run / file).write_bytes((run / file).read_bytes().replace(old, new))
    with pytest.raises(UserError, match="is no finite number"):
        run.read(file)
