"""Messages about a run, through Apprise: mail, ntfy, Telegram, Slack, Discord, any webhook.

Each message is sent by a process of its own with a time limit, so that a service that hangs costs
the run nothing. Addresses hold secrets: they reach that process through a pipe, and nothing but
their scheme is ever shown.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from typing_extensions import override

from fmnist.errors import UserError
from fmnist.integrations.tracker import Tracker
from fmnist.runs.folder import Run
from fmnist.runs.run_messages import Message, RunMessages

SECONDS = 20.0
"""A message that is not delivered by then is given up."""
_PROGRAM = Path(__file__).with_name("notification_process.py")
_START = 120.0  # seconds that the process that sends may need to come up on a busy machine


def check_urls(urls: Sequence[str]) -> None:
    """Refuse addresses that cannot work now, not in the morning.

    Raises:
        UserError: Apprise is not installed, or does not know the form of an address.
    """
    if not importlib.util.find_spec("apprise"):
        raise UserError(
            "--notify needs Apprise, which is not installed; install it with: pip install apprise"
            "  (the extra 'notify')"
        )
    from apprise import Apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would show the address
    for number, url in enumerate(urls, 1):
        if Apprise.instantiate(url) is None:
            raise UserError(
                f"--notify: address {number} ({scheme(url)}) has no form that Apprise knows, such "
                "as ntfys://TOPIC, mailtos://USER:PASSWORD@gmail.com or json://HOST/PATH"
            )


def scheme(url: str) -> str:
    """What may be shown of an address."""
    kind, found, _ = url.partition("://")
    return f"{kind}://…" if found else "…"


@dataclass(frozen=True)
class Delivery:
    """Which of the addresses took a message, by their places in the list."""

    urls: Sequence[str]
    delivered: frozenset[int]

    @property
    def problem(self) -> str:
        """Which did not; empty where all did."""
        missing = [scheme(url) for i, url in enumerate(self.urls) if i not in self.delivered]
        return f"not delivered to {', '.join(missing)}" if missing else ""


def send(urls: Sequence[str], message: Message, seconds: float = SECONDS) -> Delivery:
    """Send ``message`` to all addresses at once, in another process, for ``seconds`` at most."""
    attachment = message.attachment
    order = {**asdict(message), "attachment": str(attachment) if attachment else None}
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(_PROGRAM)],  # a file: nothing of this package is imported
            input=json.dumps({"urls": list(urls), "seconds": seconds, **order}).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # Apprise names whole addresses there
            timeout=seconds + _START,
            check=False,
        )
        said = done.stdout
    except subprocess.TimeoutExpired as error:
        said = error.stdout or b""
    return Delivery(urls, frozenset(int(line) for line in said.split()))


class Notifier(Tracker):
    """Tells services what becomes of a run; a message waits for the one before it, the run never.

    Args:
        urls: addresses as Apprise takes them.
        tell: called with a line where one does not take a message.
        seconds: limit of one message, and of the wait for the last one.
    """

    name = "notification"

    def __init__(
        self, urls: Sequence[str], tell: Callable[[str], object], seconds: float = SECONDS
    ) -> None:
        self._urls, self._tell, self._seconds = urls, tell, seconds
        self._messages = RunMessages()
        self._waiting: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._told: set[str] = set()
        self._sender = threading.Thread(target=self._send_all, daemon=True, name="notification")
        self._sender.start()

    @override
    def progress(self, run: Run) -> None:
        for message in self._messages.news(run):
            self._waiting.put(message)

    @override
    def rehearsed(self, run: Run) -> str:
        problem = send(self._urls, self._messages.rehearsed(run), self._seconds).problem
        return f"notification {problem}; see fmnist notify --test" if problem else ""

    @override
    def finished(self, run: Run) -> None:
        self._end_with(self._messages.done(run))

    @override
    def stopped(self, run: Run, reason: str) -> None:
        self._end_with(self._messages.stopped(run, reason))

    def _end_with(self, message: Message) -> None:
        while not self._waiting.empty():  # of older news the last message says enough
            self._waiting.get_nowait()
        self._waiting.put(message)
        self._waiting.put(None)
        self._sender.join(2 * self._seconds + _START)

    def _send_all(self) -> None:
        while (message := self._waiting.get()) is not None:
            problem = send(self._urls, message, self._seconds).problem
            if problem and problem not in self._told:
                self._told.add(problem)
                self._tell(f"notification {problem}; the run goes on")
