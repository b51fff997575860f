"""Journals that break where a test says: any Store's, wrapped.

Commits are counted from 1 across all partitions, in the order in which they are asked for; `FaultyStore(store)` without
a fault counts the commit points of a scenario, then each of them can be made the one at which

    crash_before     the process dies, nothing was written         ─┐ every journal of the store is dead from then on:
    crash_after      the process dies, it was written               ─┘ abandon the engine, open the directory anew
    fail_unwritten   the commit raises OSError, nothing was written ─┐ one partition dies, and cannot know which
    fail_written     the commit raises OSError, it was written      ─┘
    refuse           the commit raises CommitRefused, nothing was written

`hold` makes one partition's commits (or another call of its journal) wait, so that a test can look at what must not be
seen before they are done; `fail` makes the next such call raise.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, TypeVar

import msgspec

from sagamore.engine.effect import EffectRow
from sagamore.engine.envelope import Address, Parcel, Stream
from sagamore.engine.errors import CommitRefused
from sagamore.engine.ports import ClientKeyRow, Commit, Journal, Opened, RetryRow, Slot, Store, TimerRow
from sagamore.engine.testing.clock import ManualClock

T = TypeVar("T")
Call = Literal["open", "commit", "load", "load_effect", "count_death", "prune", "checkpoint", "close"]
"""Calls of a journal that can be held, or made to fail."""


class ProcessDied(Exception):
    """The process is dead, as far as its journals are concerned."""


class Fault(msgspec.Struct, frozen=True):
    """What happens at a commit: the `at`-th, or (0) at every one for which `when(address, commit)` is true."""

    action: Literal["crash_before", "crash_after", "fail_unwritten", "fail_written", "refuse"]
    at: int = 0
    when: Callable[[Address, Commit], bool] = lambda _address, _commit: False


class Faults:
    """What the journals of one store share."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = list(faults)
        self.commits: list[Address] = []
        """The partition of every commit that was asked for."""
        self.died = asyncio.Event()
        self.under_way = 0
        self.held: dict[tuple[Address, Call], asyncio.Event] = {}
        """What waits until it is released."""
        self.failing: dict[tuple[Address, Call], Exception] = {}

    def hold(self, address: Address, what: Call = "commit") -> None:
        """Make that partition's commits wait, or another call."""
        self.held[address, what] = asyncio.Event()

    def release(self, address: Address, what: Call = "commit") -> None:
        """Let them go on."""
        self.held.pop((address, what)).set()

    def fail(self, address: Address, what: Call, error: Exception) -> None:
        """Make that partition's next such call raise, with nothing done."""
        self.failing[address, what] = error

    async def before(self, address: Address, what: Call) -> None:
        """Wait while it is held, then raise if it is to fail."""
        if (held := self.held.get((address, what))) is not None:
            await held.wait()
        if (error := self.failing.pop((address, what), None)) is not None:
            raise error

    async def commit(self, address: Address, journal: Journal, commit: Commit) -> int:
        """Commit, or do what the fault says."""
        self.check_alive()
        self.commits.append(address)
        action = self._action(address, commit)
        await self.before(address, "commit")
        self.check_alive()
        if action == "crash_before":
            self.die()
        elif action == "fail_unwritten":
            raise OSError("scripted: the commit failed")
        elif action == "refuse":
            raise CommitRefused("scripted: the content is refused")
        size = await self.working(journal.commit(commit))
        if action == "crash_after":
            self.die()
        elif action == "fail_written":
            raise OSError("scripted: the commit failed, but was written")
        return size

    def _action(self, address: Address, commit: Commit) -> str:
        n = len(self.commits)
        return next((f.action for f in self.faults if f.at == n or (not f.at and f.when(address, commit))), "")

    def die(self) -> None:
        """The process dies now. Raises ProcessDied."""
        self.died.set()
        for held in self.held.values():
            held.set()
        raise ProcessDied("scripted: the process died")

    def check_alive(self) -> None:
        """Raises ProcessDied."""
        if self.died.is_set():
            raise ProcessDied("scripted: the process died before")

    async def working(self, call: Awaitable[T]) -> T:
        """Await a journal's own work; a ManualClock stands still meanwhile."""
        self.under_way += 1
        try:
            return await call
        finally:
            self.under_way -= 1


