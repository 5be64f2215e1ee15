"""Starting a job from Python: its command line, its events, its errors."""

import os
import signal
import sys
import threading

import pytest

import fmnist
from fmnist.api import start
from fmnist.api.progress import Progress


def test_options_are_those_of_the_command_line():
    asked = {
        "time": None, "trials": 3, "no_confirm": True, "refit": False, "results": "a b",
        "set": {"dropout": 0.2, "whitening": True}, "notify": ["json://x", "json://y"],
    }  # fmt: skip
    assert start._arguments(asked) == [
        "--trials=3", "--no-confirm", "--no-refit", "--results=a b", "--set=dropout=0.2",
        "--set=whitening=true", "--notify=json://x", "--notify=json://y",
    ]  # fmt: skip


def said(*events):
    progress = Progress()
    return [progress._said(e) for e in events]


def test_progress_says_what_a_user_waits_for():
    trial = {"event": "trial", "state": "complete", "replicate_of": None}
    lines = said(
        {"event": "stage", "name": "search"},
        {**trial, "number": 0, "value": 0.9},
        {**trial, "number": 1, "value": 0.8},
        {**trial, "number": 2, "value": None, "state": "failed"},
        {"event": "check", "name": "disk"},
        {"event": "stage", "name": "confirm"},
        {**trial, "number": 10, "value": 0.85, "replicate_of": 0},
    )
    assert [line.replace("\u202f", " ").replace("\xa0", " ") for line in lines] == [
        "search",
        "search: trial 0 90.00 %, best so far 90.00 %",
        "search: trial 1 80.00 %, best so far 90.00 %",
        "search: trial 2 failed, best so far 90.00 %",
        "",
        "confirm",
        "confirm: a run of trial 0 85.00 %",
    ]


@pytest.fixture
def job(monkeypatch):
    """Have ``search`` start a small program in place of ``fmnist``."""

    def replace(code):
        real = start.subprocess.Popen
        monkeypatch.setattr(
            start.subprocess, "Popen", lambda _, **more: real([sys.executable, "-c", code], **more)
        )

    return replace


BEGIN = 'import json, sys, time; print(json.dumps({"event": "begin", "run": "r"}), flush=True); '


def test_a_failure_says_what_the_job_said(job):
    job(BEGIN + 'sys.stderr.write("fmnist: the disk is full"); sys.exit(6)')
    with pytest.raises(start.SearchError, match=r"^the disk is full$") as caught:
        fmnist.search(on_event=lambda _: None)
    assert caught.value.exit_code == 6


def test_an_interrupt_reaches_the_job_once_and_the_caller_after_it(job):
    job(
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        + BEGIN
        + "\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n"
        '    sys.stderr.write("fmnist: interrupted; the same command goes on"); sys.exit(130)'
    )
    # Sent while the pipe is read, as Ctrl-C comes; what runs in the background ignores it.
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt, match="goes on"):
            fmnist.search(on_event=lambda _: timer.start())
    finally:
        signal.signal(signal.SIGINT, usual)


def test_without_a_result_there_is_no_run(job):
    job("pass")
    with pytest.raises(start.SearchError, match="without a word"):
        fmnist.search()
