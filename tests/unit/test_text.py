"""Text as people's programs save it, and texts of libraries made short."""

from importlib import resources

import pytest
from click.testing import CliRunner

from fmnist.cli.main import cli
from fmnist.config import recipes
from fmnist.config.spaces import load_space
from fmnist.errors import UserError
from fmnist.importers.parameter_mapping import read_mapping
from fmnist.integrations.postgresql import storage_of
from fmnist.report.handin.rubric import load_rubric
from fmnist.report.markdown import read as read_markdown
from fmnist.text import brief

SPACE = "[dropout]\ntype = 'float'\nlow = 0.0\nhigh = 0.5\n"


def in_package(package, *names):
    return resources.files(package).joinpath(*names).read_text(encoding="utf-8")


def settings(file):
    done = CliRunner().invoke(cli, ["--config-file", str(file), "config", "run", "--given"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return "8h" in done.output


READERS = {
    "a space": (SPACE, load_space),
    "a recipe": (
        in_package("fmnist.config", "recipes", "simple-cnn.toml"),
        lambda f: recipes.find(str(f)),
    ),
    "a mapping": ("lr = 'learning_rate'\n", lambda f: read_mapping(f, ())),
    "settings": ("[run]\ntime = '8h'\n", settings),
    "a rubric": (in_package("report_templates", "rubrics", "word-limit.toml"), load_rubric),
    "a text of the author": ("Größer.\n", read_markdown),
    "an address": ("postgresql://ada:x@h/d\n", lambda f: storage_of(None, f)),
}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("what", READERS)
def test_a_file_as_windows_saves_it_is_read(tmp_path, what, encoding):
    content, read = READERS[what]
    plain, saved = tmp_path / "plain.toml", tmp_path / "saved.toml"
    plain.write_bytes(content.encode())
    saved.write_bytes(content.replace("\n", "\r\n").encode(encoding))
    for file in (plain, saved):
        file.chmod(0o600)
    found = read(saved)
    assert found
    assert found == read(plain) or what == "a recipe"  # which has the name of its file


@pytest.mark.parametrize("what", READERS)
def test_a_file_in_another_encoding_is_named(tmp_path, what):
    file = tmp_path / "saved.toml"
    file.write_bytes("# Größe\n".encode("latin-1"))
    file.chmod(0o600)
    with pytest.raises(UserError, match=r"saved\.toml: .*cannot be read"):
        READERS[what][1](file)


def test_a_message_of_a_library_is_one_short_line():
    said = brief(ValueError("no answer from https://ada:secret@h/" + "x" * 900 + "\nsecond"))
    assert said.startswith("no answer from https://ada:***@h/xxx")
    assert len(said) == 200
    assert brief(TimeoutError()) == "TimeoutError"
