"""A configuration from where it lies: a file, a run folder, or the PDF of a report."""

from __future__ import annotations

from pathlib import Path

from fmnist.config.config import CONFIG_FILE, LARGEST_FILE, Config, ConfigError
from fmnist.config.toml_text import parse_config
from fmnist.runs.pdf_attachments import attached_text, is_pdf
from fmnist.runs.safe_read import verify
from fmnist.text import decoded


def load_config(path: str | Path) -> Config:
    """Read a configuration: a file such as ``best_config.toml``, a run folder, or a report.pdf.

    Raises:
        ConfigError: the file is missing, unreadable, too large or breaks a rule.
        FactsError: that of a run folder is another than was written.
        PdfError: a PDF without exactly one configuration attached to it.
    """
    path = Path(path)
    if path.is_dir():
        path = path / CONFIG_FILE
        verify(path)
    elif is_pdf(path):
        return parse_config(attached_text(path, CONFIG_FILE), f"{path}, attachment {CONFIG_FILE}")
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if data.startswith(b"SQLite format 3\0"):
            raise ConfigError(
                f"{path}: is an SQLite database; read a study of Optuna in with "
                f"'fmnist import {path}', and give the run folder of it here"
            )
        text = decoded(data)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a configuration: {error}") from None
    return parse_config(text, str(path))
