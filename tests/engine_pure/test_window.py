"""The sliding window, judged at the provider: by when calls arrived there, in real time, over crashes (PROTOCOL 12)."""

import heapq
from random import Random

import pytest

from sagamore.engine.window import Window

WINDOW_MS = 10_000.0
SEEDS = 150
CALLS = 250


class Provider:
    """Notes arrivals. A call arrives somewhere between its start and its end; one cut off by a crash, before the next
    process has opened."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._arrivals: list[float] = []

    def called(self, start_ms: float, end_ms: float) -> None:
        self._arrivals.append(self._random.uniform(start_ms, end_ms))

    def most_in_a_window(self) -> int:
        arrivals, most, first = sorted(self._arrivals), 0, 0
        for last, at_ms in enumerate(arrivals):
            while arrivals[first] <= at_ms - WINDOW_MS:
                first += 1
            most = max(most, last - first + 1)
        return most


def most_seen(
    seed: int, calls_max: int, *, held_until: str = "end", remembered: str = "before use", clock: str = "monotonic"
) -> int:
    """Calls as fast as the window allows, slow and fast ones mixed, with crashes; the most that any window saw.

    The defaults are the rules: a place is held until one window after the call's `end`, the number outstanding is
    committed `before use` of a block, time is `monotonic` and means nothing to the next process.
    """
    random = Random(seed)
    provider, now_ms, on_disk, made = Provider(random), 0.0, 0, 0
    while made < CALLS:
        offset_ms = random.uniform(0, 1e6)
        window = Window(calls_max, int(WINDOW_MS), on_disk, now_ms + offset_ms)
        under_way: list[tuple[float, float]] = []
        crash_ms = now_ms + random.expovariate(1 / (4 * WINDOW_MS))
        while made < CALLS and now_ms < crash_ms:
            if clock == "wall" and random.random() < 0.02:
                offset_ms += 3_600_000
            if window.permits:
                window.take()
                heapq.heappush(under_way, (now_ms + random.choice((10, 100, 3_000)) * random.random(), now_ms))
                made += 1
                now_ms += random.expovariate(1 / 100)
            elif (wait_ms := window.wait_ms(now_ms + offset_ms)) == 0:
                after = window.held(now_ms + offset_ms) + window.block
                on_disk = after if remembered == "before use" else on_disk
                window.permits += window.block
            else:
                next_end_ms = under_way[0][0] if under_way else crash_ms
                now_ms = min(crash_ms, next_end_ms, now_ms + (WINDOW_MS if wait_ms is None else wait_ms))
            while under_way and under_way[0][0] <= now_ms:
                end_ms, start_ms = heapq.heappop(under_way)
                provider.called(start_ms, end_ms)
                window.ended((end_ms if held_until == "end" else start_ms) + offset_ms)
        now_ms += random.uniform(0, WINDOW_MS / 2)  # nobody runs
        for _, start_ms in under_way:
            provider.called(start_ms, now_ms)
    return provider.most_in_a_window()


@pytest.mark.parametrize("calls_max", [1, 5, 40])
def test_no_window_at_the_provider_holds_more_than_the_limit(calls_max: int) -> None:
    for seed in range(SEEDS):
        assert most_seen(seed, calls_max) <= calls_max, f"seed {seed}"


def test_the_limit_is_used() -> None:
    assert max(most_seen(seed, 5) for seed in range(SEEDS)) == 5


@pytest.mark.parametrize(
    "reading",
    [
        pytest.param({"held_until": "start"}, id="a place is free one window after the call's start"),
        pytest.param({"remembered": "never"}, id="a block is used before it is committed"),
        pytest.param({"clock": "wall"}, id="the clock may be stepped"),
    ],
)
def test_another_reading_breaks_the_limit(reading: dict[str, str]) -> None:
    assert max(most_seen(seed, 5, **reading) for seed in range(SEEDS)) > 5


def test_a_block_is_a_twentieth_of_the_limit_and_at_least_one() -> None:
    assert [Window(calls_max, 1_000).block for calls_max in (1, 19, 20, 40, 1_000)] == [1, 1, 1, 2, 50]


def test_the_wait_ends_when_a_block_is_free() -> None:
    window = Window(2, 1_000)
    for start_ms in (0.0, 10.0):
        assert window.wait_ms(start_ms) == 0
        window.permits += window.block
        assert window.take()
    assert not window.take()
    assert window.wait_ms(20) is None, "both calls are under way"
    window.ended(30)
    assert window.wait_ms(40) == 990
    assert window.wait_ms(1_030) == 0


def test_after_a_crash_everything_outstanding_counts_as_used_at_the_start() -> None:
    window = Window(3, 1_000, outstanding=9, now_ms=50)
    assert window.held(1_049) == 3
    assert window.wait_ms(50) == 1_000
    assert window.held(1_050) == 0
