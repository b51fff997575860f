"""The pool that calls one provider for all partitions: committed effects go in, what attempts came to comes out.

Each partition has its own places (`in_flight_max`), so a full one cannot hold them all; a few worker tasks serve them
in turn, each an attempt (`attempts.py`) at a time. A call under way outlives the partition that asked for it: its end
is kept until the partition has reopened and adopts it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec

from sagamore.engine.breaker import BreakerPolicy
from sagamore.engine.effect import EffectRow, Provider, Unknown
from sagamore.engine.envelope import Address
from sagamore.engine.policy import EffectPolicy
from sagamore.engine.ports import Clock
from sagamore.engine.runtime.admission import Admission, Remember
from sagamore.engine.runtime.attempts import Attempts, Deliver, not_begun
from sagamore.engine.runtime.line import Line, Task
from sagamore.engine.runtime.mailbox import AttemptEnded, ParkEffect


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
        deliver: Deliver,
        remember: Remember,
        breaker_policy: BreakerPolicy,
    ) -> None:
        self.provider = provider
        self.capabilities = provider.capabilities
        self._clock = clock
        self._spawn = spawn
        self.admission = Admission(provider.name, provider.capabilities, breaker_policy, clock, remember)
        self._attempts = Attempts(provider, clock, self.admission, deliver)
        self._lines: dict[Address, Line] = {}
        self._in_flight = self._workers = 0
        self._starting = False
        self._worker_left = asyncio.Event()

    def _line(self, address: Address) -> Line:
        line = self._lines.get(address)
        if line is None:
            line = self._lines[address] = Line(self.capabilities.in_flight_max)
        return line

    def room(self, address: Address, lane: int) -> int:
        """How many more effects of that lane the partition may have in the pool."""
        return 0 if self.admission.closed else self._line(address).room(lane)

    def take(self, address: Address, row: EffectRow, policy: EffectPolicy) -> None:
        """Take a committed effect; the caller has asked for room, but the engine may have begun to stop since."""
        task = Task(address, row, policy)
        if self.admission.closed:
            self._line(address).hold(task)
            self._attempts.end(task, not_begun(row, self._clock.now_ms()))
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
                self._attempts.end(task, not_begun(task.row, self._clock.now_ms()))

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
                    await self._attempts.make(task, line)
                finally:
                    self._in_flight -= 1
                    line.calling -= 1
        finally:
            self._workers -= 1
            self._worker_left.set()

    async def drain(self) -> None:
        """Start nothing more, give back what was not started, and wait for what was; the caller bounds how long."""
        self.admission.close()
        for line in self._lines.values():
            for task in line.drain():
                self._attempts.end(task, not_begun(task.row, self._clock.now_ms()))
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
                self._attempts.end(task, unknown if task.started else not_begun(task.row, now_ms))

    def statistics(self) -> PoolStatistics:
        """A snapshot."""
        breaker = self.admission.breaker
        return PoolStatistics(
            self._in_flight,
            self._waiting(),
            breaker=breaker.state,
            breaker_opened=breaker.opened,
            **self._attempts.counts,
        )
