"""A Clock that moves when a test says so.

`advance` walks through what is scheduled in its order, and after each instant lets the event loop come to rest, so that
what a callback leads to sees the time at which it happens. At rest means: for `QUIET_PASSES` passes of the loop nobody
outside it was at work. What works outside (a journal's thread) is made known with `wait_for`; a FaultyStore does so.
"""

import asyncio
import heapq
import random
from collections.abc import Callable

from sagamore.engine.ports import Scheduled
from sagamore.engine.testing.turns import NOON_MS

QUIET_PASSES = 60  # of the loop; the longest chain of tasks that wake each other without a journal has about ten
PASSES_MAX = 1_000_000  # of the loop at one instant, some seconds: more is work that never ends
INSTANTS_MAX = 100_000  # in one `advance`: more is a callback that schedules itself for ever


class _Callback:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """Time stands still until `advance`; ids and jitter are the same in each run with the same `seed`."""

    def __init__(self, now_ms: int = NOON_MS, seed: int = 0) -> None:
        self._started_ms = self._now_ms = now_ms
        self._random = random.Random(seed)
        self._scheduled: list[tuple[int, int, _Callback]] = []
        self._count = 0
        self._busy: list[Callable[[], bool]] = []

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return self._now_ms

    def elapsed_ms(self) -> float:
        """Milliseconds since this clock was made."""
        return float(self._now_ms - self._started_ms)

    @property
    def boot(self) -> str:
        """The same for all clocks of a test, as for all processes of a machine."""
        return "boot"

    def steady_ms(self) -> int:
        """Time that only `advance` moves."""
        return self._now_ms - self._started_ms

    def call_at(self, at_ms: int, callback: Callable[[], None]) -> Scheduled:
        """Call back at that time; what is due already, in the next pass of the loop."""
        if at_ms <= self._now_ms:
            return asyncio.get_running_loop().call_soon(callback)
        scheduled = _Callback(callback)
        self._count += 1
        heapq.heappush(self._scheduled, (at_ms, self._count, scheduled))
        return scheduled

    def random_bits(self, bits: int) -> int:
        """Seeded."""
        return self._random.getrandbits(bits)

    def random_fraction(self) -> float:
        """Seeded."""
        return self._random.random()

    # --- what a test does ---

    def wait_for(self, busy: Callable[[], bool]) -> None:
        """Time does not move while `busy()`."""
        self._busy.append(busy)

    async def settle(self) -> None:
        """Let the event loop come to rest; no time passes. Raises RuntimeError after `PASSES_MAX` passes."""
        quiet = 0
        for _ in range(PASSES_MAX):
            await asyncio.sleep(0)
            quiet = 0 if any(busy() for busy in self._busy) else quiet + 1
            if quiet == QUIET_PASSES:
                return
        raise RuntimeError(f"at {self._now_ms} something goes on working though no time passes")

    @property
    def next_ms(self) -> int | None:
        """When the next callback is due; None if nothing is scheduled."""
        while self._scheduled and self._scheduled[0][2].cancelled:
            heapq.heappop(self._scheduled)
        return self._scheduled[0][0] if self._scheduled else None

    def step(self, ms: int) -> None:
        """Somebody sets the wall clock forward, or back, by `ms`; no time passes."""
        self._now_ms += ms
        self._started_ms += ms

    async def advance(self, ms: int) -> None:
        """Let `ms` milliseconds pass. Raises RuntimeError when they hold more than `INSTANTS_MAX` instants at which
        something is due."""
        until_ms = self._now_ms + ms
        await self.settle()
        for _ in range(INSTANTS_MAX):
            at_ms = self.next_ms
            if at_ms is None or at_ms > until_ms:
                self._now_ms = until_ms
                await self.settle()
                return
            await self._fire(at_ms)
        raise RuntimeError(f"still busy at {self._now_ms} after {INSTANTS_MAX} instants; does a callback call itself?")

    async def advance_until(self, done: Callable[[], bool], most_ms: int) -> None:
        """Let time pass, instant by instant, until `done()`. Raises TimeoutError after `most_ms`."""
        until_ms = self._now_ms + most_ms
        await self.settle()
        while not done():
            at_ms = self.next_ms
            if at_ms is None or at_ms > until_ms:
                raise TimeoutError(f"not done after {most_ms} ms; next is due at {at_ms}, now is {self._now_ms}")
            await self._fire(at_ms)

    async def _fire(self, at_ms: int) -> None:
        self._now_ms = max(self._now_ms, at_ms)
        while (due_ms := self.next_ms) is not None and due_ms <= self._now_ms:
            heapq.heappop(self._scheduled)[2].callback()
        await self.settle()
