"""The pool that calls one provider for all partitions: committed effects go in, what attempts came to comes out.

Each partition has its own places (`in_flight_max`), so a full one cannot hold them all; a few worker tasks serve them
in turn. Before a call stands its admission (`admission.py`). A call under way outlives the partition that asked for it:
its end is kept until the partition has reopened and adopts it.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

import msgspec

from sagamore.engine.breaker import BreakerPolicy
from sagamore.engine.effect import (
    Call,
    Declined,
    EffectRow,
    NotReached,
    Outcome,
    Provider,
    Succeeded,
    Throttled,
    Unknown,
)
from sagamore.engine.envelope import Address
from sagamore.engine.policy import EffectPolicy
from sagamore.engine.ports import Clock
from sagamore.engine.resolution import Step, deadline_of, next_step
from sagamore.engine.runtime.admission import Admission, Remember
from sagamore.engine.runtime.answers import kept
from sagamore.engine.runtime.deadline import Deadline
from sagamore.engine.runtime.line import Line, Task
from sagamore.engine.runtime.mailbox import AttemptEnded, MarkAttempt, ParkEffect
from sagamore.engine.text import error_text

SLOW_CALL_MS = 5_000  # a person who waits for it has gone by then

log = logging.getLogger("sagamore.engine")


class PoolStatistics(msgspec.Struct, frozen=True):
    """Calls under way and waiting now, and what calls came to since the start."""

    in_flight: int
    waiting: int
    called: int
    looked_up: int
    slow: int
    """Took five seconds or more; the log names them."""
    succeeded: int
    refused: int
    not_reached: int
    throttled: int
    unknown: int
    breaker: str
    breaker_opened: int


class Pool:
    """One provider's pool."""

    def __init__(
        self,
        provider: Provider,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None], str], object],
        deliver: Callable[[Address, AttemptEnded | ParkEffect | MarkAttempt], None],
        remember: Remember,
        breaker_policy: BreakerPolicy,
    ) -> None:
        self.provider = provider
        self.capabilities = provider.capabilities
        self._clock = clock
        self._spawn = spawn
        self._deliver = deliver
        self.admission = Admission(provider.name, provider.capabilities, breaker_policy, clock, remember)
        self._lines: dict[Address, Line] = {}
        self._in_flight = self._workers = 0
        self._starting = False
        self._worker_left = asyncio.Event()
        self._closing = False
        self._counts = dict.fromkeys(("called", "looked_up", "slow", *_COUNTED.values()), 0)

    def _line(self, address: Address) -> Line:
        line = self._lines.get(address)
        if line is None:
            line = self._lines[address] = Line(self.capabilities.in_flight_max)
        return line

    def room(self, address: Address, lane: int) -> int:
        """How many more effects of that lane the partition may have in the pool."""
        return 0 if self._closing else self._line(address).room(lane)

    def take(self, address: Address, row: EffectRow, policy: EffectPolicy) -> None:
        """Take a committed effect; the caller has asked for room, but the engine may have begun to stop since."""
        task = Task(address, row, policy)
        if self._closing:
            self._line(address).hold(task)
            self._end(task, _not_begun(row, self._clock.now_ms()))
            return
        self._line(address).add(task)
        self._hire()

    def take_back(self, address: Address, effect: str) -> bool:
        """Forget an effect that waits here; False if an attempt at it may have begun. Asked again, since a batch may be
        taken again, it is forgotten still."""
        line = self._line(address)
        task = line.held.get(effect)
        if task is not None and (task.started or task.mark is not None or task.ended is not None):
            return False
        line.forget(effect)
        return True

    def _hire(self) -> None:
        """One worker more if there is work and none is about to start: a provider that answers at once needs but one,
        for a slow one each worker that starts a call hires the next."""
        if not self._starting and any(line.has_next() for line in self._lines.values()):
            self._starting = True
            self._workers += 1
            self._spawn(self._work(), f"{self.provider.name} worker")

    def adopt(self, address: Address) -> tuple[dict[str, EffectRow], list[AttemptEnded | ParkEffect]]:
        """For a partition that opens: the effects still in the pool's hands, and the ends it has not committed."""
        held = self._line(address).held
        self._give_up_marks(held)  # the last incarnation may have committed them or not
        rows = {effect: task.row for effect, task in held.items()}
        return rows, [task.ended for task in held.values() if task.ended is not None]

    def forget(self, address: Address, effect: str) -> None:
        """The partition has committed what an effect came to."""
        task = self._line(address).forget(effect)
        if task is not None:
            task.answer_mark(committed=False)

    def awaits_mark(self, address: Address, effect: str) -> bool:
        """Whether a call is made as soon as its mark is committed."""
        task = self._line(address).held.get(effect)
        return task is not None and task.awaits_mark

    def marked(self, address: Address, effect: str) -> None:
        """The mark is committed."""
        task = self._line(address).held.get(effect)
        if task is not None:
            task.answer_mark(committed=True)

    def _give_up_marks(self, held: Mapping[str, Task]) -> None:
        for task in held.values():
            if task.answer_mark(committed=False):
                self._end(task, _not_begun(task.row, self._clock.now_ms()))

    def _waiting(self) -> int:
        return sum(map(len, self._lines.values()))

    def _next(self) -> Task | None:
        """The partitions take turns."""
        for address, line in self._lines.items():
            if (task := line.next()) is not None:
                self._lines[address] = self._lines.pop(address)
                return task
        return None

    async def _work(self) -> None:
        self._starting = False
        try:
            while (task := self._next()) is not None:
                line = self._lines[task.address]
                line.calling += 1
                self._hire()
                self._in_flight += 1
                try:
                    await self._attempt(task)
                finally:
                    self._in_flight -= 1
                    line.calling -= 1
        finally:
            self._workers -= 1
            self._worker_left.set()

    def _end(self, task: Task, ended: AttemptEnded | ParkEffect) -> None:
        """Tell the partition; if it is down it asks when it has reopened."""
        if task.ended is None:  # else it was cut off by a stop, and told so
            task.ended = ended
            self._deliver(task.address, ended)

    async def _attempt(self, task: Task) -> None:
        """What is to be done with an effect is decided when it may be done: waiting takes time, and keys end."""
        line = self._line(task.address)
        row, held = task.row, line.held
        if held.get(row.id) is not task:  # withdrawn, or settled by a person
            return
        if next_step(row, self.capabilities, task.policy, self._clock.now_ms()) is Step.PARK:
            self._end(task, ParkEffect(row))
            return
        gives_up = row.state == "pending" or task.policy.ends
        era = await self.admission.admit(row.lane, deadline_of(row, task.policy) if gives_up else None)
        if era is not None:
            task = line.overtaking(task)
            row = task.row
        settled = held.get(row.id) is not task
        now_ms = self._clock.now_ms()
        step = next_step(row, self.capabilities, task.policy, now_ms)
        if era is None and self._closing:
            self._end(task, _not_begun(row, now_ms))
            return
        if era is None or settled or step is Step.PARK:
            if era is not None:
                self.admission.give_back(era)
            if not settled:
                self._end(task, ParkEffect(row))
            return
        if step is Step.CALL and not self.capabilities.takes_key and not await self._is_marked(task):
            self.admission.give_back(era)
            return
        task.started = True
        call = Call(row.id, row.operation, row.request.encode(), row.key, row.correlation, row.attempts + 1, row.trace)
        outcome: Outcome | None = None
        if step is not Step.CALL:
            self._counts["looked_up"] += 1
            outcome = await self._within(partial(self.provider.look_up, call), task.policy, looking=True)
            if step is Step.LOOK_UP_THEN_CALL and outcome is None and self.admission.windows:
                era = await self._admitted_again(task, era)
                if era is None:
                    return
        called = step is Step.CALL or (step is Step.LOOK_UP_THEN_CALL and outcome is None)
        if called:
            self._counts["called"] += 1
            outcome = await self._within(partial(self.provider.call, call), task.policy)
        ended_ms = self._clock.now_ms()
        if ended_ms - now_ms >= SLOW_CALL_MS:
            self._counts["slow"] += 1
            log.warning(
                "%s %s of %s took %d ms", self.provider.name, row.operation, row.correlation, ended_ms - now_ms,
                extra={"effect": row.id, "entity": row.entity, "trace": row.trace},
            )  # fmt: skip
        self._end(task, AttemptEnded(row, outcome, called, now_ms, ended_ms))
        if outcome is not None:
            self._counts[_COUNTED[type(outcome)]] += 1
        await self.admission.ended(era, outcome)

    async def _is_marked(self, task: Task) -> bool:
        """A call without a key begins with a commit (PROTOCOL 3), for which it waits as long as for an answer: it holds
        a place meanwhile, and perhaps is the breaker's probe. False if it is not to be made now."""
        task.mark = asyncio.get_running_loop().create_future()
        self._deliver(task.address, MarkAttempt(task.row))
        try:
            with Deadline(self._clock, self._clock.now_ms() + task.policy.timeout_ms):
                return await task.mark
        except TimeoutError:
            self._end(task, _not_begun(task.row, self._clock.now_ms()))
            return False

    async def _admitted_again(self, task: Task, era: int) -> int | None:
        """A look-up is a request too: the call after it takes a place of its own, and is decided on once more, since
        that may take long. None if the call is not to be made now."""
        await self.admission.ended(era, None)
        again = await self.admission.admit(task.row.lane)
        now_ms = self._clock.now_ms()
        decided = again is not None and next_step(task.row, self.capabilities, task.policy, now_ms)
        if decided is Step.LOOK_UP_THEN_CALL:
            return again
        if again is not None:
            self.admission.give_back(again)
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

    async def drain(self) -> None:
        """Start nothing more, give back what was not started, and wait for what was; the caller bounds how long."""
        self._closing = True
        self.admission.close()
        for line in self._lines.values():
            for task in line.drain():
                self._end(task, _not_begun(task.row, self._clock.now_ms()))
            self._give_up_marks(line.held)
        while self._workers:
            self._worker_left.clear()
            await self._worker_left.wait()

    def cut_off(self) -> None:
        """The engine cannot wait any longer: what is under way is unknown from here on."""
        now_ms = self._clock.now_ms()
        for line in self._lines.values():
            for task in tuple(line.held.values()):
                unknown = AttemptEnded(
                    task.row, Unknown("the engine stopped before the answer came"), True, now_ms, now_ms
                )
                self._end(task, unknown if task.started else _not_begun(task.row, now_ms))

    def statistics(self) -> PoolStatistics:
        """A snapshot."""
        breaker = self.admission.breaker
        return PoolStatistics(
            self._in_flight, self._waiting(), breaker=breaker.state, breaker_opened=breaker.opened, **self._counts
        )


def _not_begun(row: EffectRow, now_ms: int) -> AttemptEnded:
    """No attempt was made, and no attempt is counted."""
    return AttemptEnded(row, Throttled(0), called=False, began_ms=now_ms, ended_ms=now_ms)


_COUNTED: dict[type[Outcome], str] = {
    Succeeded: "succeeded",
    Declined: "refused",
    NotReached: "not_reached",
    Throttled: "throttled",
    Unknown: "unknown",
}
