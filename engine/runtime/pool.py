"""The pool that calls one provider for all partitions: committed effects go in, what attempts came to comes out.

Each partition has its own places (`in_flight_max`), so a full one cannot hold them all; a few worker tasks serve them
in turn. Before a call stand the circuit breaker and the sliding window; waiting for either costs no attempt. A call
under way outlives the partition that asked for it: its end is kept until the partition has reopened and adopts it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import msgspec

from sagamore.engine.breaker import Breaker, BreakerPolicy
from sagamore.engine.effect import Call, EffectRow, NotReached, Outcome, Provider, Throttled, Unknown
from sagamore.engine.envelope import Address
from sagamore.engine.policy import EffectPolicy
from sagamore.engine.ports import Clock
from sagamore.engine.resolution import Step, next_step
from sagamore.engine.runtime.answers import kept
from sagamore.engine.runtime.deadline import Deadline
from sagamore.engine.runtime.mailbox import AttemptEnded, ParkEffect
from sagamore.engine.system_actor import BreakerChanged, PlacesTaken, ProviderRecord
from sagamore.engine.text import error_text
from sagamore.engine.window import Window

log = logging.getLogger("sagamore.engine")


class PoolStatistics(msgspec.Struct, frozen=True):
    """Calls under way and waiting now, and what calls came to since the start."""

    in_flight: int
    waiting: int
    called: int
    looked_up: int
    succeeded: int
    refused: int
    not_reached: int
    throttled: int
    unknown: int
    breaker: str
    breaker_opened: int


class Task(msgspec.Struct):
    """An effect in the pool's hands."""

    address: Address
    row: EffectRow
    policy: EffectPolicy
    started: bool = False
    """A call or look-up is under way, or was."""
    ended: "AttemptEnded | ParkEffect | None" = None
    """What it came to; kept until the partition has committed that."""


