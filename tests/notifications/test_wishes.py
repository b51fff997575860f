"""Until when a user wishes to be left alone: zones, days without an hour and with one twice, midnight."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sagamore.actors.notifications.user import QuietHours
from sagamore.actors.notifications.wishes import quiet_until_ms
from sagamore.engine.policy import DAY_MS, HOUR_MS, MINUTE_MS
from tests.notifications.core import Alarm, Core

NIGHT = (22 * 60, 7 * 60)
BERLIN = "Europe/Berlin"


def ms(text: str, zone: str = "UTC", fold: int = 0) -> int:
    """A wall clock's time in Unix ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


def at(text: str) -> int:
    """Minutes after midnight."""
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


TABLE = [
    # begin, end, zone, now (local), until (local)
    ("22:00", "07:00", "UTC", "2026-01-10T23:30", "2026-01-11T07:00"),
    ("22:00", "07:00", "UTC", "2026-01-11T06:59", "2026-01-11T07:00"),
    ("22:00", "07:00", "UTC", "2026-01-11T07:00", ""),
    ("22:00", "07:00", "UTC", "2026-01-10T22:00", "2026-01-11T07:00"),
    ("22:00", "07:00", "UTC", "2026-01-10T21:59:59", ""),
    ("13:00", "15:00", "UTC", "2026-01-10T14:00", "2026-01-10T15:00"),
    ("13:00", "15:00", "UTC", "2026-01-10T16:00", ""),
    ("20:00", "00:00", "UTC", "2026-12-31T23:00", "2027-01-01T00:00"),
    ("00:00", "08:00", "UTC", "2026-01-10T00:00", "2026-01-10T08:00"),
    ("09:00", "09:00", "UTC", "2026-01-10T09:00", ""),
    ("22:00", "07:00", BERLIN, "2026-07-01T23:30", "2026-07-02T07:00"),
    ("22:00", "07:00", "Asia/Kathmandu", "2026-07-01T23:30", "2026-07-02T07:00"),
    ("22:00", "07:00", "Pacific/Chatham", "2026-07-01T02:30", "2026-07-01T07:00"),
    ("22:00", "07:00", BERLIN, "2026-03-29T01:30", "2026-03-29T07:00"),  # an hour shorter
    ("22:00", "07:00", BERLIN, "2026-10-25T01:30", "2026-10-25T07:00"),  # an hour longer
    ("22:00", "02:30", BERLIN, "2026-03-29T01:45", "2026-03-29T03:00"),  # 02:30 is skipped
    ("22:00", "02:30", BERLIN, "2026-03-29T00:30", "2026-03-29T03:00"),
    ("22:00", "02:00", BERLIN, "2026-03-29T01:00", "2026-03-29T03:00"),
    ("22:00", "03:00", BERLIN, "2026-03-29T01:00", "2026-03-29T03:00"),
    ("22:00", "02:30", BERLIN, "2026-10-25T01:30", "2026-10-25T02:30"),  # 02:30 comes twice: the first one
    ("22:00", "02:15", "Australia/Lord_Howe", "2026-10-04T01:00", "2026-10-04T02:30"),  # a gap of half an hour
]


@pytest.mark.parametrize(("begin", "end", "zone", "now", "until"), TABLE)
def test_quiet_hours_are_those_of_the_user_s_wall_clock(begin: str, end: str, zone: str, now: str, until: str) -> None:
    found = quiet_until_ms(QuietHours(at(begin), at(end)), zone, ms(now, zone))
    assert found == (ms(until, zone) if until else 0)


def test_in_the_repeat_of_an_hour_the_end_is_that_of_the_repeat() -> None:
    now_ms = ms("2026-10-25T02:10", BERLIN, fold=1)
    found = quiet_until_ms(QuietHours(22 * 60, 150), BERLIN, now_ms)
    assert found == ms("2026-10-25T02:30", BERLIN, fold=1) == now_ms + 20 * MINUTE_MS


def test_nobody_s_wish_is_no_quiet_hour() -> None:
    assert quiet_until_ms(None, "", ms("2026-01-01T00:00")) == 0


