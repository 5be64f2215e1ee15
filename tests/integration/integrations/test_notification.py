"""Messages about a run, sent by Apprise to real servers on loopback."""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from requirements import find_package

from fmnist.cli import jobs
from fmnist.errors import UserError
from fmnist.integrations.notification import Notifier, check_urls, send
from fmnist.integrations.tracking import open_trackers
from fmnist.runs import run_messages
from fmnist.runs.artifacts import STAGES
from fmnist.runs.folder import Run
from fmnist.runs.records.plan import Stage, Stages
from fmnist.runs.run_messages import RunMessages
from search.records import Failure, Trial, TrialLog

find_package("apprise")
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # imported by Apprise
RECORDED = Path(__file__).parents[2] / "data" / "short_run"
SECRET = "geheim-7f3a"


class Webhook:
    """A server that keeps what is posted to it."""

    def __init__(self):
        received = self.received = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                received.append((self.path, json.loads(self.rfile.read(length))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_port}/{SECRET}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def titles(self):
        return [message["title"].split(": ", 1)[1] for _, message in self.received]


@pytest.fixture
def webhook():
    running = Webhook()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def hanging():
    """The address of a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"json://127.0.0.1:{server.getsockname()[1]}/{SECRET}"


@pytest.fixture
def run(tmp_path):
    folder = Run(shutil.copytree(RECORDED, tmp_path / "night"))
    (folder / "report.pdf").write_bytes(b"%PDF-1.7 the report")
    return folder


def without_trials(run):
    lines = (run / "trials.jsonl").read_text().splitlines(keepends=True)
    (run / "trials.jsonl").unlink()
    return lines


@pytest.mark.slow
def test_a_webhook_hears_of_begin_first_result_trouble_and_end_with_the_pdf(run, webhook):
    lines = without_trials(run)
    said = []
    notifier = Notifier([webhook.url], said.append)
    notifier.progress(run)
    (run / "trials.jsonl").write_text(lines[0])
    notifier.progress(run)
    notifier.progress(run)  # nothing new
    until = time.monotonic() + 120
    while len(webhook.received) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    notifier.finished(run)
    assert webhook.titles == ["begun", "first result", "done, 92.45 %"]
    path, done = webhook.received[-1]
    assert path == f"/{SECRET}"
    assert "95 % interval 91.92 to 92.95 %" in done["message"]
    (file,) = done["attachments"]
    assert file["filename"] == "report.pdf"
    assert base64.b64decode(file["base64"]) == b"%PDF-1.7 the report"
    assert said == []


def test_a_rehearsal_sends_a_message_and_says_where_it_did_not_arrive(run, webhook):
    run.write(STAGES, Stages((Stage("rehearse", "", 10.0),)))
    assert list(RunMessages().news(run)) == []  # the run has not begun yet
    assert Notifier([webhook.url], print).rehearsed(run) == ""
    assert webhook.titles == ["rehearsed"]
    problem = Notifier(["json://127.0.0.1:9/secret"], print).rehearsed(run)
    assert problem == "notification not delivered to json://…; see fmnist notify --test"


def test_mail_carries_the_pdf(run):
    from aiosmtpd import controller

    class Inbox:
        def __init__(self):
            self.mails = []

        async def handle_DATA(self, server, session, envelope):  # noqa: N802
            self.mails.append(envelope)
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    inbox = Inbox()
    server = controller.Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        url = f"mailto://127.0.0.1:{port}/?to=ada@example.org&from=night@example.org&mode=insecure"
        assert send([url], RunMessages().done(run)).problem == ""
    finally:
        server.stop()
    (mail,) = inbox.mails
    assert mail.rcpt_tos == ["ada@example.org"]
    assert b"report.pdf" in mail.content
    assert base64.b64encode(b"%PDF-1.7 the report") in mail.content.replace(b"\r\n", b"")


@pytest.mark.slow
def test_a_service_that_hangs_costs_a_line_and_no_time(run, hanging, webhook):
    said = []
    notifier = Notifier([hanging, webhook.url], said.append, seconds=10.0)
    for _ in range(3):
        notifier.progress(run)
    assert said == []  # nobody waited for the one that hangs
    notifier.finished(run)
    assert said == ["notification not delivered to json://…; the run goes on"]
    assert webhook.titles[-1].startswith("done")


def test_trouble_is_told_once(run, monkeypatch):
    log = TrialLog(run / "trials.jsonl")
    last = log.trials[-1]
    news = RunMessages()
    assert [m.title.split(": ")[1] for m in news.news(run)] == ["goes on after 16 trials"]
    for number in range(100, 103):
        log.append(
            type(last)(number, "failed", last.params, None, (), 0, "", 1.0, Failure("nan", "loss"))
        )
    monkeypatch.setattr(run_messages, "LEAST_DISK", 1e18)
    titles = [m.title.split(": ")[1] for m in news.news(run)]
    assert titles == ["3 trials in a row failed", "the disk is nearly full"]
    assert list(news.news(run)) == []


def test_trials_that_had_no_time_are_no_trouble(run):
    log, news = TrialLog(run / "trials.jsonl"), RunMessages()
    params = log.trials[-1].params
    assert len(list(news.news(run))) == 1  # begun
    for number in range(100, 103):
        failure = Failure("deadline", "not started: 14 s of the search were left")
        log.append(Trial(number, "failed", params, None, (), 0, "", 0.0, failure))
    assert list(news.news(run)) == []


def test_a_run_that_stops_says_why(run, webhook):
    said = []
    open_trackers(said.append, notify=[webhook.url]).stopped(run, "the disk is full")
    assert said == []
    ((_, message),) = webhook.received
    assert message["title"].endswith("stopped")
    assert "the disk is full" in message["message"]
    assert "attachments" not in message or message["attachments"] == []


def test_an_address_that_cannot_work_is_refused_without_being_shown():
    with pytest.raises(UserError, match=r"address 2 \(nonsense://…\)") as caught:
        check_urls(["json://127.0.0.1/x", f"nonsense://{SECRET}"])
    assert SECRET not in str(caught.value)


@pytest.mark.slow
def test_addresses_are_in_no_recorded_command_and_no_listing(tmp_path, monkeypatch, webhook):
    words = ["fmnist", "run", "--notify", webhook.url, f"--notify={webhook.url}", "--time", "2m"]
    monkeypatch.setattr(sys, "argv", words)
    assert jobs._command_line() == "fmnist run --time 2m"
    (tmp_path / "fmnist.toml").write_text(f'notify = ["{webhook.url}"]\n')

    def ended(*command):
        return subprocess.run(
            [sys.executable, "-m", "fmnist", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    listed = ended("config", "run", "--given")
    assert "--notify" in listed.stdout
    shown = ended("notify")
    assert shown.stdout == "json://…\n"
    tested = ended("notify", "--test")
    assert (tested.returncode, tested.stdout) == (0, "ok    json://…\n")
    assert len(webhook.received) == 1
    failed = ended("notify", "--test", f"json://127.0.0.1:1/{SECRET}")
    assert (failed.returncode, failed.stdout) == (1, "FAIL  json://…\n")
    for done in (listed, shown, tested, failed):
        assert SECRET not in done.stdout + done.stderr
