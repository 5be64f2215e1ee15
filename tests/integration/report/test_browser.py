"""What JavaScript adds to the HTML report, in a real browser, by pointer and by keyboard."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fmnist.report import text

pytestmark = pytest.mark.slow

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
METRICS = json.loads((RECORDED / "metrics.json").read_text(encoding="utf-8"))["test"]
NAMES = [c["name"] for c in METRICS["classes"]]


@pytest.fixture(scope="module")
def predictions():
    with np.load(RECORDED / "predictions.npz") as archive:
        return dict(archive)


def figure(page, words):
    """The plot whose caption begins with ``words``."""
    return page.locator("figure", has=page.locator("figcaption", has_text=re.compile(words)))


def point(page, plot, number):
    """Where on the page a point of a plot stands, and what it says."""
    source = plot.locator("img").get_attribute("src").split(",")[1]
    told = re.search("<metadata>(.*?)</metadata>", base64.b64decode(source).decode("utf-8"))
    x, y, said = json.loads(told[1])["points"][number]
    plot.scroll_into_view_if_needed()
    box = plot.locator("img").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"], said


# ---- Tables ----


def column(table, number):
    return [
        row.locator("th, td").nth(number).inner_text() for row in table.locator("tbody tr").all()
    ]


def test_a_table_is_sorted_by_a_column_and_back(page):
    captions = page.locator("caption", has_text="Scores of each class")
    table = page.locator("table", has=captions).first  # the hand-in's
    before = column(table, 0)
    head = table.locator("thead th").nth(2)
    button = head.get_by_role("button", name="Recall")
    button.focus()
    page.keyboard.press("Enter")
    recalls = sorted(METRICS["classes"], key=lambda c: c["recall"])
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(table, 2)[:-1] == [text.score(c["recall"]) for c in recalls]
    assert column(table, 0)[-1] == "macro average"
    assert page.get_by_role("status").text_content() == "Sorted by Recall, ascending"
    button.click()
    assert head.get_attribute("aria-sort") == "descending"
    assert column(table, 2)[:-1] == [text.score(c["recall"]) for c in reversed(recalls)]
    table.get_by_role("button", name="Class").click()
    assert head.get_attribute("aria-sort") is None
    assert column(table, 0)[:-1] == sorted(NAMES, key=str.lower)
    for _ in range(2):
        table.get_by_role("button", name="Class").click()
    assert column(table, 0) == before
    assert table.locator("[aria-sort]").count() == 0


@pytest.mark.parametrize(
    "ascending",
    [
        [text.signed_points(x) for x in (-0.035, -0.001, 0.2)] + ["–"],
        [text.p_value(p) for p in (1e-9, 0.00012, 0.04, 0.5)],
        [text.duration(s) for s in (0.8, 12, 75, 492, 7500)],
        [text.number(x) for x in (4.2e-5, 1e-4, 0.003, 0.5, 20)],
        [text.memory(m) for m in (9e6, 812e6, 1.4e9)],
        [text.count(n) for n in (7, 999, 1024, 60_000)],
        [text.percent(x) for x in (0.091, 0.5, 1)],
        ["Bag", "dress", "Shirt 2", "Shirt 10"],
    ],
)
def test_numbers_are_ordered_by_their_value(page, ascending):
    page.evaluate(
        """(cells) => {
            const table = document.querySelector('table.sortable');
            const row = table.tBodies[0].rows[0];
            const rows = cells.map((cell) => {
                const copy = row.cloneNode(true);
                copy.cells[0].textContent = cell;
                return copy;
            });
            document.body.append(document.createElement('div'));
            const copy = table.cloneNode(true);
            copy.id = 'own';
            copy.tHead.rows[0].cells[0].textContent = 'Own';
            copy.tBodies[0].replaceChildren(...rows);
            window.own = copy;
        }""",
        ascending[::-1],
    )
    source = page.locator("script:not([type])").text_content()
    page.evaluate("document.body.replaceChildren(document.createElement('main'), window.own)")
    page.evaluate(source + ";0")
    page.locator("#own thead button").first.click()
    assert column(page.locator("#own"), 0) == ascending


# ---- Plots ----


def test_a_pointer_is_told_the_value_of_a_point(page):
    plot = figure(page, "Accuracy by epoch")
    tip = plot.locator(".tip")
    x, y, said = point(page, plot, 1)
    history = json.loads((RECORDED / "history.json").read_text(encoding="utf-8"))
    assert said.endswith(": " + text.percent(history["epochs"][1]["accuracy"]))
    page.mouse.move(x + 1, y + 1)
    assert tip.inner_text() == said
    box = tip.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2, steps=4)
    assert tip.inner_text() == said
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.mouse.move(x, y)
    assert tip.is_visible()
    page.mouse.move(x, y - 600)
    assert not tip.is_visible()


def test_the_keyboard_goes_through_the_points(page):
    plot = figure(page, "Accuracy by epoch")
    slider, tip = plot.get_by_role("slider"), plot.locator(".tip")
    slider.focus()
    page.keyboard.press("End")
    assert slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == point(page, plot, 1)[2]
    assert tip.inner_text() == point(page, plot, 1)[2]
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.keyboard.press("ArrowLeft")
    assert tip.is_visible()
    page.keyboard.press("Tab")
    assert not tip.is_visible()


def test_the_marked_point_is_where_it_is_drawn(page):
    plot = figure(page, "Loss by epoch")
    x, y, _ = point(page, plot, 0)
    page.mouse.move(x, y)
    dot = plot.locator(".dot").bounding_box()
    assert dot["x"] + dot["width"] / 2 == pytest.approx(x, abs=1)
    assert dot["y"] + dot["height"] / 2 == pytest.approx(y, abs=1)
    plot.locator(".dot, .tip").evaluate_all("all => all.forEach((e) => { e.hidden = true; })")
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    red, green, blue = shot.getpixel((round(x), round(y)))
    assert blue > red + 60
    assert blue > green


# ---- The confusion matrix ----


def cell(page, true, said):
    name = "correct" if true == said else f"taken for {NAMES[said]}"
    return page.get_by_role("button", name=f"{NAMES[true]}, {name}:").last  # the appendix's


def busiest():
    counts = np.array(METRICS["confusion"])
    np.fill_diagonal(counts, 0)
    return [int(i) for i in np.unravel_index(counts.argmax(), counts.shape)]


def test_a_click_on_a_cell_shows_its_images(page, predictions):
    true, said = busiest()
    cell(page, true, said).click()
    dialog = page.get_by_role("dialog", name=f"{NAMES[true]}, taken for {NAMES[said]}")
    shown = [
        int(re.match(r"Test image (\d+)", tile.get_attribute("aria-label"))[1])
        for tile in dialog.get_by_role("img").all()
    ]
    labels, p = predictions["test_labels"], predictions["test_probabilities"]
    expected = np.flatnonzero((labels == true) & (p.argmax(axis=1) == said))
    assert sorted(shown) == expected.tolist()
    assert p[shown].max(axis=1).tolist() == sorted(p[shown].max(axis=1), reverse=True)
    page.mouse.click(5, 5)
    assert not dialog.is_visible()


def test_a_cell_is_reached_opened_and_left_by_the_keyboard(page):
    true, said = busiest()
    cell(page, 0, 0).focus()
    for key, times in (("ArrowDown", true), ("ArrowRight", said)):
        for _ in range(times):
            page.keyboard.press(key)
    assert cell(page, true, said).evaluate("cell => cell === document.activeElement")
    assert NAMES[said] in page.locator(".card:has(.cells) .tip").last.inner_text()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    assert dialog.get_by_role("button", name="Close").evaluate("b => b === document.activeElement")
    for _ in range(4):
        page.keyboard.press("Tab")
        inside = "document.activeElement === document.body || "
        assert page.evaluate(inside + "!!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    assert dialog.count() == 0
    assert cell(page, true, said).evaluate("cell => cell === document.activeElement")
    page.keyboard.press("Home")
    assert cell(page, true, 0).evaluate("cell => cell === document.activeElement")
    page.keyboard.press("ArrowLeft")
    assert cell(page, true, 0).evaluate("cell => cell === document.activeElement")


def test_an_empty_cell_opens_nothing(page):
    empty = page.locator(".cells button[aria-disabled]").first
    assert empty.get_attribute("aria-label").endswith(": 0 images")
    empty.click(force=True)
    assert page.locator("dialog").count() == 0
