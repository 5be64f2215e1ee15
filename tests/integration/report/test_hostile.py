"""A stranger's texts, templates, questions and run folders: nothing runs, nothing else is read."""

import io
import json
import os
import re
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import fonts_factory
import numpy as np
import pytest
from report_pages import Elements, render_html, without_plots

from fmnist.report.concepts import keep_questions, load_concepts
from fmnist.report.load import load_facts
from fmnist.report.markdown import MarkdownError
from fmnist.report.output.content_policy import guarded
from fmnist.report.output.pdf import PrintingError
from fmnist.report.output.pdf import print_document as printed
from fmnist.report.output.templating import ReportTemplateError, check_templates
from fmnist.runs.codec import FactsError

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
SCRIPT = '<script>alert("x")</script>'
HEAD = '+++\nquestion = "Why?"\n+++\n'
PAGE = "<html><head></head><body>{}</body></html>"


@pytest.fixture
def run(tmp_path):
    return Path(shutil.copytree(RECORDED, tmp_path / "run"))


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.md"
    path.write_text(HEAD + "hunter2", encoding="utf-8")
    return path


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


@pytest.fixture
def html():
    """Renders the HTML without plots."""
    with without_plots():
        yield lambda run, **more: render_html(run, **more).read_text(encoding="utf-8")


def change(run, name, old, new):
    source = (run / name).read_text(encoding="utf-8")
    assert old in source
    (run / name).write_text(source.replace(old, new), encoding="utf-8")


# ---- Texts ----


def test_hostile_texts_of_a_run_stay_texts(run, html):
    for name in ("run.toml", "metrics.json"):
        change(run, name, '"Sandal"', json.dumps(SCRIPT))
    change(run, "run.toml", 'source = "', 'source = "<img src=x onerror=alert(1)> ')
    change(run, "run.toml", 'title = "', 'title = "{{ 7 * 7 }}<script>')
    lines = (run / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    trial = json.loads(lines[0]) | {"state": "failed", "value": None}
    trial["failure"] = {"kind": "bug", "message": SCRIPT, "detail": "</pre>" + SCRIPT}
    lines[0] = json.dumps(trial)
    (run / "trials.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    page = html(run)
    scripts = [a for tag, a in Elements(page).tags if tag == "script"]
    assert len(scripts) <= 2  # the report's own, and its data
    assert SCRIPT not in page
    assert "49<script" not in page
    assert "&lt;script&gt;alert" in page
    assert not [a for tag, a in Elements(page).tags if tag == "img" and a.get("src") == "x"]


@pytest.mark.slow
def test_a_report_elsewhere_leaves_the_run_as_it_is(run, html, tmp_path):
    before = {p.name: p.read_bytes() for p in run.iterdir()}
    page = html(run, output=tmp_path / "mine", cover={"author": "Bob", "title": ""})
    assert {p.name: p.read_bytes() for p in run.iterdir()} == before
    assert {"report.html", "report.pdf", "appendix.pdf", "findings.json", "model_card.md"} == {
        p.name for p in (tmp_path / "mine").iterdir()
    }
    assert '<span class="author">Bob' in page


def test_a_cover_holds_no_letter_that_cannot_be_printed(run, html, monkeypatch):
    fonts_factory.install(monkeypatch)
    change(run, "run.toml", 'author = "', 'author = "Ada\\u000B \\u202Egnal\\n 王 ')
    change(run, "run.toml", 'source = "', 'source = "a\\u0001b ')
    page = html(run)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", page)
    assert '<span class="author">Ada gnal 王' in page
    assert "No font of this machine has some letters of the words on the cover" in page
    assert "ab " in page


@pytest.mark.slow
def test_hostile_texts_stay_texts_in_the_model_card(run, html):
    for name in ("run.toml", "metrics.json"):
        change(run, name, '"Sandal"', json.dumps(f"a|b\n# {SCRIPT} [x](javascript:1)"))
    html(run)
    card = (run / "model_card.md").read_text(encoding="utf-8")
    assert "<script" not in card
    assert "| a\\|b \\# &lt;script&gt;" in card
    assert "[x](javascript" not in card


@pytest.mark.parametrize(
    "inside",
    [
        SCRIPT, "<script>alert(1)", "<img src='http://x.example/a.png'>", "<img src='../../a.png'>",
        "<img src='file:///etc/passwd'>", "<p onclick='x()'>", "<iframe></iframe>",
        "<a href='javascript:x()'>a</a>", "<a href='file:///etc/passwd'>a</a>",
        "<a href='../../secret'>a</a>", "<link rel=attachment href='file:///etc/passwd'>",
        "<style>@import 'x.css'</style>", "<p style='background: url(http://x.example)'>",
        "<style>p { background: url( 'file:///etc/passwd') }", "<object data='x'></object>",
        "<meta http-equiv='refresh' content='0; url=http://x.example'>", "<base href='//x'>",
        "<svg><image xlink:href='file:///etc/passwd'/></svg>", "<form action='http://x'></form>",
    ],
)  # fmt: skip
def test_a_page_that_runs_or_loads_something_is_refused(inside):
    with pytest.raises(ReportTemplateError, match="the finished page has"):
        guarded(PAGE.format(inside), "ours()", "default-src 'none'")


def test_our_own_script_passes_and_the_policy_is_there_in_any_case():
    page = PAGE.format(
        "<script>ours()</script><a href='#a'>a</a><img src='data:image/png;base64,'>"
    )
    found = guarded(page, "ours()", "default-src 'none'")
    assert found.count("content=\"default-src 'none'\"") == 1
    assert guarded(found, "ours()", "default-src 'none'") == found


# ---- Templates ----


def template(own, text, name="section_summary.html.j2"):
    (own / name).write_text(text, encoding="utf-8")
    return own


def test_a_broken_template_is_named_with_its_line(own, run, html):
    template(own, "<p>fine</p>\n{% if %}\n")
    with pytest.raises(ReportTemplateError, match=r"section_summary\.html\.j2, line 2: "):
        check_templates(own)
    template(own, "<p>fine</p>\n\n{{ nothing.here }}\n")
    check_templates(own)
    with pytest.raises(ReportTemplateError, match=r"section_summary\.html\.j2, line 3: .*nothing"):
        html(run, templates=own)
    template(own, "{% include 'gone.html.j2' %}")
    with pytest.raises(ReportTemplateError, match=r"gone\.html\.j2: not found"):
        html(run, templates=own)


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}", "{{ numbers.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ numbers.next.__func__.__globals__ }}", "{{ test.confusion.__class__ }}",
        "{{ '{0.__class__}'.format(1) }}", "{% include '../secret.md' %}",
        "{% include '/etc/passwd' %}", "{{ range(10 ** 9) | list }}",
    ],
)  # fmt: skip
def test_a_template_reaches_neither_python_nor_files(own, run, html, secret, text):
    with pytest.raises(ReportTemplateError):
        html(run, templates=template(own, text))
    assert not (run / "report.html").exists()


