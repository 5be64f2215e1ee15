"""What doctor --fix would run, and that it runs it."""

import importlib.util
import os
import shutil
import sys

import pytest
from click.testing import CliRunner

from fmnist.cli.commands import doctor as command
from fmnist.cli.main import cli
from fmnist.pipeline import doctor, repairs
from fmnist.runs.records.plan import Check

PDF = Check("PDF", False, "cannot render", "install Pango")
DATA = Check("data", None, "not here yet", "needs a network")
PACKAGES = Check("packages", False, "optuna is missing", "pip install --upgrade optuna scipy")
WELL = Check("fonts", True, "5 fonts")


@pytest.fixture
def machine(monkeypatch):
    def has(*programs, user=0):
        monkeypatch.setattr(shutil, "which", lambda name: name if name in programs else None)
        monkeypatch.setattr(os, "geteuid", lambda: user)

    return has


def test_the_manager_of_the_machine_installs_what_is_missing(machine):
    machine("apt-get")
    pango = ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"]
    assert repairs.repairs([PDF, WELL]) == [["apt-get", "install", "-y", *pango]]
    (both,) = repairs.repairs([PDF, DATA])
    assert both[-2:] == ["libharfbuzz-subset0", "dataset-fashion-mnist"]
    machine("brew")
    assert repairs.repairs([PDF, DATA]) == [["brew", "install", "pango"]]


def test_rights_are_asked_for_where_they_are_needed(machine):
    machine("apt-get", "sudo", user=1000)
    assert repairs.repairs([DATA])[0][:2] == ["sudo", "apt-get"]
    machine("brew", "sudo", user=1000)
    assert repairs.repairs([PDF])[0][0] == "brew"


def test_packages_are_pips_or_uvs(machine, monkeypatch):
    machine("uv")
    install = [sys.executable, "-m", "pip", "install", "--upgrade", "optuna", "scipy"]
    assert repairs.repairs([PACKAGES, PDF]) == [install]
    assert repairs.repairs([WELL, Check("disk", False, "full", "free 1 GB")]) == []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    uv = ["uv", "pip", *install[3:], "--python", sys.executable]
    assert repairs.repairs([PACKAGES]) == [uv]
    machine()
    assert repairs.repairs([PACKAGES]) == []


@pytest.fixture
def checked(monkeypatch, machine):
    machine("apt-get")
    ran = []
    monkeypatch.setattr(doctor, "check_all", lambda *_: [PDF, WELL])
    monkeypatch.setattr(command.subprocess, "call", lambda words: ran.append(words) or 0)
    monkeypatch.setattr(sys, "argv", ["fmnist", "doctor", "--fix"])
    return ran


def test_nothing_runs_unless_it_is_asked_for_and_agreed_to(checked):
    assert CliRunner().invoke(cli, ["doctor"], standalone_mode=False).return_value == 1
    done = CliRunner().invoke(cli, ["doctor", "--fix"], input="n\n", standalone_mode=False)
    assert done.return_value == 1
    assert "$ apt-get install -y libpango" in done.output
    assert checked == []


def test_what_is_agreed_to_runs_and_all_is_checked_anew(checked):
    done = CliRunner().invoke(cli, ["doctor", "--fix", "--yes"], standalone_mode=False)
    assert done.return_value == 0
    assert [words[0] for words in checked] == ["apt-get", sys.executable]
    assert checked[1][1:] == ["-m", "fmnist", "doctor"]


def test_a_manager_that_fails_is_named(checked, monkeypatch):
    monkeypatch.setattr(command.subprocess, "call", lambda words: 100)
    done = CliRunner().invoke(cli, ["doctor", "--fix", "--yes"], standalone_mode=False)
    assert "libharfbuzz-subset0: ended with status 100" in str(done.exception)
