"""What a machine lacks is skipped with the line that installs it; where CI is set, it fails."""

import pytest
from requirements import find_package, require_package, require_program


@pytest.mark.parametrize(
    ("lacking", "remedy"),
    [
        (lambda: require_package("no_such_package.part"), "pip install no-such-package"),
        (lambda: find_package("no_such_package"), "pip install no-such-package"),
        (lambda: require_program("java"), "apt-get install default-jre-headless"),
    ],
)
def test_what_is_lacking_is_named_with_its_remedy(lacking, remedy, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA", raising=False)
    for name, outcome in (("", pytest.skip.Exception), ("true", pytest.fail.Exception)):
        monkeypatch.setenv("CI", name)
        with pytest.raises(outcome, match=f"not installed: {remedy}"):
            lacking()


def test_what_is_there_is_found(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/opt/chromium")
    assert require_program("chromium") == "/opt/chromium"
    assert (find_package("json") / "decoder.py").is_file()
    assert require_package("json.decoder").JSONDecoder