class FaultyJournal:
    """One partition's journal."""

    def __init__(self, journal: Journal, address: Address, faults: Faults) -> None:
        self._journal, self._address, self._faults = journal, address, faults

    async def _do(self, what: Call, make: Callable[[], Awaitable[T]]) -> T:
        await self._faults.before(self._address, what)
        self._faults.check_alive()
        return await self._faults.working(make())

    async def open(self) -> Opened:
        """As the wrapped one."""
        return await self._do("open", self._journal.open)

    async def commit(self, commit: Commit) -> int:
        """As the wrapped one, with the faults of this store."""
        return await self._faults.commit(self._address, self._journal, commit)

    async def load(self, keys: Sequence[str]) -> dict[str, bytes]:
        """As the wrapped one."""
        return await self._do("load", lambda: self._journal.load(keys))

    async def highest_key(self, prefix: str) -> str:
        """As the wrapped one."""
        return await self._do("load", lambda: self._journal.highest_key(prefix))

    async def load_client_keys(self, keys: Sequence[str]) -> dict[str, ClientKeyRow]:
        """As the wrapped one."""
        return await self._do("load", lambda: self._journal.load_client_keys(keys))

    async def load_parcels(self, stream: Stream, after: int, limit: int) -> list[Parcel]:
        """As the wrapped one."""
        return await self._do("load", lambda: self._journal.load_parcels(stream, after, limit))

    async def load_timers(self, after: tuple[int, str], limit: int) -> list[TimerRow]:
        """As the wrapped one."""
        return await self._do("load", lambda: self._journal.load_timers(after, limit))

    async def load_retries(self, after: tuple[int, str], limit: int) -> list[RetryRow]:
        """As the wrapped one."""
        return await self._do("load", lambda: self._journal.load_retries(after, limit))

    async def load_effects(self, provider: str, lane: int, after: tuple[int, str], limit: int) -> list[EffectRow]:
        """As the wrapped one."""
        return await self._do("load", lambda: self._journal.load_effects(provider, lane, after, limit))

    async def load_effect(self, effect: str) -> EffectRow | None:
        """As the wrapped one."""
        return await self._do("load_effect", lambda: self._journal.load_effect(effect))

    async def count_death(self, message_id: str, at_ms: int) -> None:
        """As the wrapped one."""
        await self._do("count_death", lambda: self._journal.count_death(message_id, at_ms))

    async def prune(self, before_ms: int, limit: int) -> int:
        """As the wrapped one."""
        return await self._do("prune", lambda: self._journal.prune(before_ms, limit))

    async def checkpoint(self, above_bytes: int) -> int:
        """As the wrapped one."""
        return await self._do("checkpoint", lambda: self._journal.checkpoint(above_bytes))

    def readers(self) -> Sequence[int]:
        """As the wrapped one."""
        return self._journal.readers()

    async def close(self, *, clean: bool) -> None:
        """Close the wrapped one; the dead mark nothing clean."""
        await self._faults.before(self._address, "close")
        await self._faults.working(self._journal.close(clean=clean and not self._faults.died.is_set()))


class FaultyStore:
    """A Store whose journals break. Give it the test's ManualClock, and time waits for the journals."""

    def __init__(self, store: Store, *faults: Fault, clock: ManualClock | None = None) -> None:
        self._store = store
        self.faults = Faults(*faults)
        self.free: int | None = None
        """What `free_bytes` answers, if it is set."""
        if clock is not None:
            clock.wait_for(lambda: self.faults.under_way > 0)

    def journal(self, address: Address) -> Journal:
        """A new journal, not yet open."""
        return FaultyJournal(self._store.journal(address), address, self.faults)

    def slot(self) -> Slot:
        """The wrapped store's."""
        return self._store.slot()

    def opened(self, positions: Mapping[Address, Opened]) -> None:
        """As the wrapped one."""
        self._store.opened(positions)

    def taken(self, address: Address) -> Mapping[Stream, int]:
        """As the wrapped one."""
        return self._store.taken(address)

    def free_bytes(self) -> int:
        """`free`, or the truth."""
        return self._store.free_bytes() if self.free is None else self.free
