"""How the fields of records are written."""

from typing import Final

OMIT_NONE: Final = {"omit_none": True}
"""Metadata of a field that a file lacks where it is None; others are written as ``null``."""
