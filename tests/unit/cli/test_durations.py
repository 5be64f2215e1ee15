import time
from datetime import UTC, datetime, timedelta

import pytest

from fmnist.cli.durations import (
    parse_count,
    parse_duration,
    parse_latency,
    parse_size,
    parse_until,
)
from fmnist.errors import UserError

# Central Europe as a rule, not a name: needs no time zone files.
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"


@pytest.fixture
def berlin(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", BERLIN)
        time.tzset()
        yield
    time.tzset()


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("8h", 28_800), ("1h30m", 5400), ("1.5h", 5400)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m10", "10 m", "ten", "10d", "-5m", "10m!"])
def test_other_forms_are_refused(text):
    with pytest.raises(UserError, match="expected a duration such as 90s, 10m, 8h or 1h30m"):
        parse_duration(text)


def test_less_than_a_minute_is_too_little():
    with pytest.raises(UserError, match="--time 30s: at least 60 s are needed to search"):
        parse_duration("30s")


def test_a_short_duration_may_do_for_another_option():
    assert parse_duration("5s", "--trial-timeout", least=1) == 5
    with pytest.raises(UserError, match=r"^--trial-timeout 5s: at least 10 s are needed$"):
        parse_duration("5s", "--trial-timeout", least=10)


@pytest.mark.parametrize(
    ("text", "size"),
    [(None, None), ("800M", 800_000_000), ("2G", 2_000_000_000), ("1.5gb", 1_500_000_000)],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_count, "100k", 100_000),
        (parse_count, "1.5M", 1_500_000),
        (parse_count, "250000", 250_000),
        (parse_size, "500kB", 500_000),
        (parse_size, "2mb", 2_000_000),
        (parse_size, "1200B", 1_200),
        (parse_latency, "5ms", 5e-3),
        (parse_latency, "0.8ms", 8e-4),
        (parse_latency, "800us", 8e-4),
        (parse_count, None, None),
    ],
)
def test_limits_of_a_network(parse, text, value):
    assert parse(text, "--max") == value


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        *((parse_count, t, "100k, 1.5M") for t in ("", "0", "-1", "many", "10kB", "1e5", "٣")),
        *((parse_size, t, "500kB or 2MB") for t in ("500", "0kB", "kB", "5 kB", "5ms")),
        *((parse_latency, t, "5ms or 800us") for t in ("5", "0ms", "5m", "ms", "-1ms", "5kB")),
    ],
)
def test_what_is_no_limit_is_refused(parse, text, expected):
    with pytest.raises(UserError) as error:
        parse(text, "--max")
    assert str(error.value).startswith(f"--max {text}: expected a ")
    assert expected in str(error.value)


@pytest.mark.parametrize("text", ["", "2", "0G", "-1G", "2T", "2 G", "G"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(UserError, match="expected a size such as 800M or 2G"):
        parse_size(text)


@pytest.mark.parametrize(
    ("now", "text", "until"),
    [
        ("2026-06-01 20:00:00", "23:30", "2026-06-01 21:30:00"),  # 22:00 there
        ("2026-06-01 20:00:00", "07:00", "2026-06-02 05:00:00"),
        ("2026-06-01 20:00:00", "7:00", "2026-06-02 05:00:00"),
        ("2026-06-01 20:00:00", "22:00", "2026-06-02 20:00:00"),  # this very minute: tomorrow
        ("2026-06-01 20:00:30", "22:00", "2026-06-02 20:00:00"),
        ("2026-06-01 21:50:10", "00:00", "2026-06-01 22:00:00"),
        ("2026-12-31 22:30:00", "00:01", "2026-12-31 23:01:00"),
        ("2028-02-28 22:00:00", "07:00", "2028-02-29 06:00:00"),
        # Put forward on 29 March: 02:00 is 03:00. The night has an hour less.
        ("2026-03-28 21:00:00", "07:00", "2026-03-29 05:00:00"),
        ("2026-03-28 21:00:00", "01:59", "2026-03-29 00:59:00"),
        ("2026-03-28 21:00:00", "02:00", "2026-03-29 01:00:00"),
        ("2026-03-28 21:00:00", "02:30", "2026-03-29 01:00:00"),  # never shown
        ("2026-03-28 21:00:00", "03:00", "2026-03-29 01:00:00"),
        ("2026-03-29 00:30:00", "02:30", "2026-03-29 01:00:00"),
        ("2026-03-29 01:00:00", "02:30", "2026-03-30 00:30:00"),
        # Put back on 25 October: 03:00 is 02:00. An hour more, and 02:30 comes twice.
        ("2026-10-24 20:00:00", "07:00", "2026-10-25 06:00:00"),
        ("2026-10-24 20:00:00", "02:30", "2026-10-25 00:30:00"),
        ("2026-10-25 00:40:00", "02:30", "2026-10-25 01:30:00"),
        ("2026-10-25 01:40:00", "02:30", "2026-10-26 01:30:00"),
        ("2026-10-24 20:00:00", "02:00", "2026-10-25 00:00:00"),
        ("2026-10-25 00:40:00", "02:00", "2026-10-25 01:00:00"),
        ("2026-10-25 00:40:00", "03:00", "2026-10-25 02:00:00"),
        ("2026-10-24 20:00:00", "03:00", "2026-10-25 02:00:00"),
    ],
)
def test_the_next_such_time(berlin, now, text, until):
    found = parse_until(text, utc(now))
    assert found == utc(until)
    assert found.tzinfo is not None


def test_a_time_is_shown_as_local_clocks_will(berlin):
    until = parse_until("07:00", utc("2026-10-24 20:00:00"))
    assert until.isoformat() == "2026-10-25T07:00:00+01:00"


def test_naive_times_are_local(berlin):
    assert parse_until("23:30", datetime(2026, 6, 1, 22, 0)) == utc("2026-06-01 21:30:00")


def test_now_is_meant_where_nothing_is_said():
    until = parse_until(f"{(datetime.now() + timedelta(hours=3)):%H:%M}")
    assert timedelta(hours=1) < until - datetime.now(UTC) < timedelta(hours=5)


@pytest.mark.parametrize("text", ["", "7", "24:00", "12:60", "07:00:00", "7am", "-1:00", " 07:00"])
def test_what_is_no_time_of_day_is_refused(text):
    with pytest.raises(UserError, match="expected a time of day such as 07:00 or 23:30"):
        parse_until(text)


def test_less_than_a_minute_away_is_too_little(berlin):
    with pytest.raises(UserError, match="--until 22:01: at least 1m"):
        parse_until("22:01", utc("2026-06-01 20:00:01"))
    assert parse_until("22:01", utc("2026-06-01 20:00:00")) == utc("2026-06-01 20:01:00")
