"""Times and sizes as people write them on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from fmnist.errors import UserError

MINIMUM_SECONDS = 60.0
LEAST_GRACE = 4.0  # a heartbeat a second
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_THOUSANDS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
_SIZES = {n + b: times for n, times in _THOUSANDS.items() for b in ("b", "") if n or b}
_SHORT_TIMES = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
_DAY = 24 * 60


def parse_duration(text: str, option: str = "--time", least: float = MINIMUM_SECONDS) -> float:
    """Seconds of ``90s``, ``10m``, ``8h`` or ``1h30m``; at least ``least``.

    Raises:
        UserError: another form, or too short; the message names ``option``.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise UserError(f"{option} {text}: expected a duration such as 90s, 10m, 8h or 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds < least:
        why = " to search, retrain and report" if option == "--time" else ""
        raise UserError(f"{option} {text}: at least {least:g} s are needed{why}")
    return seconds


def grace_seconds(text: str | None) -> float | None:
    """Seconds of ``--grace``; ``None`` where nothing was given."""
    return parse_duration(text, option="--grace", least=LEAST_GRACE) if text else None


def parse_size(text: str | None, option: str = "--trial-memory") -> int | None:
    """Bytes of ``500kB``, ``800M`` or ``1.5G`` (powers of 1000); ``None`` where nothing was given.

    Raises:
        UserError: another form, or nothing; the message names ``option``.
    """
    examples = "800M or 2G" if option == "--trial-memory" else "500kB or 2MB"
    found = _scaled(text, _SIZES, option, f"a size such as {examples}")
    return None if found is None else int(found)


def parse_count(text: str | None, option: str) -> int | None:
    """The number in ``100k``, ``1.5M`` or ``250000``; see ``parse_size``."""
    found = _scaled(text, _THOUSANDS, option, "a number such as 100k, 1.5M or 250000")
    return None if found is None else int(found)


def parse_latency(text: str | None, option: str) -> float | None:
    """Seconds of ``5ms`` or ``800us``; see ``parse_size``."""
    return _scaled(text, _SHORT_TIMES, option, "a time for one image such as 5ms or 800us")


def _scaled(
    text: str | None, units: Mapping[str, float], option: str, expected: str
) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-zµ]*)", text, re.ASCII | re.IGNORECASE)
    times = units.get(match[2].lower(), 0.0) if match else 0.0
    if match is None or float(match[1]) * times == 0:
        raise UserError(f"{option} {text}: expected {expected}")
    return round(float(match[1]) * times, 9)


def parse_until(text: str, now: datetime | None = None) -> datetime:
    """The next moment at which clocks here show ``text`` (``HH:MM``), as an aware time.

    Where clocks are put forward past it, the moment at which they are; where they show it twice,
    whichever comes next.

    Args:
        now: local time if naive; the present where left out.

    Raises:
        UserError: another form, or less than a minute away.
    """
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text, re.ASCII)
    if match is None:
        raise UserError(f"--until {text}: expected a time of day such as 07:00 or 23:30")
    wanted = int(match[1]) * 60 + int(match[2])
    start = (now or datetime.now(UTC)).astimezone(UTC)
    minute = start.replace(second=0, microsecond=0)
    # Minute by minute, so there are no rules of zones to get wrong; a day has at most 25 hours.
    coming = (minute + timedelta(minutes=i) for i in range(1, 2 * _DAY))
    until = next(moment for moment in coming if _comes(wanted, moment))
    if (until - start).total_seconds() < MINIMUM_SECONDS:
        raise UserError(f"--until {text}: at least 1m is needed to search, retrain and report")
    return until.astimezone()


def _comes(wanted: int, moment: datetime) -> bool:
    """Whether clocks come to minute ``wanted`` of the day at ``moment``, or jump over it."""
    now, before = _minute_of_day(moment), _minute_of_day(moment - timedelta(minutes=1))
    passed = (now - before) % _DAY
    put_back = passed > _DAY / 2
    return wanted == now or (not put_back and 0 < (wanted - before) % _DAY < passed)


def _minute_of_day(moment: datetime) -> int:
    local = moment.astimezone()
    return local.hour * 60 + local.minute