@pytest.mark.slow
def test_a_template_of_a_run_meets_no_path(own, run, html):
    text = "{% for chapter in chapters %}{{ chapter.section.template }}{% endfor %}"
    template(own, text, "report.html.j2")
    assert "section_search" in html(run, templates=own)
    from fmnist.report.output.templating import environment_for

    with pytest.raises(Exception, match="unsafe"):
        environment_for(None).from_string("{{ p.read_text() }}").render(p=run / "run.toml")


def test_a_template_of_a_run_runs_nothing(own, run, html):
    with pytest.raises(ReportTemplateError, match="a script that is not ours"):
        html(run, templates=template(own, SCRIPT))


def test_a_link_out_of_the_template_folder_is_refused(own, run, html, secret):
    (own / "section_summary.html.j2").symlink_to(secret)
    for action in (lambda: check_templates(own), lambda: html(run, templates=own)):
        with pytest.raises(ReportTemplateError, match="leads out of the template folder"):
            action()


def test_a_huge_template_is_refused(own, monkeypatch):
    monkeypatch.setattr("fmnist.report.output.templating.LARGEST_FILE", 10)
    with pytest.raises(ReportTemplateError, match="is no file of at most 10 bytes"):
        check_templates(template(own, "<p>more than that</p>"))


def test_a_folder_without_a_template_is_refused(own):
    with pytest.raises(ReportTemplateError, match="has no template"):
        check_templates(own)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "http://x.example/a.css", "../secret"])
@pytest.mark.parametrize("style", ["@import url('{}');", "p {{ background: url('{}') }}"])
def test_a_style_sheet_for_print_loads_nothing(address, style):
    page = PAGE.format("<p>a</p>").replace("<head>", "<head><title>a</title>")
    with pytest.raises(PrintingError, match="a report may load nothing"):
        printed(page, style.format(address), datetime(2026, 11, 21, tzinfo=UTC))


