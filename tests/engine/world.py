"""A data directory with real SQLite files, the engine that runs on it now, and the ways in which that ends."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sagamore.engine.actor import Actor
from sagamore.engine.breaker import BreakerPolicy
from sagamore.engine.dead_letters import DEAD_LETTERS, DeadLetter
from sagamore.engine.effect import Provider
from sagamore.engine.errors import Overloaded
from sagamore.engine.limits import Limits
from sagamore.engine.message import State
from sagamore.engine.runtime.engine import Engine
from sagamore.engine.system_actor import SYSTEM
from sagamore.engine.testing import Fault, FaultyStore, ManualClock
from sagamore.storage.directory import Directory
from sagamore.storage.reader import Reader

S = TypeVar("S", bound=State)

MINUTE_MS = 60_000
LONG_MS = 60 * MINUTE_MS


class World:
    """`start` again after `stop`, `kill` or a scripted death goes on with the same composition."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock()
        self._composition: dict[str, Any] = {}
        self._actors: Sequence[Actor[Any, Any]] = ()
        self._directory: Directory | None = None
        self._engine: Engine | None = None

    async def start(
        self,
        *actors: Actor[Any, Any],
        faults: Sequence[Fault] = (),
        counts: Mapping[str, int] | None = None,
        providers: Sequence[Provider] | None = None,
        limits: Limits | None = None,
        breaker: BreakerPolicy | None = None,
    ) -> Engine:
        given = {"counts": counts, "providers": providers, "limits": limits, "breaker": breaker}
        self._composition |= {name: value for name, value in given.items() if value is not None}
        self._actors = actors or self._actors
        composed = dict(self._composition)
        partitions = {actor.kind: 1 for actor in self._actors} | {SYSTEM: 1, DEAD_LETTERS: 1}
        partitions |= composed.pop("counts", {})
        self._directory = Directory.open(self.path, partitions, now_ms=self.clock.now_ms())
        self.store = FaultyStore(self._directory, *faults, clock=self.clock)
        self._engine = Engine(self.store, self._actors, partition_counts=partitions, clock=self.clock, **composed)
        await self._engine.start()
        return self._engine

    @property
    def engine(self) -> Engine:
        assert self._engine is not None
        return self._engine

    async def stop(self) -> None:
        await self.engine.stop()
        self._close()

    async def kill(self) -> None:
        """What is not on disk is gone."""
        self.store.faults.died.set()
        for address, what in list(self.store.faults.held):
            self.store.faults.release(address, what)
        await self.engine.abandon()
        self._close()

    def _close(self) -> None:
        self._engine = None
        if self._directory is not None:
            self._directory.close()

    async def close(self) -> None:
        if self._engine is not None:
            with contextlib.suppress(Exception):
                await self.kill()

    def reader(self, address: str) -> Reader:
        assert self._directory is not None
        return self._directory.reader(address)

    # --- looking at it; time passes until what is asked for is there ---

    async def until(self, done: Callable[[], bool], most_ms: int = LONG_MS) -> None:
        await self.clock.advance_until(done, most_ms)

    async def state(self, kind: str, key: str, type_: type[S]) -> S:
        state = await self.engine.read(kind, key)
        return type_() if state is None else state  # type: ignore[return-value]

    async def until_state(self, kind: str, key: str, right: Callable[[Any], bool], most_ms: int = LONG_MS) -> Any:
        """Let time pass until a committed state is right; the state."""
        until_ms = self.clock.now_ms() + most_ms
        while True:
            await self.clock.settle()
            state = await self._read(kind, key)
            if state is not None and right(state):
                return state
            due_ms = self.clock.next_ms
            assert due_ms is not None, f"{kind} {key} is {state}, and nothing is due"
            assert due_ms <= until_ms, f"{kind} {key} is still {state} after {most_ms} ms"
            await self.clock.advance(max(0, due_ms - self.clock.now_ms()))

    async def _read(self, kind: str, key: str) -> State | None:
        try:
            return await self.engine.read(kind, key)
        except Overloaded:  # it is being reopened
            return None

    async def letters(self) -> list[DeadLetter]:
        """All dead letters, by id."""
        await self.clock.settle()
        ids = sorted(alert.subject for alert in self.engine.alerts() if alert.name == "dead_letter")
        letters = [await self.engine.read(DEAD_LETTERS, letter) for letter in ids]
        return [letter for letter in letters if isinstance(letter, DeadLetter)]
