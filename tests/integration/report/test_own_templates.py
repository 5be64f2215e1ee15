"""Own templates and questions: checked before the night, kept with the run, fallen back from."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from report_factory import recorded
from report_pages import without_pdf, without_plots

from fmnist.cli.main import cli
from fmnist.errors import UserError
from fmnist.pipeline.request import ReportOptions
from fmnist.pipeline.stages.prepare import keep_own_files
from fmnist.pipeline.stages.report import report
from fmnist.report.concepts import keep_questions, load_concepts
from fmnist.report.handin.author import keep_words
from fmnist.report.handin.rubric import load_rubric
from fmnist.runs.folder import Run

RUBRICS = Path(__file__).parents[3] / "report_templates" / "rubrics"
HEAD = '+++\nquestion = "Mine?"\n+++\nYes.\n'


@pytest.fixture
def run(tmp_path):
    with without_pdf(), without_plots():
        yield recorded(tmp_path)


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def rendered(run, *options):
    """The page that ``fmnist report`` writes."""
    done = CliRunner().invoke(cli, ["report", str(run), *map(str, options)])
    assert done.exit_code == 0
    assert "report.html" in done.output
    return (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["run", "train"])
@pytest.mark.parametrize(
    ("option", "name", "content", "message"),
    [
        ("--questions", "01-a.md", "no head", "01-a.md: expected a TOML head"),
        ("--questions", "a.txt", "", "expected a folder of question files"),
        ("--template", "section_summary.html.j2", "\n{% for %}", "summary.html.j2, line 2: "),
        ("--template", "a.txt", "", "has no template"),
        ("--rubric", "r.toml", "page = 4", "r.toml: unknown entry 'page'"),
        ("--text", "summary.md", "Mine.", "summary.md: is no section of the hand-in"),
        ("--text", "abstract.md", "{{ test.acc }}", "abstract.md, line 1: unknown number"),
    ],
)
def test_what_is_broken_is_said_before_the_night(
    own, tmp_path, command, option, name, content, message
):
    (own / name).write_text(content, encoding="utf-8")
    given = own / name if option == "--rubric" else own
    arguments = [command, option, str(given), "--results", str(tmp_path / "results")]
    done = CliRunner().invoke(cli, arguments)
    assert isinstance(done.exception, UserError)
    assert message in str(done.exception)
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_a_run_keeps_its_questions(own, run):
    (own / "01-mine.md").write_text(HEAD, encoding="utf-8")
    keep_questions(own, run / "questions")
    shutil.rmtree(own)
    assert [c.question for c in load_concepts(run / "questions")] == ["Mine?"]
    assert rendered(run).count("Mine?") > 1


def test_report_takes_templates_and_questions(own, run):
    (own / "section_summary.html.j2").write_text("<p>My own summary.</p>", encoding="utf-8")
    (own / "concepts").mkdir()
    (own / "concepts" / "01-mine.md").write_text(HEAD, encoding="utf-8")
    page = rendered(run, "--template", own)
    assert "My own summary." in page
    assert page.count("Mine?") > 1
    page = rendered(run, "--questions", own / "concepts")
    assert "My own summary." not in page
    assert page.count("Mine?") > 1


@pytest.mark.slow
def test_words_of_the_author_stand_in_place_of_ours_or_behind_them(own, run):
    for name, content in (
        ("discussion.md", "I expected {{ test.accuracy }}.\n\n<script>1</script>"),
        ("limitations.after.md", "I had **one** laptop."),
        ("statement.md", '+++\nai = "a <spell> checker"\n+++\n'),
    ):
        (own / name).write_text(content, encoding="utf-8")
    page = rendered(run, "--text", own)
    assert "I expected 92.45\u202f%.</p>\n<p>&lt;script&gt;1" in page
    assert "<b>How good is it?</b>" not in page
    assert page.index("<b>One training.</b>") < page.index("I had <strong>one</strong> laptop.")
    assert page.count("Written by the author") == 2
    assert "The author wrote “Discussion” and the end of “Limitations”" in page
    assert "A &lt;spell&gt; checker." in page
    assert page.count("to be filled in by the author") == 1
    shutil.rmtree(own)
    assert rendered(run) == page


@pytest.mark.slow
def test_a_rubric_orders_and_names_the_sections_and_is_checked_for_the_author_alone(own, run):
    (own / "new-data.md").write_text("I took 40 photographs.", encoding="utf-8")
    source = own.parent / "project.toml"
    shutil.copy(RUBRICS / "project-report.toml", source)
    done = CliRunner().invoke(
        cli, ["report", str(run), "--rubric", str(source), "--text", str(own)]
    )
    assert done.exit_code == 0
    assert "11 of 11 lines answered, 46 of 46 points; 1 of 4 pages" in done.output
    page = (run / "report.html").read_text(encoding="utf-8")
    heads = re.findall(r"<h2><span class=.number.>(\d)</span> ([^<]*)</h2>", page)
    assert heads[3:6] == [
        ("4", "Qualitative results"),
        ("5", "Evaluation on new data"),
        ("6", "Discussion"),
    ]
    assert "rubric" not in page.lower()
    told = (run / "rubric.md").read_text(encoding="utf-8")
    assert "| 10 | Evaluation on new data | p. 1 | answered | – |" in told
    source.unlink()
    assert rendered(run) == page


def test_a_job_keeps_rubric_and_texts_before_it_trains(own, tmp_path):
    (own / "objective.md").write_text("Mine.", encoding="utf-8")
    run = Run(tmp_path / "job")
    run.path.mkdir()
    given = ReportOptions(text=own, rubric=RUBRICS / "project-report.toml")
    keep_own_files(SimpleNamespace(run=run, report=given))
    assert (run.path / "text" / "objective.md").is_file()
    assert load_rubric(run.path / "rubric.toml").own == ("new-data",)
    (own / "ethics.md").write_text("No part of it.", encoding="utf-8")
    with pytest.raises(UserError, match=r"ethics\.md: is no section"):
        keep_own_files(SimpleNamespace(run=run, report=ReportOptions(text=own)))


@pytest.mark.slow
def test_a_number_that_the_run_lacks_loses_nothing(own, run):
    (own / "discussion.md").write_text("{{ calibration.after }}", encoding="utf-8")
    done = CliRunner().invoke(cli, ["report", str(run), "--text", str(own)])
    assert "this run has no number 'calibration.after'" in str(done.exception)
    assert not (run / "text").exists()
    keep_words(own, run / "text")
    told = []
    options = SimpleNamespace(templates=None)
    display = SimpleNamespace(message=told.append)
    job = SimpleNamespace(run=Run(run), report=options, display=display, strict=False)
    report(job)
    assert "the report is made without the author's words" in told[0]
    assert "<b>How good is it?</b>" in job.rendered.html.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "{{ nothing.here }}",
        pytest.param("<script>1</script>", marks=pytest.mark.slow),
        pytest.param("<img src='file:///etc/passwd'>", marks=pytest.mark.slow),
    ],
)
def test_a_template_that_fails_does_not_cost_the_report(own, run, text):
    (own / "section_summary.html.j2").write_text(text, encoding="utf-8")
    told = []
    display, options = SimpleNamespace(message=told.append), SimpleNamespace(templates=own)
    job = SimpleNamespace(run=Run(run), report=options, display=display, strict=False)
    report(job)
    assert job.rendered.html.is_file()
    assert told[0].endswith("the report is made with our own templates")
