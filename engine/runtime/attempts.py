"""One provider's attempts: what is done with an effect when its turn has come, and what that came to.

    decide (used up: park) → admission → decide again → mark, if the provider takes no key → look up or call → the end

Every way out ends the task, once: with an outcome, as not begun, or parked.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

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
from sagamore.engine.runtime.admission import Admission
from sagamore.engine.runtime.answers import kept
from sagamore.engine.runtime.deadline import Deadline
from sagamore.engine.runtime.line import Line, Task
from sagamore.engine.runtime.mailbox import AttemptEnded, MarkAttempt, ParkEffect
from sagamore.engine.text import error_text

SLOW_CALL_MS = 5_000  # a person who waits for it has gone by then

log = logging.getLogger("sagamore.engine")

Deliver = Callable[[Address, AttemptEnded | ParkEffect | MarkAttempt], None]


class Attempts:
    """Made for one pool; `counts` are what its statistics tell."""

    def __init__(self, provider: Provider, clock: Clock, admission: Admission, deliver: Deliver) -> None:
        self._provider, self._capabilities = provider, provider.capabilities
        self._clock, self._admission, self._deliver = clock, admission, deliver
        self.counts = dict.fromkeys(("called", "looked_up", "slow", *_COUNTED.values()), 0)

    def end(self, task: Task, ended: AttemptEnded | ParkEffect) -> None:
        """Tell the partition; if it is down it asks when it has reopened."""
        if task.ended is None:  # else it was cut off by a stop, and told so
            task.ended = ended
            self._deliver(task.address, ended)

    async def make(self, task: Task, line: Line) -> None:
        """What is to be done with an effect is decided when it may be done: waiting takes time, and keys end."""
        row, held = task.row, line.held
        if held.get(row.id) is not task:  # withdrawn, or settled by a person
            return
        if next_step(row, self._capabilities, task.policy, self._clock.now_ms()) is Step.PARK:
            self.end(task, ParkEffect(row))
            return
        gives_up = row.state == "pending" or task.policy.ends
        era = await self._admission.admit(row.lane, deadline_of(row, task.policy) if gives_up else None)
        if era is not None:
            task = line.overtaking(task)
            row = task.row
        settled = held.get(row.id) is not task
        now_ms = self._clock.now_ms()
        step = next_step(row, self._capabilities, task.policy, now_ms)
        if era is None and self._admission.closed:
            self.end(task, not_begun(row, now_ms))
            return
        if era is None or settled or step is Step.PARK:
            if era is not None:
                self._admission.give_back(era)
            if not settled:
                self.end(task, ParkEffect(row))
            return
        if step is Step.CALL and not self._capabilities.takes_key and not await self._is_marked(task):
            self._admission.give_back(era)
            return
        await self._carry_out(task, step, era, now_ms)

    async def _carry_out(self, task: Task, step: Step, era: int, began_ms: int) -> None:
        """The look-up, the call, or one after the other; `era` is the breaker's."""
        task.started, row = True, task.row
        call = Call(row.id, row.operation, row.request.encode(), row.key, row.correlation, row.attempts + 1, row.trace)
        outcome: Outcome | None = None
        if step is not Step.CALL:
            self.counts["looked_up"] += 1
            outcome = await self._within(partial(self._provider.look_up, call), task.policy, looking=True)
            if step is Step.LOOK_UP_THEN_CALL and outcome is None and self._admission.windows:
                again = await self._admitted_again(task, era)
                if again is None:
                    return
                era = again
        called = step is Step.CALL or (step is Step.LOOK_UP_THEN_CALL and outcome is None)
        if called:
            self.counts["called"] += 1
            outcome = await self._within(partial(self._provider.call, call), task.policy)
        ended_ms = self._clock.now_ms()
        self._tell_if_slow(row, ended_ms - began_ms)
        self.end(task, AttemptEnded(row, outcome, called, began_ms, ended_ms))
        if outcome is not None:
            self.counts[_COUNTED[type(outcome)]] += 1
        await self._admission.ended(era, outcome)

    def _tell_if_slow(self, row: EffectRow, took_ms: int) -> None:
        if took_ms >= SLOW_CALL_MS:
            self.counts["slow"] += 1
            log.warning(
                "%s %s of %s took %d ms", self._provider.name, row.operation, row.correlation, took_ms,
                extra={"effect": row.id, "entity": row.entity, "trace": row.trace},
            )  # fmt: skip

    async def _is_marked(self, task: Task) -> bool:
        """A call without a key begins with a commit (PROTOCOL 3), for which it waits as long as for an answer: it holds
        a place meanwhile, and perhaps is the breaker's probe. False if it is not to be made now."""
        task.mark = asyncio.get_running_loop().create_future()
        self._deliver(task.address, MarkAttempt(task.row))
        try:
            with Deadline(self._clock, self._clock.now_ms() + task.policy.timeout_ms):
                return await task.mark
        except TimeoutError:
            self.end(task, not_begun(task.row, self._clock.now_ms()))
            return False

    async def _admitted_again(self, task: Task, era: int) -> int | None:
        """A look-up is a request too: the call after it takes a place of its own, and is decided on once more, since
        that may take long. None if the call is not to be made now."""
        await self._admission.ended(era, None)
        again = await self._admission.admit(task.row.lane)
        now_ms = self._clock.now_ms()
        decided = again is not None and next_step(task.row, self._capabilities, task.policy, now_ms)
        if decided is Step.LOOK_UP_THEN_CALL:
            return again
        if again is not None:
            self._admission.give_back(again)
        self.end(task, not_begun(task.row, now_ms))
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
            log.warning("provider %s raised", self._provider.name, exc_info=error)
            return Unknown(error_text(error))


def not_begun(row: EffectRow, now_ms: int) -> AttemptEnded:
    """No attempt was made, and no attempt is counted."""
    return AttemptEnded(row, Throttled(0), called=False, began_ms=now_ms, ended_ms=now_ms)


_COUNTED: dict[type[Outcome], str] = {
    Succeeded: "succeeded",
    Declined: "refused",
    NotReached: "not_reached",
    Throttled: "throttled",
    Unknown: "unknown",
}
