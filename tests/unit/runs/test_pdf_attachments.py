"""Attachments of a PDF, ours and a stranger's: what is read, and what is refused."""

import random
import shutil
import zlib
from contextlib import suppress
from pathlib import Path

import pypdf
import pytest
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, TextStringObject

from fmnist.config.config import ConfigError
from fmnist.pipeline.search_setup import build_search_setup
from fmnist.report.concepts import load_concepts
from fmnist.report.output.attachments import ROOM, Attachment, _fitting, attachments
from fmnist.runs.config_source import load_config
from fmnist.runs.pdf_attachments import PdfError, attached, is_pdf

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
CONFIG = (RECORDED / "best_config.toml").read_bytes()


def pdf_with(path, *files, password=None, owner=None):
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    for name, content in files:
        writer.add_attachment(name, content)
    if password:
        writer.encrypt(password)
    if owner:
        writer.encrypt("", owner)
    writer.write(path)
    return path


def test_a_pdf_is_as_good_as_the_file_attached_to_it(tmp_path):
    path = pdf_with(tmp_path / "handed in.pdf", ("best_config.toml", CONFIG), ("a.txt", b"?"))
    assert load_config(path) == load_config(RECORDED) == load_config(RECORDED / "best_config.toml")


def test_a_pdf_with_an_owners_password_only_is_read(tmp_path):
    path = pdf_with(tmp_path / "report.pdf", ("best_config.toml", CONFIG), owner="secret")
    assert load_config(path) == load_config(RECORDED)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"lr": 0.001}', r"is JSON; a configuration is TOML"),
        (b"number,value\n0,0.9\n", r"is a table of comma-separated values; a configuration"),
        (b"SQLite format 3\0\xff", r"is an SQLite database; .*fmnist import"),
        (b"learning rate", r"not valid TOML"),
        (b"\xff\x81", r"cannot be read as a configuration"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path, content, message):
    path = tmp_path / "best.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_configuration_as_windows_saves_it(tmp_path, encoding):
    path = tmp_path / "best.toml"
    path.write_bytes(CONFIG.decode().replace("\n", "\r\n").encode(encoding))
    assert load_config(path) == load_config(RECORDED)


def test_a_pdf_by_another_name_is_known_by_its_first_bytes(tmp_path):
    path = pdf_with(tmp_path / "report", ("best_config.toml", CONFIG))
    assert is_pdf(path)
    assert load_config(path) == load_config(RECORDED)


def test_a_search_starts_from_a_pdf(tmp_path):
    from fmnist.pipeline.planner.profiles import profile_for

    path = pdf_with(tmp_path / "report.pdf", ("best_config.toml", CONFIG))
    start = build_search_setup(profile_for(600), space="core", warm_start=path, settings={})
    assert start.base == load_config(RECORDED)


def refused(path, message):
    with pytest.raises(PdfError, match=message):
        load_config(path)


def test_what_is_missing_or_there_twice_is_said(tmp_path):
    path = tmp_path / "report.pdf"
    refused(pdf_with(path), "has no attachments: it is the interim report .* give the run folder")
    refused(
        pdf_with(path, ("a\x1b[31m.txt", b"")), r"no attachment best_config.toml, only a\?\[31m"
    )
    twice = [("best_config.toml", CONFIG)] * 2
    refused(pdf_with(path, *twice), "several attachments named best_config.toml")
    refused(pdf_with(path, *twice[:1], password="x"), "is encrypted")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"%PDF-1.7\n", b"%PDF-1.7\ntrailer << /Root 1 0 R"]
)
def test_what_is_no_pdf_is_said(tmp_path, content):
    path = tmp_path / "report.pdf"
    path.write_bytes(content)
    refused(path, "is not a PDF file|cannot be read as a PDF")


def test_every_cut_of_a_pdf_is_one_kind_of_error(tmp_path):
    whole = pdf_with(tmp_path / "whole.pdf", ("best_config.toml", CONFIG)).read_bytes()
    path, refusals = tmp_path / "cut.pdf", 0
    for length in range(5, len(whole), 97):
        path.write_bytes(whole[:length])
        with suppress(PdfError):
            refusals += 1
            load_config(path)
            refusals -= 1
    assert refusals > 5


