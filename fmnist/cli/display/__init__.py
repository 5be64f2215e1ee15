"""What is printed while a job runs and when it ends."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fmnist.pipeline.progress import ProgressDisplay


def make_display(*, quiet: bool, as_json: bool, live: bool = True) -> ProgressDisplay:
    """The display for the flags and the terminal at hand; ``live``: it may redraw itself."""
    from fmnist.cli.display.json_lines import JsonDisplay
    from fmnist.cli.display.live import LiveDisplay
    from fmnist.cli.display.plain import PlainDisplay, QuietDisplay

    if as_json:
        return JsonDisplay()
    if quiet:
        return QuietDisplay()
    redraws = live and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return LiveDisplay() if redraws else PlainDisplay()
