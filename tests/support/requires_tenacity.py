"""Imported before ``search.distributed`` by whatever tests it: skipped without its packages."""

from requirements import find_package

find_package("tenacity")
