"""The arithmetic of a user's places, against a judge who only knows when calls may have arrived."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from sagamore.actors.notifications.allowance import (
    Allowance,
    Places,
    UserLimit,
    at_time,
    given_back,
    has_place,
    taken,
)
from sagamore.actors.notifications.messages import PlacesDue
from sagamore.engine.policy import HOUR_MS
from tests.notifications.core import Core

WINDOW_MS = 100
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), st.just(0)),
        st.tuples(st.just("end"), st.integers(0, 5)),
        st.tuples(st.just("unused"), st.integers(0, 5)),
        st.tuples(st.just("pass"), st.integers(1, 130)),
        st.tuples(st.just("boot"), st.integers(0, 1000)),
    ),
    max_size=60,
)


@given(steps=STEPS, sends_max=st.integers(1, 4), under_way_max=st.integers(1, 4))
def test_no_window_ever_has_more_calls_than_allowed_wherever_they_arrive_between_grant_and_end(
    steps: list[tuple[str, int]], sends_max: int, under_way_max: int
) -> None:
    """True time passes; the steady clock shows it from a new beginning after each boot. Of the window that begins when
    a call ended, the judge counts all that may have arrived in it: that one is among them."""
    limit = UserLimit(sends_max=sends_max, window_ms=WINDOW_MS, under_way_max=under_way_max)
    allowance, now_ms, began_ms, boots = Allowance("ann"), 0, 0, count()
    boot, granted, calls = "0", list[int](), list[tuple[int, int]]()
    for step, number in steps:
        allowance = at_time(allowance, limit, now_ms - began_ms, boot)
        if step == "grant" and has_place(allowance, limit, "mail"):
            allowance = taken(allowance, "mail")
            granted.append(now_ms)
        elif step in ("end", "unused") and granted:
            since_ms = granted.pop(number % len(granted))
            if step == "end":
                allowance = given_back(allowance, limit, "mail", now_ms - began_ms)
                calls.append((since_ms, now_ms))
            else:
                allowance = taken(allowance, "mail", -1)
        elif step == "pass":
            now_ms += number
        elif step == "boot":
            boot, began_ms = f"boot {next(boots)}", now_ms - number
        assert 0 <= allowance.held == len(granted) <= under_way_max
        assert len(allowance.used_until) + allowance.held <= sends_max
        assert list(allowance.used_until) == sorted(allowance.used_until)
    calls += [(since_ms, now_ms) for since_ms in granted]
    for _, begin_ms in calls:
        assert sum(since < begin_ms + WINDOW_MS and until >= begin_ms for since, until in calls) <= sends_max


def test_a_place_is_free_again_exactly_one_window_after_its_end() -> None:
    limit = UserLimit(sends_max=1, window_ms=WINDOW_MS)
    used = given_back(Allowance("ann", (Places("mail", 1),), boot="b"), limit, "mail", 1_000)
    assert not has_place(at_time(used, limit, 1_099, "b"), limit, "sms")
    assert has_place(at_time(used, limit, 1_100, "b"), limit, "sms")


def test_without_a_limit_of_sends_nothing_is_remembered_of_them() -> None:
    allowance = Allowance("ann", (Places("mail", 5),), (7, 8), "b")
    for _ in range(5):
        allowance = given_back(allowance, UserLimit(), "mail", 1)
    assert allowance.idle


def limited(sends_max: int) -> Core:
    core = Core(UserLimit(sends_max=sends_max, window_ms=HOUR_MS))
    core.user(("mail", "a@x"))
    return core


def test_who_has_used_all_places_waits_for_the_oldest_to_be_free() -> None:
    core = limited(2)
    for n in range(1, 5):
        core.publish(n)
    core.ended(1)
    core.advance(1_000)
    core.ended(2)
    assert core.sending == {}
    core.advance(HOUR_MS - 1_001)
    assert core.sending == {}
    core.advance(1)
    assert [*core.sending] == ["dlv_3_1"]
    core.advance(1_000)
    assert [*core.sending] == ["dlv_3_1", "dlv_4_1"]


def test_nobody_passes_the_line_though_a_place_is_free_whose_timer_is_late() -> None:
    core = limited(1)
    core.publish(1)
    core.ended(1)
    core.publish(2)
    core.steady_ms += HOUR_MS
    core.publish(3)
    assert core.sending == {}
    core.take(PlacesDue("ann"), sender="notifications/0")
    assert [*core.sending] == ["dlv_2_1"]


def test_no_step_of_the_wall_clock_frees_a_place_and_none_is_lost_by_one() -> None:
    core = limited(1)
    core.publish(1)
    core.ended(1)
    core.publish(2)
    core.advance(0, wall_step_ms=10 * HOUR_MS)
    assert core.sending == {}
    core.advance(HOUR_MS - 1)
    assert core.sending == {}
    core.advance(1)
    assert [*core.sending] == ["dlv_2_1"]


def test_after_a_reboot_all_that_was_used_counts_as_used_now() -> None:
    core = limited(1)
    core.publish(1)
    core.ended(1)
    core.publish(2)
    core.advance(HOUR_MS // 2)
    core.boot, core.steady_ms = "another", 10**9
    core.publish(3)
    core.advance(HOUR_MS - 1)
    assert core.sending == {}
    core.advance(1)
    assert [*core.sending] == ["dlv_2_1"]


def test_places_are_forgotten_once_none_is_held_or_used() -> None:
    core = limited(5)
    for n in range(1, 4):
        core.publish(n)
        core.ended(n)
        core.advance(10)
    assert core.allowance() is not None
    core.advance(HOUR_MS)
    assert (core.allowance(), core.timers.get(("allowance:ann", "places"))) == (None, None)


def test_what_was_withdrawn_leaves_its_place_unused_and_what_may_have_been_called_uses_it() -> None:
    core = limited(1)
    core.publish(1)
    core.cancel(1)
    core.ended(1, status="CANCELLED", attempts=0)
    core.publish(2)
    assert [*core.sending] == ["dlv_2_1"]
    core.ended(2, status="EXPIRED", attempts=0)  # the process died while it may have been called
    core.publish(3)
    assert core.sending == {}


def test_under_way_are_never_more_than_allowed_and_others_are_not_delayed() -> None:
    core = Core(under_way=3)
    core.user(("mail", "a@x"))
    core.user(("mail", "b@x"), user_id="bob")
    for n in range(1, 20):
        core.publish(n)
    assert len(core.sending) == 3
    core.publish(20, user_id="bob")
    assert "dlv_20_1" in core.sending
    for n in range(1, 20):
        assert f"dlv_{n}_1" in core.sending, "in the order in which they came"
        core.ended(n)
    assert core.allowance() is None
