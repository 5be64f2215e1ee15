"""``fmnist report RUN --sources``: what another program is to read, and that it can."""

import base64
import csv
import re
import subprocess
from datetime import UTC, datetime

import pypdf
import pytest
from click.testing import CliRunner
from report_pages import Blank
from requirements import require_program

from fmnist.cli.main import cli
from fmnist.report.output.interactive import for_paper
from fmnist.report.pages import started_at
from fmnist.report.sources import pictures, write
from fmnist.report.sources.blocks import Grid, Picture, read
from fmnist.report.sources.latex import escape, latex
from fmnist.report.sources.markdown import markdown
from fmnist.runs import artifacts
from fmnist.runs.folder import Run

DAY = datetime(2026, 11, 21, tzinfo=UTC)
PAGE = """<body><!-- screen --><script>no()</script><!-- /screen --><h1>A 50 % title</h1>
<p>Costs <b>5 &amp; more</b> in <code>a_b</code>; see <a href="https://x.org/a_b#c">there</a>.</p>
<ul><li>one</li><li>two <em>times</em></li></ul>
<table><caption><b>Table 1.</b> Some.</caption><tr><th>Name</th><th class="n">No</th></tr>
<tr><th>a|b</th><td class="n">−1 ≤ p₁</td></tr></table>
<pre><code>x = {1}
y</code></pre></body>"""


@pytest.fixture(scope="module")
def blocks(recorded_report):
    page = (recorded_report / "report.html").read_text(encoding="utf-8")
    return read(for_paper(page))


def test_a_page_becomes_markdown():
    assert markdown(read(for_paper(PAGE))) == (
        "# A 50 % title\n\n"
        "Costs **5 & more** in `a_b`; see [there](<https://x.org/a_b#c>).\n\n"
        "- one\n- two *times*\n\n"
        "**Table 1.** Some.\n\n| Name | No |\n| -------- | -----------: |\n| a\\|b | −1 ≤ p₁ |\n\n"
        "```\nx = {1}\ny\n```\n"
    )


def test_a_page_becomes_latex():
    text = latex(read(for_paper(PAGE)), {})
    assert r"{\LARGE\bfseries A 50 \% title\par}" in text
    assert r"Costs \textbf{5 \& more} in \texttt{a\_b}" in text
    assert r"\href{https://x.org/a_b\#c}{there}" in text
    assert r"a\ensuremath{|}b & \ensuremath{-}1 \ensuremath{\leq} p\ensuremath{_{1}} \\" in text
    assert r"x = \{1\}" in text
    assert "no()" not in text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("10 %\u202f– “x”", r"10 \%\,-- ``x''"),
        ("λ, Σ, ω", r"\ensuremath{\lambda}, \ensuremath{\Sigma}, \ensuremath{\omega}"),
        ("5² ✗", r"5\ensuremath{^{2}} \ensuremath{\times}"),
        ("10⁻⁴", r"10\ensuremath{^{-}}\ensuremath{^{4}}"),
        ("Größe", "Größe"),
        ("お", "[U+304A]"),
        ("\u2068a\u2069", "a"),
    ],
)
def test_letters_are_those_that_latex_has(text, written):
    assert escape(text) == written


def test_every_figure_and_table_of_the_report_is_there(recorded_report, blocks):
    page = for_paper((recorded_report / "report.html").read_text(encoding="utf-8"))
    figures = [b for b in blocks if isinstance(b, Picture) and b.caption]
    tables = [b for b in blocks if isinstance(b, Grid) and b.caption]
    assert len(figures) == page.count("<figure") > 20
    assert len(tables) == page.count("<caption") > 15
    for kind, found in (("Figure", figures), ("Table", tables)):
        heads = [b.caption[0] for b in found]
        assert heads == [("bold", f"{kind} {n}.") for n in range(1, len(found) + 1)]


def test_the_latex_is_whole(blocks):
    text = latex(blocks, {})
    opened = re.findall(r"\\begin\{(\w+)\}", text)
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+)\}", text))
    names = {b.name for b in blocks if isinstance(b, Picture)}
    assert {
        m[1] for m in re.finditer(r"\\includegraphics\[[^]]*\]\{([\w-]+)\.pdf\}", text)
    } == names
    unescaped = re.sub(r"\\[{}]", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    assert "[U+" not in text


def test_pictures_are_small_and_show_what_they_show(blocks):
    for block in (b for b in blocks if isinstance(b, Picture)):
        svg = pictures.svg_of(block)
        assert len(svg) <= pictures.LARGEST, block.name
        images = list(block.element.iter("img"))
        assert len(images) == 1 or svg.count("<image") == len(images)


def test_a_curve_of_many_points_is_thinned():
    points = "\n".join(f"L {n / 100:.6f} {n % 7}.123456" for n in range(20_000))
    drawing = f'<svg width="9pt" height="9pt"><path d="M 0 0 \n{points}"/></svg>'
    address = pictures.SVG + base64.b64encode(drawing.encode()).decode()
    (block,) = read(f'<body><figure><img src="{address}"></figure></body>')
    svg = pictures.svg_of(block)
    assert 1_000 < len(svg) <= pictures.LARGEST < len(drawing)
    assert svg.endswith('L 200 0.1"/></svg>')


def test_the_folder_holds_tables_for_programs(tmp_path, monkeypatch):
    monkeypatch.setattr(write.shutil, "which", lambda name: None)
    monkeypatch.setattr(write, "print_document", lambda *_: Blank())
    page = tmp_path / "report.html"
    page.write_text(PAGE, encoding="utf-8")
    said = write.write_sources(page, DAY, tmp_path / "sources")
    assert "apt install pandoc librsvg2-bin" in said
    with (tmp_path / "sources" / "table-01.csv").open(encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["Name", "No"], ["a|b", "−1 ≤ p₁"]]
    table = (tmp_path / "sources" / "table-01.tex").read_text(encoding="utf-8")
    assert table.startswith("% Table 1. Some.")
    assert r"\toprule" in table
    assert not (tmp_path / "sources" / "report.docx").exists()


@pytest.mark.slow
def test_latex_and_word_take_the_sources(recorded_report, tmp_path):
    latex_program = require_program("pdflatex")
    require_program("pandoc"), require_program("rsvg-convert")
    folders = [tmp_path / "one", tmp_path / "two"]
    options = ["--output", str(tmp_path / "out"), "--sources", str(folders[0])]
    done = CliRunner().invoke(cli, ["report", str(recorded_report), *options])
    assert done.exit_code == 0, done.output
    created = started_at(Run(recorded_report).read(artifacts.RUN))
    write.write_sources(tmp_path / "out" / "report.html", created, folders[1])
    first, second = ({f.name: f.read_bytes() for f in folder.iterdir()} for folder in folders)
    assert first == second
    assert first["report.docx"].startswith(b"PK")
    largest = [name for name in first if name.startswith("figure") and len(first[name]) > 100_000]
    assert not largest
    command = [latex_program, "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    done = subprocess.run(command, cwd=folders[0], capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout
    pages = pypdf.PdfReader(folders[0] / "report.pdf").pages
    assert "Abstract" in pages[0].extract_text()