def test_a_small_file_cannot_become_huge(tmp_path, monkeypatch):
    path = pdf_with(tmp_path / "bomb.pdf", ("best_config.toml", b""))
    reader = pypdf.PdfReader(path)
    writer = pypdf.PdfWriter(clone_from=reader)
    (entry,) = writer.attachment_list
    stream = entry._embedded_file
    stream[NameObject("/Filter")] = NameObject("/FlateDecode")
    stream._data = zlib.compress(b"#" * 40_000_000)
    writer.write(path)
    assert path.stat().st_size < 100_000
    refused(path, "best_config.toml is larger than 16 MB")
    monkeypatch.setattr("fmnist.runs.pdf_attachments.LARGEST_PDF", 1000)
    refused(path, "a report has less than")


def test_a_configuration_has_few_lines(tmp_path):
    path = pdf_with(tmp_path / "report.pdf", ("best_config.toml", b"#" * 200_000))
    with pytest.raises(ConfigError, match="too large for a configuration"):
        load_config(path)
    (tmp_path / "c.toml").write_text("[" * 5000 + "x = " + "[" * 5000)
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(tmp_path / "c.toml")


def test_names_in_a_circle_come_to_an_end(tmp_path):
    path = pdf_with(tmp_path / "circle.pdf", ("best_config.toml", CONFIG))
    writer = pypdf.PdfWriter(clone_from=pypdf.PdfReader(path))
    tree = writer.root_object["/Names"]["/EmbeddedFiles"].get_object()
    node = writer._add_object(DictionaryObject())
    node.get_object()[NameObject("/Kids")] = ArrayObject([node] * 3)
    tree[NameObject("/Kids")] = ArrayObject([node])
    writer.write(path)
    refused(path, "list of attachments is too long")


def test_names_in_branches_are_found(tmp_path):
    path = pdf_with(tmp_path / "report.pdf", ("best_config.toml", CONFIG))
    writer = pypdf.PdfWriter(clone_from=pypdf.PdfReader(path))
    names = writer.root_object["/Names"]
    leaf = writer._add_object(names["/EmbeddedFiles"].get_object())
    names[NameObject("/EmbeddedFiles")] = DictionaryObject(
        {NameObject("/Kids"): ArrayObject([leaf])}
    )
    writer.write(path)
    assert attached(path, ["best_config.toml"]) == {"best_config.toml": CONFIG}


def test_an_entry_without_a_file_is_an_error(tmp_path):
    path = pdf_with(tmp_path / "report.pdf", ("best_config.toml", CONFIG))
    writer = pypdf.PdfWriter(clone_from=pypdf.PdfReader(path))
    names = writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"]
    names.append(TextStringObject("x"))
    names.append(DictionaryObject())
    writer.write(path)
    refused(path, "cannot be read as a PDF")


def test_attachments_are_the_files_as_they_lie_there(tmp_path):
    run = Path(shutil.copytree(RECORDED, tmp_path / "run"))
    found = attachments(run, [p.name for p in run.iterdir()], load_concepts())
    assert [f.name for f in found] == sorted(f.name for f in found)
    ours = [f for f in found if not f.name.startswith("question-")]
    assert all(f.content == (run / f.name).read_bytes() for f in ours)
    assert {"best_config.toml", "metrics.json", "run.toml", "trials.jsonl"} <= {
        f.name for f in ours
    }
    assert len(found) - len(ours) == 8
    assert all(f.description and "/" in f.kind for f in found)


def test_what_has_no_room_is_left_out_the_least_important_first():
    contents = {"first": b"1", "second": random.Random(0).randbytes(ROOM), "third": b"3"}
    files = [Attachment(name, "text/plain", "Data", "", c) for name, c in contents.items()]
    assert [f.name for f in _fitting(files)] == ["first", "third"]
