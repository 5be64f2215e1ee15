"""The program that sends one message: standard input says what and where.

It prints the place of each address that took the message. ``notification.py`` starts it.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor, wait


def main() -> None:
    """Send the message to all addresses at once; whoever hangs is left behind."""
    from apprise import Apprise, URLBase

    order = json.load(sys.stdin)
    # Apprise's own four seconds are little for a busy machine or a slow service.
    URLBase.socket_connect_timeout = URLBase.socket_read_timeout = order["seconds"]

    def deliver(place: int) -> None:
        service = Apprise()
        service.add(order["urls"][place])
        content = {"title": order["title"], "body": order["body"]}
        file = order["attachment"]
        # Services that take no files send the text alone; one that fails over a file, too.
        if service.notify(**content, attach=file) or (file and service.notify(**content)):
            print(place, flush=True)

    places = range(len(order["urls"]))
    pool = ThreadPoolExecutor(len(places))
    wait([pool.submit(deliver, place) for place in places], order["seconds"])
    os._exit(0)


if __name__ == "__main__":
    main()
