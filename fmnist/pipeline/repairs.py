"""What the package managers of this machine can do about the findings of ``fmnist doctor``."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence

from fmnist.runs.records.plan import Check

# By package manager: how it installs, Pango's packages, the data set's.
_MANAGERS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "apt-get": (
        ["install", "-y"],
        ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"],
        ["dataset-fashion-mnist"],
    ),
    "dnf": (["install", "-y"], ["pango"], []),
    "pacman": (["-S", "--noconfirm"], ["pango"], []),
    "apk": (["add"], ["pango"], []),
    "brew": (["install"], ["pango"], []),
}


def repairs(checks: Sequence[Check]) -> list[list[str]]:
    """Commands that would mend what a check found; none where only the user can.

    With administrator rights through sudo where this user has none and the manager needs them.
    """
    found = {check.name: check for check in checks if check.ok is not True}
    commands = []
    if "packages" in found and found["packages"].remedy.startswith("pip "):
        commands += _packages(found["packages"].remedy.split()[1:])
    manager = next((name for name in _MANAGERS if shutil.which(name)), None)
    if manager is None:
        return commands
    verb, pango, data = _MANAGERS[manager]
    wanted = [*(pango if "PDF" in found else []), *(data if "data" in found else [])]
    if wanted:
        commands.append([*_rights(manager), manager, *verb, *wanted])
    return commands


def _packages(words: list[str]) -> list[list[str]]:
    """What installs Python's packages where this runs: environments that uv made have no pip."""
    if importlib.util.find_spec("pip"):
        return [[sys.executable, "-m", "pip", *words]]
    return [["uv", "pip", *words, "--python", sys.executable]] if shutil.which("uv") else []


def _rights(manager: str) -> list[str]:
    """What stands before the command, so that it may install."""
    root = not hasattr(os, "geteuid") or os.geteuid() == 0
    return [] if root or manager == "brew" or not shutil.which("sudo") else ["sudo"]
