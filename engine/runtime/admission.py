"""What a call to a provider waits for before it is made: the provider's own pause, a place in the sliding window, the
circuit breaker. Waiting costs no attempt.

What must not be forgotten (a block of places taken, the breaker's state) is committed by `system/0` before it is acted
upon (PROTOCOL 12).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sagamore.engine.breaker import Breaker, BreakerPolicy
from sagamore.engine.effect import Capabilities, NotReached, Outcome, Throttled, Unknown
from sagamore.engine.envelope import BULK_LANE, LANES, NORMAL_LANE
from sagamore.engine.ports import Clock
from sagamore.engine.system_actor import BreakerChanged, PlacesTaken, ProviderRecord
from sagamore.engine.window import Window

log = logging.getLogger("sagamore.engine")

Remember = Callable[[BreakerChanged | PlacesTaken], Awaitable[object]]

YIELD_MS = 1_000  # a bulk call looks again; it is told when the last normal one has its place


class Admission:
    """One provider's. A call that is admitted gets an `era` of the breaker, and gives it back when it has ended."""

    def __init__(
        self, provider: str, capabilities: Capabilities, policy: BreakerPolicy, clock: Clock, remember: Remember
    ) -> None:
        self._provider, self._capabilities, self._policy = provider, capabilities, policy
        self._clock, self._remember = clock, remember
        self.breaker = Breaker(policy)
        self._remembered = self.breaker.state
        self.windows: tuple[Window, ...] = ()
        self._waiting = [0 for _ in LANES]
        self._taking_places = asyncio.Lock()
        self._paused_until_ms = 0.0
        self._changed = asyncio.Event()
        self.closed = False

    def restore(self, record: ProviderRecord | None) -> None:
        """Go on from what `system/0` remembers; called once, before the first call."""
        now_ms = self._clock.elapsed_ms()
        record = record or ProviderRecord()
        self.breaker = Breaker(self._policy, record.breaker, now_ms)
        self._remembered = self.breaker.state
        rates, outstanding = self._capabilities.rates, record.outstanding
        if len(outstanding) != len(rates):  # another release had other rates: what any of them has used counts in all
            outstanding = (max(outstanding, default=0),) * len(rates)
        self.windows = tuple(
            Window(rate.calls_max, rate.window_ms, used, now_ms)
            for rate, used in zip(rates, outstanding, strict=True)
        )  # fmt: skip

    async def admit(self, lane: int, deadline_ms: int | None = None) -> int | None:
        """Wait until a call may be made; None if the engine stops, or it is `deadline_ms` (Unix ms). One of the bulk
        lane waits for as long as one of the normal lane does."""
        self._waiting[lane] += 1
        try:
            return await self._admitted(deadline_ms, lane)
        finally:
            self._waiting[lane] -= 1
            if self._waiting[BULK_LANE] and not self._waiting[NORMAL_LANE]:
                self._changed.set()

    async def _admitted(self, deadline_ms: int | None, lane: int) -> int | None:
        while not self.closed and (deadline_ms is None or self._clock.now_ms() < deadline_ms):
            now_ms = self._clock.elapsed_ms()
            if now_ms < self._paused_until_ms:
                await self._pause(self._paused_until_ms - now_ms, deadline_ms)
            elif lane == BULK_LANE and self._waiting[NORMAL_LANE]:
                await self._pause(YIELD_MS, deadline_ms)
            elif (window := next((w for w in self.windows if not w.permits), None)) is not None:
                await self._take_places(window, deadline_ms)
            elif (era := self.breaker.admit(now_ms)) is None:
                await self._pause(self.breaker.wait_ms(now_ms), deadline_ms)
            else:
                for window in self.windows:
                    window.take()
                return era
        return None

    def give_back(self, era: int) -> None:
        """No call was made after all."""
        for window in self.windows:
            window.ended(self._clock.elapsed_ms())
        self.breaker.release(era)
        self._changed.set()

    async def ended(self, era: int, outcome: Outcome | None) -> None:
        """A call has ended: its place is free again after a window; commit what the outcome changes of the breaker."""
        now_ms = self._clock.elapsed_ms()
        for window in self.windows:
            window.ended(now_ms)
        if self._capabilities.breaks and isinstance(outcome, Throttled):
            self._paused_until_ms = max(self._paused_until_ms, now_ms + outcome.retry_after_ms)
        failed = self._capabilities.breaks and isinstance(outcome, NotReached | Unknown)
        if self.breaker.record(era, not failed, now_ms):
            self._changed.set()
            if self.breaker.state != self._remembered:  # a probe that failed opens it again
                self._remembered = self.breaker.state
                log.warning("breaker of %s is %s", self._provider, self.breaker.state)
                await self._remember(BreakerChanged(self._provider, self.breaker.state))

    def close(self) -> None:
        """Admit nothing more: the engine stops."""
        self.closed = True
        self._changed.set()

    async def _take_places(self, window: Window, deadline_ms: int | None) -> None:
        """Commit that a block of places is taken, then use it."""
        async with self._taking_places:
            if window.permits:
                return
            now_ms = self._clock.elapsed_ms()
            wait_ms = window.wait_ms(now_ms)
            if wait_ms == 0:
                outstanding = tuple(w.held(now_ms) + w.block * (w is window) for w in self.windows)
                await self._remember(PlacesTaken(self._provider, outstanding))
                window.permits += window.block
                return
        await self._pause(wait_ms if wait_ms is not None else window.window_ms, deadline_ms)

    async def _pause(self, wait_ms: float, deadline_ms: int | None) -> None:
        """Until that time has passed, or a place, the breaker or the end is near."""
        self._changed.clear()
        until_ms = self._clock.now_ms() + max(1, int(wait_ms) + 1)
        handle = self._clock.call_at(min(until_ms, deadline_ms or until_ms), self._changed.set)
        try:
            await self._changed.wait()
        finally:
            handle.cancel()
