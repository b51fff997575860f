"""The circuit breaker: one probe decides, and nothing from before the opening does."""

import re
from random import Random
from typing import Any, NamedTuple

import pytest

from sagamore.engine.breaker import Breaker, BreakerPolicy
from sagamore.engine.errors import InvalidInput

POLICY = BreakerPolicy(failures_min=3, failure_share=0.5, window_ms=100, cooldown_ms=50)
SEEDS = 300


def opened(policy: BreakerPolicy = POLICY) -> Breaker:
    """Just opened, at 0."""
    breaker = Breaker(policy)
    for _ in range(policy.failures_min):
        assert breaker.admit(0) is not None
        breaker.record(0, False, 0)
    assert breaker.state == "OPEN"
    return breaker


NO_COUNT = [0, -1, 1.5, "9", None, True]
NO_SHARE = [-0.1, 1.1, float("nan"), float("inf"), "0.5", None, True]


@pytest.mark.parametrize(
    ("field", "value", "right"),
    [
        *(("failures_min", value, "a whole number, 1 to 1,000") for value in [*NO_COUNT, 1_001]),
        *(("failure_share", value, "a number, 0 to 1") for value in NO_SHARE),
        *(("window_ms", value, "a whole number, at least 1") for value in NO_COUNT),
        *(("cooldown_ms", value, "a whole number, at least 1") for value in NO_COUNT),
    ],
)
def test_a_policy_that_is_none_is_refused_when_it_is_made(field: str, value: Any, right: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"{field} is {value!r}; {right}")):
        BreakerPolicy(**{field: value})


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_the_most_failures_that_a_policy_may_ask_for_do_open_it(share: float) -> None:
    breaker = Breaker(BreakerPolicy(failures_min=1_000, failure_share=share))
    assert [breaker.record(0, False, 0) for _ in range(1_000)] == [False] * 999 + [True]


def test_it_opens_at_enough_failures_that_are_a_large_share_of_the_window() -> None:
    breaker = Breaker(POLICY)
    for ok in (True, True, True, True, False, False, False):
        assert not breaker.record(0, ok, 0)
    assert breaker.record(0, False, 0)
    assert (breaker.state, breaker.opened) == ("OPEN", 1)


def test_failures_older_than_the_window_do_not_count() -> None:
    breaker = Breaker(POLICY)
    for at_ms in (0, 60, 120, 180):
        assert not breaker.record(0, False, at_ms)


def test_an_open_breaker_admits_nothing_until_it_has_cooled_down_then_one_probe() -> None:
    breaker = opened()
    assert breaker.admit(49) is None
    assert breaker.admit(50) is not None
    assert [breaker.admit(at_ms) for at_ms in (50, 51, 10_000)] == [None, None, None]


def test_a_probe_that_succeeds_closes_it_with_a_clean_slate() -> None:
    breaker = opened()
    era = breaker.admit(50)
    assert era is not None
    assert breaker.record(era, True, 60)
    assert breaker.state == "CLOSED"
    era = breaker.admit(60)
    assert era is not None
    assert not any(breaker.record(era, False, 60) for _ in range(POLICY.failures_min - 1))
    assert breaker.record(era, False, 60)


def test_a_probe_that_fails_opens_it_for_another_cooldown() -> None:
    breaker = opened()
    era = breaker.admit(50)
    assert era is not None
    assert breaker.record(era, False, 80)
    assert (breaker.state, breaker.opened) == ("OPEN", 2)
    assert breaker.admit(129) is None
    assert breaker.admit(130) is not None


@pytest.mark.parametrize("ok", [True, False])
def test_an_answer_from_before_the_opening_does_not_decide_for_the_probe(ok: bool) -> None:
    breaker = Breaker(POLICY)
    straggler = breaker.admit(0)
    assert straggler is not None
    for _ in range(POLICY.failures_min):
        breaker.record(straggler, False, 0)
    probe = breaker.admit(50)
    assert probe is not None
    assert not breaker.record(straggler, ok, 51)
    assert breaker.state == "HALF_OPEN"
    assert breaker.admit(51) is None
    assert breaker.record(probe, True, 52)


@pytest.mark.parametrize("state", ["OPEN", "HALF_OPEN"])
def test_one_that_was_not_closed_when_the_process_died_is_open_after_the_start(state: str) -> None:
    breaker = Breaker(POLICY, state, now_ms=1_000)  # type: ignore[arg-type]
    assert breaker.admit(1_049) is None
    assert breaker.admit(1_050) is not None


class Open(NamedTuple):
    era: int
    closed: bool
    """It was admitted by a closed breaker."""


@pytest.mark.parametrize("calls_max", [2, 40])
def test_at_any_time_there_is_one_probe_at_most_and_every_change_is_reported(calls_max: int) -> None:
    for seed in range(SEEDS):
        random, breaker, now_ms = Random(seed), Breaker(POLICY), 0.0
        under_way: list[Open] = []
        for _ in range(300):
            now_ms += random.choice((0, 1, 20, 60)) * random.random()
            before = breaker.state
            if random.random() < 0.5 and len(under_way) < calls_max:
                era = breaker.admit(now_ms)
                if era is not None:
                    under_way.append(Open(era, before == "CLOSED"))
            elif under_way:
                call = under_way.pop(random.randrange(len(under_way)))
                changed = breaker.record(call.era, random.random() < 0.4, now_ms)
                assert changed == (breaker.state != before), f"seed {seed}"
            probes = sum(not call.closed for call in under_way)
            assert probes <= 1, f"seed {seed}"
            assert probes == (breaker.state == "HALF_OPEN"), f"seed {seed}"