# ---- Questions ----


@pytest.mark.parametrize("link", ["file:///etc/passwd", "../../secret.md", "/etc/passwd", "//x"])
def test_a_question_leads_to_no_file(own, link):
    (own / "01-a.md").write_text(HEAD + f"[a](<{link}>)", encoding="utf-8")
    found = ""
    try:
        found = load_concepts(own)[0].long
    except MarkdownError as error:
        assert "01-a.md: the link" in str(error)  # noqa: PT017
    assert "href" not in found


def test_a_question_shows_no_picture_and_no_tag(own):
    text = HEAD + f"![a](file:///etc/passwd) {SCRIPT} <b onclick=x>a</b>"
    (own / "01-a.md").write_text(text, encoding="utf-8")
    tags = [tag for tag, _ in Elements(load_concepts(own)[0].long).tags]
    assert not {"img", "script", "b"} & set(tags)


def test_a_question_that_is_a_link_out_of_its_folder_is_refused(own, secret):
    (own / "01-a.md").symlink_to(secret)
    with pytest.raises(MarkdownError, match=r"01-a\.md: is a link that leads out"):
        load_concepts(own)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\x81", "cannot be read as text"),
        (b"+" * 300_000, "is no file of at most 200,000 bytes"),
        (HEAD.encode() + b"```formula x\n" + b"x+" * 1000 + b"\n```\n", "a formula may have 1000"),
        (HEAD.encode() + b"```formula x\n" + b"{" * 900 + b"\n```\n", "01-a.md: "),
    ],
)
def test_a_question_has_limits(own, content, message):
    (own / "01-a.md").write_bytes(content)
    with pytest.raises(MarkdownError, match=message):
        load_concepts(own)


def test_questions_without_a_file_or_alike_are_refused(own):
    with pytest.raises(MarkdownError, match=r"expected a folder of question files \(.md\)"):
        load_concepts(own)
    for name in ("01 a.md", "01-a.md"):
        (own / name).write_text(HEAD, encoding="utf-8")
    with pytest.raises(MarkdownError, match="differs from it in case or spaces only"):
        load_concepts(own)


@pytest.mark.slow
def test_questions_are_kept_with_the_run(own, run, html):
    (own / "01-mine.md").write_text(HEAD.replace("Why?", "Mine?") + "Yes.", encoding="utf-8")
    page = html(run, questions=own)
    assert page.count("Mine?") > 1
    shutil.rmtree(own)
    assert html(run) == page
    with pytest.raises(MarkdownError):
        keep_questions(own, run / "questions")
    assert (run / "questions" / "01-mine.md").is_file()


# ---- Run folders ----


def test_a_link_out_of_the_run_folder_is_refused(run, secret):
    (run / "environment.json").unlink()
    (run / "environment.json").symlink_to(secret)
    with pytest.raises(FactsError, match=r"environment\.json: is a link that leads out of"):
        render_html(run)
    assert not (run / "report.pdf").exists()


def test_a_report_that_is_a_link_is_replaced_not_followed(run, html, secret):
    (run / "kept.html").write_text("mine", encoding="utf-8")
    (run / "report.html").symlink_to("kept.html")
    html(run)
    assert (run / "kept.html").read_text(encoding="utf-8") == "mine"
    assert not (run / "report.html").is_symlink()


def test_the_network_is_never_opened(run, html, monkeypatch):
    (run / "model.keras").write_bytes(b"PK\x03\x04 not a network")
    before = io.open

    def watched(file, *rest, **more):
        assert "model.keras" not in str(file)
        return before(file, *rest, **more)

    monkeypatch.setattr(io, "open", watched)
    assert "<h1>" in html(run)


class Pickled:
    def __reduce__(self):
        return os.mkdir, ("pwned",)


