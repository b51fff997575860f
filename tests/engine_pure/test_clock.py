"""The real Clock over a wall clock that somebody sets."""

import pytest

from sagamore.engine.runtime.clock import SystemClock

NOON_MS = 1_700_000_000_000


class Times:
    """What the system says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall_ms, self.elapsed_ms = float(NOON_MS), 5_000.0
        monkeypatch.setattr("time.time", lambda: self.wall_ms / 1000)
        monkeypatch.setattr("time.monotonic", lambda: self.elapsed_ms / 1000)

    def go_on(self, ms: int) -> None:
        self.wall_ms += ms
        self.elapsed_ms += ms


async def test_time_is_the_wall_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    times = Times(monkeypatch)
    clock = SystemClock()
    assert clock.now_ms() == NOON_MS
    times.go_on(1_500)
    assert (clock.now_ms(), clock.elapsed_ms()) == (NOON_MS + 1_500, 6_500.0)
    times.wall_ms += 60_000
    assert (clock.now_ms(), clock.elapsed_ms()) == (NOON_MS + 61_500, 6_500.0)


async def test_a_clock_that_is_set_back_never_goes_back_nor_stands_still_and_catches_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = Times(monkeypatch)
    clock = SystemClock()
    before = clock.now_ms()
    times.wall_ms -= 3_600_000
    assert clock.now_ms() == before
    for _ in range(60):
        times.go_on(60_000)
        now = clock.now_ms()
        assert now == before + 30_000
        before = now
    times.go_on(3_600_000)
    assert clock.now_ms() == int(times.wall_ms) == NOON_MS + 3_600_000