@given(
    begin=st.integers(0, 1439), end=st.integers(0, 1439),
    zone=st.sampled_from((BERLIN, "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Havana", "UTC")),
    now_ms=st.integers(ms("2011-12-28T00:00"), ms("2026-12-01T00:00")),
)  # fmt: skip
@example(0, 1, "America/Havana", ms("2026-03-08T04:30"))
def test_their_end_is_ahead_within_a_day_and_two_hours_and_is_loud(
    begin: int, end: int, zone: str, now_ms: int
) -> None:
    """Where an hour comes twice, it may be quiet a second time."""
    quiet = QuietHours(begin, end)
    until_ms = quiet_until_ms(quiet, zone, now_ms)
    if until_ms:
        assert now_ms < until_ms <= now_ms + DAY_MS + 2 * HOUR_MS
        assert quiet_until_ms(quiet, zone, until_ms) == 0 or _skips(zone, until_ms)


def _skips(zone: str, at_ms: int) -> bool:
    """Whether the wall clock jumps just then."""
    before, after = (datetime.fromtimestamp((at_ms + d) / 1000, ZoneInfo(zone)) for d in (-1, 0))
    return before.utcoffset() != after.utcoffset()


def test_what_is_deferred_is_sent_when_the_quiet_hours_are_over() -> None:
    core = Core(now_ms=ms("2026-01-10T23:00"))
    core.user(("mail", "a@x"), quiet=NIGHT)
    deferred = core.publish()
    assert (deferred.status, deferred.why, deferred.due_ms) == ("SCHEDULED", "quiet hours", ms("2026-01-11T07:00"))
    core.advance(8 * HOUR_MS - 1)
    assert core.sending == {}
    core.advance(1)
    assert core.states(1) == [("mail", "SENDING")]


def test_what_is_critical_is_sent_at_night() -> None:
    core = Core(now_ms=ms("2026-01-10T23:00"))
    core.user(("mail", "a@x"), quiet=NIGHT)
    core.publish(event=Alarm(1))
    assert core.states(1) == [("mail", "SENDING")]


def test_what_is_deferred_beyond_its_expiry_is_expired_and_frees_its_place() -> None:
    core = Core(now_ms=ms("2026-01-10T23:00"), expires_ms=HOUR_MS)
    core.user(("mail", "a@x"), quiet=NIGHT)
    core.publish()
    core.advance(8 * HOUR_MS)
    assert (core.shown(1), core.get(1).status) == ([("mail", "EXPIRED", "expired")], "DONE")
    assert core.allowance() is None


def test_what_is_scheduled_into_the_night_comes_in_the_morning_and_a_wish_changed_meanwhile_counts() -> None:
    core = Core(now_ms=ms("2026-01-10T12:00"))
    core.user(("mail", "a@x"), quiet=NIGHT)
    core.publish(1, send_at_ms=ms("2026-01-10T23:00"))
    assert core.get(1).due_ms == ms("2026-01-11T07:00")
    core.user(("mail", "a@x"), quiet=(6 * 60, 9 * 60))
    core.advance(DAY_MS - HOUR_MS * 4)
    assert core.get(1).due_ms == ms("2026-01-11T09:00")
    core.advance(HOUR_MS)
    assert core.states(1) == [("mail", "SENDING")]


def test_what_comes_out_of_the_line_at_night_waits_for_the_morning() -> None:
    core = Core(now_ms=ms("2026-01-10T21:30"), under_way=1)
    core.user(("mail", "a@x"), ("sms", "+1"), quiet=NIGHT)
    core.publish(1, "mail", "sms")
    core.publish(2, "mail", "sms")
    core.advance(HOUR_MS)
    core.ended(1)
    core.ended(1, 2)
    assert core.shown(2) == [("mail", "WAITING", "quiet hours"), ("sms", "WAITING", "quiet hours")]
    assert (core.sending, core.allowance()) == ({}, None)
    core.advance(9 * HOUR_MS)
    assert core.states(2) == [("mail", "SENDING"), ("sms", "SENDING")]
    core.ended(2)
    core.ended(2, 2)
    assert (core.get(2).status, core.allowance()) == ("DONE", None)


def test_a_fallback_for_silence_waits_for_the_morning_and_can_be_cancelled_until_then() -> None:
    core = Core(now_ms=ms("2026-01-10T21:30"), fallbacks={"sms": "push"}, silence_ms=HOUR_MS)
    core.user(("sms", "+1"), ("push", "t"), quiet=NIGHT)
    core.publish(1, "sms")
    core.ended(1)
    core.advance(HOUR_MS)
    assert core.shown(1)[1] == ("push", "WAITING", "quiet hours")
    core.cancel(1)
    core.advance(DAY_MS)
    assert (core.states(1)[1], core.sending, core.allowance()) == (("push", "CANCELLED"), {}, None)
