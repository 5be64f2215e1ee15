"""From Python for real: the example notebook in a kernel, on the small sample."""

from pathlib import Path

import pytest
from requirements import find_package, require_package

import fmnist
from fmnist.data import load

pytestmark = pytest.mark.slow
nbformat, nbclient = map(require_package, ("nbformat", "nbclient"))
find_package("ipykernel")

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "fmnist" / "api" / "examples" / "search.ipynb"
SMALL = {
    "trials": 2, "trial_images": 300, "trial_epochs": 1, "epochs": 2, "validation": 200,
    "experiments": "none", "data": str(ROOT / "tests" / "data" / "sample"), "name": "notebook",
}  # fmt: skip


# jupyter_client and its kernel's sockets; not ours to mend.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_example_notebook_runs_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", ())]
    cell.source = f"import fmnist\noptions = {SMALL | {'results': str(tmp_path)}!r}"
    nbclient.NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    run = fmnist.open_run(tmp_path / "notebook")
    assert run.finished
    shown = [o for c in notebook.cells for o in c.get("outputs", ())]
    assert not [o for o in shown if o.output_type == "error"]
    kinds = [set(o.data) for o in shown if "data" in o]
    assert sum("image/svg+xml" in k for k in kinds) == 3
    assert sum("text/html" in k for k in kinds) >= 3  # progress, the run, data frames
    streams = "".join(o.text for o in shown if o.output_type == "stream" and o.name == "stderr")
    assert "Traceback" not in streams
    images = load(ROOT / "tests" / "data" / "sample").train_images[:5]
    assert run.predict(images).shape == (5, 10)
