"""The whole report from the recorded run, read back."""

import base64
import builtins
import hashlib
import itertools
import json
import os
import re
import shutil
import string
import subprocess
import sys
from importlib import resources
from pathlib import Path

import fonts_factory
import pypdf
import pytest
import yaml
from report_pages import Elements, render_words, without_plots

from fmnist.report import text
from fmnist.report.load import load_facts
from fmnist.report.outline import HANDIN, SECTIONS
from fmnist.report.output.interactive import for_paper
from fmnist.report.pages import DEFAULT_TITLE
from fmnist.report.render import render_report
from fmnist.runs.config_source import load_config

SUPPORT = str(Path(__file__).parents[2] / "support")
RECORDED = Path(__file__).parents[2] / "data" / "short_run"
METRICS = json.loads((RECORDED / "metrics.json").read_text(encoding="utf-8"))
LOADING = {"src", "srcset", "poster", "data", "action", "background"}
FACTS = load_facts(RECORDED)
SHOWN = [section for section in SECTIONS if section.shown(FACTS)]
HOSTILE = '<script>alert("x")</script>'
SCREEN_TEXT = "Skip to the report Colours Auto Light Dark "


def copied(folder, **document):
    run = Path(shutil.copytree(RECORDED, folder / "run"))
    if document:
        source = (run / "run.toml").read_text(encoding="utf-8")
        for key, value in document.items():
            line = f"{key} = {json.dumps(value, ensure_ascii=False)}"
            source, n = re.subn(rf"(?m)^{key} = .*$", lambda _, to=line: to, source, count=1)
            assert n == 1
        (run / "run.toml").write_text(source, encoding="utf-8")
    return run


@pytest.fixture(scope="module")
def html(recorded_html):
    return recorded_html.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Elements(html)


@pytest.fixture(scope="module", params=["report.pdf", "appendix.pdf"])
def pdf(recorded_report, request):
    return pypdf.PdfReader(recorded_report / request.param)


def test_html_loads_nothing(page, html):
    for tag, attributes in page.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        for name in LOADING & set(attributes):
            assert attributes[name].startswith("data:"), (tag, attributes[name])
        assert not [name for name in attributes if name.startswith("on")]
    styles = re.findall("<style>(.*?)</style>", html, re.DOTALL)
    assert styles
    assert not [found for found in styles if re.search(r"@import|url\((?!data:)", found)]


