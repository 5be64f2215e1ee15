"""The HTML report in a real browser: accessible, one file, whole without JavaScript."""

import re
import shutil
from pathlib import Path

import pytest
from browser import THEMES, WIDTHS, nu_errors, opened, violations
from report_pages import without_pdf

from fmnist.analysis.comparison import compare_runs
from fmnist.report.comparison_report import render_comparison

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def comparison(recorded_report, tmp_path_factory):
    """The report of a comparison of the recorded run with a copy of itself."""
    folder = tmp_path_factory.mktemp("compared")
    folders = [recorded_report, Path(shutil.copytree(recorded_report, folder / "copy"))]
    with without_pdf():
        return render_comparison(folders, compare_runs(folders), folder).html


# ---- Accessibility ----


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing(browser, recorded_html, theme):
    with opened(browser, recorded_html, color_scheme=theme) as page:
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert violations(page) == []
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        page.locator("figure", has_text="Accuracy by epoch").get_by_role("slider").focus()
        assert violations(page) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_in_a_comparison(browser, comparison, width):
    for theme in THEMES:
        with opened(browser, comparison, color_scheme=theme, width=width) as page:
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.problems == []


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_the_images_of_a_cell(browser, recorded_html, theme):
    with opened(browser, recorded_html, color_scheme=theme, width=360) as page:
        page.locator(".cells button:not([aria-disabled])").nth(3).click()
        assert page.locator("dialog[open]").count() == 1
        assert violations(page) == []


def test_the_nu_checker_finds_no_error(recorded_html, comparison, whole_report):
    assert nu_errors(recorded_html, comparison, whole_report / "report.html") == []


@pytest.mark.parametrize("width", WIDTHS)
def test_only_tables_and_figures_scroll_sideways(browser, recorded_html, width):
    with opened(browser, recorded_html, width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width
        boxes = page.evaluate("""[...document.querySelectorAll('.scroll, .card')].map((box) =>
            [box.scrollWidth > box.clientWidth + 1, box.tabIndex,
             box.getAttribute('aria-label') || box.getAttribute('aria-labelledby')])""")
        assert len(boxes) > 20
        assert all((tabs == 0) == scrolls for scrolls, tabs, _ in boxes)
        assert all(name for _, _, name in boxes)
        assert any(scrolls for scrolls, _, _ in boxes) == (width == 360)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_word_of_a_table_is_broken(browser, recorded_html, width):
    with opened(browser, recorded_html, width=width) as page:
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        words, broken = page.evaluate("""(() => {
            const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const range = document.createRange(), broken = [];
            let words = 0;
            for (let text; (text = texts.nextNode()); ) {
                const cell = text.parentElement.closest('td, th');
                if (!cell || text.parentElement.closest('code')) continue;
                for (const word of text.data.matchAll(/[\\p{L}\\d]{2,}/gu)) {
                    range.setStart(text, word.index);
                    range.setEnd(text, word.index + word[0].length);
                    words += 1;
                    if (range.getClientRects().length > 1) broken.push(word[0]);
                }
            }
            return [words, broken];
        })()""")
        assert words > 500
        assert broken == []


def test_the_first_stop_of_the_keyboard_leads_past_the_contents(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"


def test_every_stop_of_the_keyboard_can_be_seen(page):
    for _ in range(40):
        page.keyboard.press("Tab")
        style = page.evaluate("""(() => {
            const at = document.activeElement;
            const ring = at.name === 'theme' ? at.nextElementSibling : at;
            const style = getComputedStyle(ring);
            return [at.tagName, parseFloat(style.outlineWidth), style.outlineStyle];
        })()""")
        assert style[1] >= 2, style
        assert style[2] != "none", style


# ---- One file ----


def test_nothing_is_asked_for_but_the_file_itself(page, recorded_html):
    page.wait_for_load_state("networkidle")
    assert [url for url in page.requests if not url.startswith("data:")] == [recorded_html.as_uri()]


def test_no_other_script_runs(page):
    page.evaluate("""() => {
        const script = document.createElement('script');
        script.textContent = 'window.ran = 1';
        document.body.append(script);
        const image = document.createElement('img');
        image.setAttribute('onerror', 'window.ran = 1');
        image.src = 'data:,';
        document.body.append(image);
    }""")
    page.wait_for_timeout(100)
    assert page.evaluate("window.ran") is None
    assert page.problems
    assert all("Content Security Policy" in problem for problem in page.problems)
    page.problems.clear()


def words(page):
    """What the reader finds on the page, folded away or not."""
    return re.sub(r"\s+", " ", page.evaluate("document.querySelector('main').textContent"))


def test_the_report_is_whole_without_javascript(browser, recorded_html):
    with opened(browser, recorded_html, java_script_enabled=False) as page:
        assert page.locator("button, [role=slider]").count() == 0
        assert page.locator("table").count() > 15
        assert all(box.is_visible() for box in page.locator("figure img").all())
        bare = page.locator("main").text_content()
    with opened(browser, recorded_html) as page:
        page.evaluate("document.querySelectorAll('[role=status], .tip').forEach((x) => x.remove())")
        assert words(page).strip() == re.sub(r"\s+", " ", bare).strip()


# ---- Page ----


def ground(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.mark.parametrize("scripts", [True, False])
def test_the_theme_follows_the_system_until_one_is_chosen(browser, recorded_html, scripts):
    with opened(browser, recorded_html, java_script_enabled=scripts, color_scheme="dark") as page:
        dark = page.locator("body").evaluate("b => getComputedStyle(b).backgroundColor")
        assert dark == "rgb(20, 25, 30)"
        page.get_by_text("Light", exact=True).click()
        assert page.locator("body").evaluate("b => getComputedStyle(b).backgroundColor") != dark
        page.emulate_media(color_scheme="light")
        page.get_by_text("Dark", exact=True).click()
        assert page.locator("body").evaluate("b => getComputedStyle(b).backgroundColor") == dark
        page.reload()
        assert page.locator("body").evaluate("b => getComputedStyle(b).backgroundColor") != dark


def test_nothing_is_remembered(page):
    page.get_by_text("Dark", exact=True).click()
    assert (
        page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    )


def test_the_contents_mark_the_chapter_that_is_read(page):
    page.locator("#results h2").evaluate("h => h.scrollIntoView()")
    page.wait_for_timeout(100)
    assert page.locator("nav [aria-current]").get_attribute("href") == "#results"
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(100)
    assert page.locator("nav [aria-current]").count() <= 1


def test_nothing_of_the_screen_is_printed(page):
    page.emulate_media(media="print", color_scheme="dark")
    assert ground(page) == "rgb(255, 255, 255)"
    for part in (".theme", ".skip", ".values", ".cells"):
        assert not page.locator(part).first.is_visible()