class Pool:
    """One provider's pool."""

    def __init__(
        self,
        provider: Provider,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None], str], object],
        deliver: Callable[[Address, AttemptEnded | ParkEffect], None],
        remember: Callable[[BreakerChanged | PlacesTaken], Awaitable[object]],
        breaker_policy: BreakerPolicy,
    ) -> None:
        self.provider = provider
        self.capabilities = provider.capabilities
        self._clock = clock
        self._spawn = spawn
        self._deliver = deliver
        self._remember = remember
        self._breaker_policy = breaker_policy
        self._breaker = Breaker(breaker_policy)
        self._window: Window | None = None
        self._taking_places = asyncio.Lock()
        self._queues: dict[Address, deque[Task]] = {}
        self._held: dict[Address, dict[str, Task]] = {}
        self._in_flight = self._workers = 0
        self._starting = False
        self._paused_until_ms = 0.0
        self._changed = asyncio.Event()
        self._closing = False
        self._counts = dict.fromkeys(("called", "looked_up", *_COUNTED.values()), 0)

    def restore(self, record: ProviderRecord | None) -> None:
        """Go on from what `system/0` remembers; called once, before the first effect."""
        now_ms = self._clock.elapsed_ms()
        record = record or ProviderRecord()
        self._breaker = Breaker(self._breaker_policy, record.breaker, now_ms)
        if self.capabilities.window_calls_max:
            limit, window_ms = self.capabilities.window_calls_max, self.capabilities.window_ms
            self._window = Window(limit, window_ms, record.outstanding, now_ms)

    def room(self, address: Address) -> int:
        """How many more effects that partition may have in the pool."""
        return 0 if self._closing else self.capabilities.in_flight_max - len(self._held.get(address, ()))

    def take(self, address: Address, row: EffectRow, policy: EffectPolicy) -> None:
        """Take a committed effect; the caller has asked for room, but the engine may have begun to stop since."""
        task = self._held.setdefault(address, {})[row.id] = Task(address, row, policy)
        if self._closing:
            self._end(task, _not_begun(row, self._clock.now_ms()))
            return
        self._queues.setdefault(address, deque()).append(task)
        self._hire()

    def _hire(self) -> None:
        """One worker more if there is work and none is about to start: a provider that answers at once needs but one,
        for a slow one each worker that starts a call hires the next."""
        if not self._starting and self._waiting():
            self._starting = True
            self._workers += 1
            self._spawn(self._work(), f"{self.provider.name} worker")

    def adopt(self, address: Address) -> tuple[dict[str, EffectRow], list[AttemptEnded | ParkEffect]]:
        """For a partition that opens: the effects still in the pool's hands, and the ends it has not committed."""
        held = self._held.get(address, {})
        rows = {effect: task.row for effect, task in held.items()}
        return rows, [task.ended for task in held.values() if task.ended is not None]

    def forget(self, address: Address, effect: str) -> None:
        """The partition has committed what an effect came to."""
        self._held.get(address, {}).pop(effect, None)

    def _waiting(self) -> int:
        return sum(map(len, self._queues.values()))

    def _next(self) -> Task | None:
        """The partitions take turns."""
        for address, queue in self._queues.items():
            if queue:
                task = queue.popleft()
                self._queues[address] = self._queues.pop(address)
                return task
        return None

    async def _work(self) -> None:
        self._starting = False
        try:
            while (task := self._next()) is not None:
                self._hire()
                self._in_flight += 1
                try:
                    await self._attempt(task)
                finally:
                    self._in_flight -= 1
        finally:
            self._workers -= 1
            self._changed.set()

    def _end(self, task: Task, ended: AttemptEnded | ParkEffect) -> None:
        """Tell the partition; if it is down it asks when it has reopened."""
        if task.ended is None:  # else it was cut off by a stop, and told so
            task.ended = ended
            self._deliver(task.address, ended)

    async def _attempt(self, task: Task) -> None:
        """What is to be done with an effect is decided when it may be done: waiting takes time, and keys end."""
        row = task.row
        deadline_ms = row.created_ms + task.policy.deadline_ms
        era = await self._admitted(deadline_ms if row.state == "pending" else None)
        settled = self._held.get(task.address, {}).get(row.id) is not task  # by a person, while it waited
        now_ms = self._clock.now_ms()
        step = next_step(row, self.capabilities, task.policy, now_ms)
        if era is None and self._closing:
            self._end(task, _not_begun(row, now_ms))
            return
        if era is None or settled or step is Step.PARK:
            if era is not None:
                self._give_back(era)
            if not settled:
                self._end(task, ParkEffect(row))
            return
        task.started = True
        call = Call(row.id, row.operation, row.request.encode(), row.key, row.correlation, row.attempts + 1, row.trace)
        outcome: Outcome | None = None
        if step is not Step.CALL:
            self._counts["looked_up"] += 1
            outcome = await self._within(partial(self.provider.look_up, call), task.policy, looking=True)
            if step is Step.LOOK_UP_THEN_CALL and outcome is None and self._window is not None:
                era = await self._admitted_again(task, era)
                if era is None:
                    return
        called = step is Step.CALL or (step is Step.LOOK_UP_THEN_CALL and outcome is None)
        if called:
            self._counts["called"] += 1
            outcome = await self._within(partial(self.provider.call, call), task.policy)
        self._end(task, AttemptEnded(row, outcome, called, now_ms, self._clock.now_ms()))
        await self._done_with(era, outcome)

    async def _admitted_again(self, task: Task, era: int) -> int | None:
        """A look-up is a request too: the call after it takes a place of its own, and is decided on once more, since
        that may take long. None if the call is not to be made now."""
        await self._done_with(era, None)
        again = await self._admitted()
        now_ms = self._clock.now_ms()
        decided = again is not None and next_step(task.row, self.capabilities, task.policy, now_ms)
        if decided is Step.LOOK_UP_THEN_CALL:
            return again
        if again is not None:
            self._give_back(again)
        self._end(task, _not_begun(task.row, now_ms))
        return None

    async def _within(
        self, calling: Callable[[], Coroutine[Any, Any, object]], policy: EffectPolicy, *, looking: bool = False
    ) -> Outcome | None:
        try:
            with Deadline(self._clock, self._clock.now_ms() + policy.timeout_ms):
                answer = await calling()
            return None if answer is None and looking else kept(answer)
        except TimeoutError:
            return Unknown(f"no answer within {policy.timeout_ms} ms")
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # whatever a provider raises (DESIGN 8)
            worker = asyncio.current_task()
            if worker is not None and worker.cancelling():
                raise
            log.warning("provider %s raised", self.provider.name, exc_info=error)
            return Unknown(error_text(error))

    def _give_back(self, era: int) -> None:
        """A place that was not used after all."""
        if self._window is not None:
            self._window.ended(self._clock.elapsed_ms())
        self._breaker.release(era)
        self._changed.set()

    async def _done_with(self, era: int, outcome: Outcome | None) -> None:
        """Give back the place, count the outcome, and commit what that changes of the breaker."""
        now_ms = self._clock.elapsed_ms()
        if self._window is not None:
            self._window.ended(now_ms)
        if outcome is not None:
            self._counts[_COUNTED[type(outcome).__name__]] += 1
        if isinstance(outcome, Throttled):
            self._paused_until_ms = max(self._paused_until_ms, now_ms + outcome.retry_after_ms)
        if self._breaker.record(era, not isinstance(outcome, NotReached | Unknown), now_ms):
            self._changed.set()
            log.warning("breaker of %s is %s", self.provider.name, self._breaker.state)
            await self._remember(BreakerChanged(self.provider.name, self._breaker.state))

    async def _admitted(self, deadline_ms: int | None = None) -> int | None:
        """Wait for the breaker, a provider's pause and a place in the window; None if the engine stops, or it is
        `deadline_ms` (Unix ms)."""
        while not self._closing and (deadline_ms is None or self._clock.now_ms() < deadline_ms):
            now_ms = self._clock.elapsed_ms()
            if now_ms < self._paused_until_ms:
                await self._pause(self._paused_until_ms - now_ms, deadline_ms)
            elif self._window is not None and not self._window.permits:
                await self._take_places(self._window, deadline_ms)
            elif (era := self._breaker.admit(now_ms)) is None:
                await self._pause(self._breaker.wait_ms(now_ms), deadline_ms)
            else:
                if self._window is not None:
                    self._window.take()
                return era
        return None

    async def _take_places(self, window: Window, deadline_ms: int | None) -> None:
        """Commit that a block of places is taken, then use it."""
        async with self._taking_places:
            if window.permits:
                return
            now_ms = self._clock.elapsed_ms()
            wait_ms = window.wait_ms(now_ms)
            if wait_ms == 0:
                await self._remember(PlacesTaken(self.provider.name, window.held(now_ms) + window.block))
                window.permits += window.block
                return
        await self._pause(wait_ms if wait_ms is not None else window.window_ms, deadline_ms)

    async def _pause(self, wait_ms: float, deadline_ms: int | None) -> None:
        """Until that time has passed, or something about the pool has changed."""
        self._changed.clear()
        until_ms = self._clock.now_ms() + max(1, int(wait_ms) + 1)
        handle = self._clock.call_at(min(until_ms, deadline_ms or until_ms), self._changed.set)
        try:
            await self._changed.wait()
        finally:
            handle.cancel()

    async def drain(self) -> None:
        """Start nothing more, give back what was not started, and wait for what was; the caller bounds how long."""
        self._closing = True
        self._changed.set()
        for queue in self._queues.values():
            while queue:
                task = queue.popleft()
                self._end(task, _not_begun(task.row, self._clock.now_ms()))
        while self._workers:
            self._changed.clear()
            await self._changed.wait()

    def cut_off(self) -> None:
        """The engine cannot wait any longer: what is under way is unknown from here on."""
        now_ms = self._clock.now_ms()
        for held in self._held.values():
            for task in tuple(held.values()):
                unknown = AttemptEnded(
                    task.row, Unknown("the engine stopped before the answer came"), True, now_ms, now_ms
                )
                self._end(task, unknown if task.started else _not_begun(task.row, now_ms))

    def statistics(self) -> PoolStatistics:
        """A snapshot."""
        return PoolStatistics(
            self._in_flight, self._waiting(), breaker=self._breaker.state, breaker_opened=self._breaker.opened,
            **self._counts,
        )  # fmt: skip


def _not_begun(row: EffectRow, now_ms: int) -> AttemptEnded:
    """No attempt was made, and no attempt is counted."""
    return AttemptEnded(row, Throttled(0), called=False, began_ms=now_ms, ended_ms=now_ms)


_COUNTED = {
    "Succeeded": "succeeded",
    "Declined": "refused",
    "NotReached": "not_reached",
    "Throttled": "throttled",
    "Unknown": "unknown",
}