def test_only_our_own_script_is_in_the_page(page, html):
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "cells"}, {}]
    script = resources.files("report_templates").joinpath("report.js").read_text(encoding="utf-8")
    assert f"<script>{script}</script>" in html
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    policy = next(a["content"] for _, a in page.tags if "http-equiv" in a)
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    for risky in ("eval(", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"):
        assert risky not in script


def test_paper_gets_nothing_of_the_screen(html):
    found = Elements(for_paper(html))
    assert not {"script", "fieldset", "input"} & {tag for tag, _ in found.tags}
    assert found.text == Elements(html).text.replace(SCREEN_TEXT, "", 1)


@pytest.fixture(scope="module", params=["recorded_report", "whole_report"])
def either_page(request):
    html = request.getfixturevalue(request.param) / "report.html"
    return Elements(html.read_text(encoding="utf-8"))


def test_every_image_has_alt_text(either_page):
    images = [attributes for tag, attributes in either_page.tags if tag == "img"]
    assert len(images) > 60
    assert all(attributes.get("alt") for attributes in images)


def test_anchors_lead_somewhere(page):
    ids = [a["id"] for _, a in page.tags if "id" in a]
    targets = [a["href"] for tag, a in page.tags if tag == "a" and a["href"].startswith("#")]
    assert len(ids) == len(set(ids))
    assert len(targets) >= len(SHOWN) + 8
    assert {t[1:] for t in targets} <= set(ids)


def test_headings_do_not_skip_a_level(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_all_sections_and_questions_are_there(page):
    for section in SHOWN:
        assert section.title in page.text
    assert page.text.count("In this run") >= 8
    for _, title, _ in HANDIN:
        assert title in page.text
    articles = [attributes.get("class") for tag, attributes in page.tags if tag == "article"]
    assert articles == ["short"] * 8 + [None] * 8


def test_numbers_are_those_of_the_metrics_file(page):
    test = METRICS["test"]
    assert text.percent(test["accuracy"], test["n"]) in page.text
    assert text.interval(test["interval"], test["n"]) in page.text
    assert f"{test['correct']:,} of the {test['n']:,} test images" in page.text
    for row in test["classes"]:
        for key in ("precision", "recall", "f1", "average_precision"):
            assert f"{row[key]:.3f}" in page.text
    for row in test["confusion"]:
        assert " ".join(f"{n:,}" for n in row) in page.text


def test_figures_and_tables_are_numbered_without_gaps(either_page):
    for kind in ("Figure", "Table"):
        numbers = [int(n) for n in re.findall(rf"{kind} (\d+)\.", either_page.text)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) > 8


def test_pdf_says_what_it_is(pdf):
    assert pdf.metadata.title.endswith("Fashion-MNIST: a tuned convolutional network")
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert pdf.trailer["/Root"]["/Lang"] == "en"


def test_bookmarks_are_the_headings(recorded_report):
    handin, appendix = (
        [mark.title for mark in pypdf.PdfReader(recorded_report / name).outline
         if not isinstance(mark, list)]
        for name in ("report.pdf", "appendix.pdf")
    )  # fmt: skip
    assert [mark.lstrip("0123456789 ") for mark in handin][1:] == [title for _, title, _ in HANDIN]
    for letter, section in zip(string.ascii_uppercase, SHOWN, strict=False):
        assert f"{letter} {section.title}" in appendix


def test_pdf_contents_give_the_page_of_each_chapter(printed_pages):
    contents = printed_pages[0]
    for letter, section in zip(string.ascii_uppercase, SHOWN, strict=False):
        found = re.search(rf"{letter}\s*{section.title}[ .]*(\d+)", contents)
        assert found, section.title
        assert section.title in printed_pages[int(found[1]) - 1]


def test_pdf_embeds_all_fonts(pdf):
    fonts = {}
    for sheet in pdf.pages:
        for font in sheet["/Resources"].get("/Font", {}).values():
            font = font.get_object()
            inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
            fonts[font["/BaseFont"]] = inner["/FontDescriptor"]
    assert len(fonts) >= 3
    assert all({"/FontFile", "/FontFile2", "/FontFile3"} & set(d) for d in fonts.values())


def test_pdf_carries_the_records_it_was_made_from(recorded_report, pdf):
    root = pdf.trailer["/Root"]
    files = list(pdf.attachment_list)
    names = [file.name for file in files]
    assert names == sorted(names)
    assert {"best_config.toml", "metrics.json", "run.toml", "trials.jsonl"} <= set(names)
    assert len(root["/AF"]) == len(names)
    for file in files:
        assert file.description
        assert file.associated_file_relationship in {"/Source", "/Data", "/Supplement"}
        assert file.subtype.startswith(("/application/", "/text/markdown"))
        assert file.creation_date == file.modification_date
        assert file.creation_date.isoformat() == "2026-11-21T06:05:38+00:00"
        if not file.name.startswith("question-"):
            assert file.content == (recorded_report / file.name).read_bytes()


def test_pdf_is_as_good_as_its_configuration(recorded_report, page):
    for name in ("report.pdf", "appendix.pdf"):
        assert load_config(recorded_report / name) == load_config(recorded_report)
    assert "fmnist train --config report.pdf" in page.text


def test_a_model_card_lies_beside_the_report(recorded_report):
    card = (recorded_report / "model_card.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---")[1])
    (result,) = head["model-index"][0]["results"]
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    shown = text.interval(METRICS["test"]["interval"]).replace(text.THIN, " ")
    assert result["metrics"][0]["name"] == f"Accuracy, 95 % interval {shown}, n = 10000"
    test = METRICS["test"]
    wanted = {"accuracy": test["accuracy"], "f1": test["macro"]["f1"], "loss": test["loss"]}
    assert values == wanted
    for row in test["classes"]:
        assert f"| {row['name']} | {row['precision']:.3f} | {row['recall']:.3f} |" in card


def test_files_are_small_enough_to_send(recorded_report):
    assert (recorded_report / "report.html").stat().st_size < 5e6
    assert (recorded_report / "report.pdf").stat().st_size < 2e6
    assert (recorded_report / "appendix.pdf").stat().st_size < 5e6
    assert not [path for path in recorded_report.iterdir() if path.name.startswith(".")]
    assert not list(recorded_report.glob("*.tmp"))


@pytest.mark.slow
def test_a_second_rendering_is_the_same_to_the_byte(recorded_report, tmp_path):
    again = render_report(Path(shutil.copytree(recorded_report, tmp_path / "run")))
    for path in (again.html, again.pdf, again.appendix):
        assert path.read_bytes() == (recorded_report / path.name).read_bytes()


@pytest.mark.slow
def test_hostile_texts_stay_texts(tmp_path):
    run = copied(tmp_path, title=HOSTILE, author=HOSTILE, course='" onload="x', date="{{ 7*7 }}")
    found = render_words(run)
    assert len([tag for tag, _ in found.tags if tag == "script"]) == 2
    assert found.text.count(HOSTILE) >= 2
    assert "{{ 7*7 }}" in found.text


@pytest.mark.slow
def test_an_empty_cover_leaves_no_gaps(tmp_path):
    run = copied(tmp_path, title="", author="", course="", date="")
    found = render_words(run)
    assert DEFAULT_TITLE.format("Fashion-MNIST") in found.text
    assert not {"byline", "course"} & {attributes.get("class") for _, attributes in found.tags}


@pytest.mark.slow
def test_an_author_is_printed_where_a_font_has_the_letters_and_spelt_elsewhere(
    tmp_path, monkeypatch
):
    fonts_factory.install(monkeypatch)
    result = render_report(copied(tmp_path, author="Анна Каренина 王小明"))
    assert result.problem is None
    pdf = pypdf.PdfReader(result.pdf)
    assert pdf.metadata.author == "Анна Каренина 王小明"
    assert "Анна Каренина U+738B U+5C0F U+660E" in pdf.pages[0].extract_text()


@pytest.mark.slow
def test_what_was_not_recorded_is_said(tmp_path):
    run = copied(tmp_path)
    for name in ("importance", "evidence", "environment", "stages"):
        (run / f"{name}.json").unlink()
    (run / "explain.npz").unlink()
    found = render_words(run)
    assert found.text.count(text.NOT_RECORDED) >= 6


def test_without_pango_there_is_html_and_a_remedy(tmp_path, monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with without_plots():
        result = render_report(copied(tmp_path))
    assert result.html.is_file()
    assert result.pdf is None
    assert "Pango" in result.problem
    assert "apt install libpango-1.0-0" in result.problem


@pytest.mark.slow
def test_neither_tensorflow_nor_optuna_is_loaded(tmp_path):
    code = (
        "import sys; from pathlib import Path; import report_pages; "
        "report_pages.render_words(Path(sys.argv[1])); "
        "print(sorted({'tensorflow', 'keras', 'optuna', 'keras_tuner'} & set(sys.modules)))"
    )
    path = os.pathsep.join(filter(None, (SUPPORT, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-c", code, str(copied(tmp_path))],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_fault_in_printing_leaves_the_html(tmp_path, monkeypatch):
    def broken(*_):
        raise ValueError("a font without a name")

    monkeypatch.setattr("fmnist.report.render._lay_out", broken)
    run = copied(tmp_path)
    with without_plots(), pytest.raises(ValueError, match="without a name"):
        render_report(run)
    assert (run / "report.html").is_file()


def test_a_full_disk_leaves_a_run_that_is_not_finished(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fmnist.report.render.write_bytes", full)
    run = copied(tmp_path)
    with pytest.raises(OSError, match="No space"):
        render_words(run)
    assert not (run / "report.html").exists()
