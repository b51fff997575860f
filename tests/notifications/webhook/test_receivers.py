"""One receiver that hangs or fails takes nothing from the others."""

import pytest

from sagamore.actors.providers import receivers
from sagamore.actors.providers.receivers import BUSY_MS, FAILURES_MAX, PAUSE_FIRST_MS, PAUSE_MOST_MS, Receivers


def fail(known: Receivers, name: str, times: int, now_ms: float = 0) -> None:
    for _ in range(times):
        assert known.admit(name, now_ms) == 0
        known.ended(name, now_ms, False)


def test_a_receiver_has_so_many_calls_at_once_and_another_its_own() -> None:
    known = Receivers(2)
    assert [known.admit("a", 0) for _ in range(3)] == [0, 0, BUSY_MS]
    assert known.admit("b", 0) == 0
    known.ended("a", 0, True)
    assert known.admit("a", 0) == 0


def test_after_failures_in_a_row_one_call_goes_at_a_time_further_and_further_apart() -> None:
    known = Receivers(10)
    fail(known, "a", FAILURES_MAX)
    assert known.admit("a", 0) == known.admit("a", 0.5) == PAUSE_FIRST_MS
    assert known.admit("b", 0) == 0
    now_ms = float(PAUSE_FIRST_MS)
    assert [known.admit("a", now_ms), known.admit("a", now_ms)] == [0, BUSY_MS]
    known.ended("a", now_ms, False)
    assert known.admit("a", now_ms) == 2 * PAUSE_FIRST_MS
    for _ in range(100):
        now_ms += PAUSE_MOST_MS
        fail(known, "a", 1, now_ms)
    assert known.admit("a", now_ms) == PAUSE_MOST_MS


def test_an_answer_makes_good_and_what_was_not_made_says_nothing() -> None:
    known = Receivers(10)
    fail(known, "a", FAILURES_MAX - 1)
    assert known.admit("a", 0) == 0
    known.ended("a", 0, None)
    assert known.admit("a", 0) == 0
    known.ended("a", 0, True)
    fail(known, "a", FAILURES_MAX)
    assert known.admit("a", 0) > 0


def test_only_receivers_that_failed_or_are_called_are_kept_and_those_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(receivers, "KNOWN_MAX", 3)
    known = Receivers(10)
    for n in range(100):
        known.admit(f"good-{n}", 0)
        known.ended(f"good-{n}", 0, True)
    assert known._known == {}
    known.admit("called", 0)
    for n in range(100):
        fail(known, f"bad-{n}", 1)
    assert set(known._known) == {"called", "bad-98", "bad-99"}
