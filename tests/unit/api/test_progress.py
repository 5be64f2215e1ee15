"""How far a job is, in a kernel as Jupyter starts it: a widget, or a line without ipywidgets."""

import pytest
from requirements import find_package, require_package

nbformat, nbclient = map(require_package, ("nbformat", "nbclient"))
find_package("ipykernel")
find_package("ipywidgets")

HIDDEN = "import sys; sys.modules['ipywidgets'] = None"
CELL = """
from fmnist.api.progress import Progress
told = Progress()
told({"event": "begin", "run": "night", "seconds": %s, "left": 300.0})
told({"event": "stage", "name": "<search>"})
%s
"""
RESULT = 'told({"event": "result", "accuracy": 0.9, "interval": (0.8, 0.95)})'
WIDGET = "application/vnd.jupyter.widget-view+json"


# jupyter_client and its kernel's sockets; not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def shown(before, seconds, after=""):
    """The outputs of the cell, and the states of its widgets by reference and by model."""
    cells = [nbformat.v4.new_code_cell(text) for text in (before, CELL % (seconds, after))]
    book = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute()
    kept = book.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
    widgets = kept.get("state", {}).items()
    states = {key: w["state"] for n, w in widgets for key in (f"IPY_MODEL_{n}", w["model_name"])}
    return book.cells[1].outputs, states


@pytest.mark.slow
def test_a_bar_shows_the_share_of_the_time():
    (output,), states = shown("", 600.0)
    assert WIDGET in output.data
    assert states["LabelModel"]["value"] == "<search>"
    assert states["FloatProgressModel"]["max"] == 600.0
    assert 300 <= states["FloatProgressModel"]["value"] < 600
    assert states[states["FloatProgressModel"]["layout"]]["display"] is None


@pytest.mark.slow
def test_without_a_limit_the_bar_is_hidden():
    _, states = shown("", None)
    assert states["LabelModel"]["value"] == "<search>"
    assert states[states["FloatProgressModel"]["layout"]]["display"] == "none"


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", HIDDEN])
def test_at_the_end_a_line_of_text_stays(before):
    (output,), _ = shown(before, 600.0, RESULT)
    assert output.data["text/html"].startswith("<pre>test accuracy ")
    assert WIDGET not in output.data


@pytest.mark.slow
def test_without_ipywidgets_a_line_changes():
    (output,), states = shown(HIDDEN, 600.0)
    assert output.data["text/html"] == "<pre>&lt;search&gt;</pre>"
    assert states == {}