def test_a_pickled_array_is_not_loaded(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    np.savez(run / "explain.npz", kernels=np.array([Pickled()], dtype=object))
    with pytest.raises(FactsError, match=r"explain.npz: not a readable .npz file"):
        load_facts(run)
    assert not Path("pwned").exists()


def archive(path, shape, dtype="<f4", content=b""):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("kernels.npy", header.getvalue() + content)


@pytest.mark.parametrize("shape", [(10**12,), (10**9, 10**9, 10**9, 10**9), (2**62, 4)])
def test_a_shape_without_its_numbers_takes_no_memory(run, shape):
    archive(run / "explain.npz", shape)
    with pytest.raises(FactsError, match=r"explain\.npz: .* says it has the shape"):
        load_facts(run)


def test_arrays_that_unpack_to_gigabytes_are_refused(run, monkeypatch):
    monkeypatch.setattr("fmnist.runs.safe_read.LARGEST_ARRAYS", 1_000_000)
    archive(run / "explain.npz", (500_000,), content=bytes(2_000_000))
    with pytest.raises(FactsError, match="larger than 1 MB"):
        load_facts(run)


def changed_arrays(path, **arrays):
    with np.load(path) as file:
        kept = {name: file[name] for name in file.files}
    np.savez(path, **(kept | arrays))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("test_probabilities", np.full((10_000, 10), np.nan), "numbers that are not finite"),
        ("test_probabilities", np.ones((10_000, 3)), "test_labels must lie in 0 to 2"),
        ("test_probabilities", np.ones((10_000, 12)), "expected probabilities of 10 classes"),
        ("test_probabilities", np.ones(10_000), "test_probabilities must be floating of shape"),
        ("test_labels", np.full(10_000, 99), "test_labels must lie in 0 to 9"),
        ("test_labels", np.zeros(5, int), "must be equally long, found 5 and 10000"),
        ("images", np.zeros((1, 5000, 5000), np.uint8), "images must be uint8 of shape"),
        ("image_index", np.array(3), "images must be uint8 of shape"),
        ("random_index", np.array([10**9]), "random_index must lie in 0 to 9999"),
        ("examples", np.zeros((10, 28, 28)), "examples must be uint8"),
    ],
)
def test_arrays_that_do_not_fit_are_named(run, name, array, message):
    changed_arrays(run / "predictions.npz", **{name: array})
    with pytest.raises(
        FactsError, match=rf"predictions.npz: .*{message}|predictions.npz: {message}"
    ):
        load_facts(run)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("kernels", np.ones((3, 3)), "kernels must have 4 axes"),
        ("feature_maps_1", np.ones((9000, 2, 2)), "feature_maps_1 has the shape"),
        ("feature_image", np.zeros((2, 2), np.uint8), "feature_image must be uint8"),
    ],
)
def test_pictures_that_cannot_be_drawn_are_named(run, name, array, message):
    changed_arrays(run / "explain.npz", **{name: array})
    with pytest.raises(FactsError, match=f"explain.npz: {message}"):
        load_facts(run)


@pytest.mark.parametrize("name", ["metrics.json", "history.json", "evidence.json", "space.json"])
@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"schema": NaN}', '{"schema": 1, "a": ' + "9" * 5000 + "}", "{", "7"],
)
def test_json_that_breaks_a_rule_is_named(run, name, content):
    (run / name).write_text(content, encoding="utf-8")
    with pytest.raises(FactsError, match=re.escape(name)):
        load_facts(run)


def test_huge_texts_are_not_read(run, monkeypatch):
    monkeypatch.setattr("fmnist.runs.safe_read.LARGEST_TEXT", 100)
    with pytest.raises(FactsError, match=r"run.toml: .*is larger than"):
        load_facts(run)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "won"}, {"value": "high"}, {"value": float("nan")}, {"seconds": "a"},
        {"params": [1]}, {"params": {"dropout": {"a": 1}}}, {"epochs": [{"epoch": 1}]},
        {"epochs": 7}, {"failure": {"kind": 1, "message": "a"}}, {"started": 5}, {"seed": []},
    ],
)  # fmt: skip
def test_a_trial_that_is_none_is_named_with_its_line(run, changes):
    lines = (run / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    lines[2] = json.dumps(json.loads(lines[2]) | changes)
    (run / "trials.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(FactsError, match=r"trials\.jsonl: line 3: not a trial"):
        load_facts(run)


def test_a_deep_line_is_named(run):
    (run / "trials.jsonl").write_text("[" * 100_000 + "\n", encoding="utf-8")
    with pytest.raises(FactsError, match="line 1"):
        load_facts(run)


def test_a_pipe_in_place_of_a_file_does_not_hang_the_report(run):
    (run / "metrics.json").unlink()
    os.mkfifo(run / "metrics.json")
    with pytest.raises(FactsError, match=r"metrics\.json: missing"):
        load_facts(run)
