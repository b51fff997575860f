"""The engine: partitions in their seats, the pools between them and the providers, and the edge where clients ask;
how they begin together and end together.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagamore.engine.actor import Actor
from sagamore.engine.breaker import BreakerPolicy
from sagamore.engine.dead_letters import DeadLettersActor
from sagamore.engine.effect import Provider
from sagamore.engine.envelope import Address, address_of, kind_of
from sagamore.engine.limits import Limits
from sagamore.engine.message import Record
from sagamore.engine.ports import AlertRow, Clock, Opened, Store
from sagamore.engine.routes import ActorRoutes
from sagamore.engine.runtime.clock import SystemClock
from sagamore.engine.runtime.deadline import Deadline, sleep_ms
from sagamore.engine.runtime.edge import Edge
from sagamore.engine.runtime.environment import Environment
from sagamore.engine.runtime.handshake import leave_to_nobody, shake_hands
from sagamore.engine.runtime.inspection import Alert, EngineStatistics, Health, alerts_of, health_of
from sagamore.engine.runtime.mailbox import AttemptEnded, Command, MarkAttempt, ParkEffect
from sagamore.engine.runtime.partition import Partition
from sagamore.engine.runtime.pool import Pool
from sagamore.engine.runtime.seat import Seat
from sagamore.engine.runtime.supervisor import Supervisor
from sagamore.engine.runtime.watchers import Watchers
from sagamore.engine.system_actor import SYSTEM, BreakerChanged, PlacesTaken, ProviderRecord, SystemActor

log = logging.getLogger("sagamore.engine")


class Engine(Edge):
    """Begins with `start`, ends with `stop`."""

    def __init__(
        self,
        store: Store,
        actors: Sequence[Actor[Any, Any]],
        *,
        partition_counts: Mapping[str, int],
        providers: Sequence[Provider] = (),
        limits: Limits | None = None,
        clock: Clock | None = None,
        breaker: BreakerPolicy | None = None,
        on_alert: Callable[[Alert], None] | None = None,
    ) -> None:
        limits, clock = limits or Limits(), clock or SystemClock()
        composed = (*actors, SystemActor(), DeadLettersActor())
        routes = ActorRoutes(composed, partition_counts, [provider.name for provider in providers])
        watchers = Watchers(limits.watcher_changes_max)
        self._store, self._slot = store, store.slot()
        self._on_alert = on_alert
        self._supervisor = Supervisor()
        self._pools = {
            provider.name: Pool(
                provider, clock, self._supervisor.spawn, self._deliver, self._remember, breaker or BreakerPolicy()
            )
            for provider in providers
        }
        environment = Environment(
            routes, clock, limits, self._slot, self._pools, self._peer, self._exists, watchers.push, watchers.watched,
            self._alerted,
        )  # fmt: skip
        seats = {
            address_of(kind, n): Seat(address_of(kind, n), actor, store.journal, environment)
            for kind, actor in routes.actors.items()
            for n in range(routes.count(kind))
        }
        super().__init__(seats, routes, watchers, store, clock, limits)
        self._runs: list[asyncio.Task[Any]] = []

    # --- start and stop ---

    async def start(self) -> None:
        """Open every file, count who died last time, compare the files, and begin. Raises DirectoryError, or
        EntityDamaged for what `system/0` remembers; then everything that was opened is closed again."""
        try:
            opened: dict[Address, Opened] = {}
            for address, seat in self._seats.items():
                opened[address] = await seat.open()
            self._store.opened(opened)
            await self._count_death()
            for seat in self._seats.values():
                seat.take_seat()
            for name, pool in self._pools.items():
                record = await self._seats[f"{SYSTEM}/0"].up().read(name)
                pool.admission.restore(record if isinstance(record, ProviderRecord) else None)
        except BaseException:
            for seat in self._seats.values():
                await seat.close(clean=False)
            raise
        for address, seat in self._seats.items():
            self._runs.append(self._supervisor.spawn(seat.run(self._introduce), address))

    async def _count_death(self) -> None:
        """The last process died in a turn: count that on disk before anything is taken (PROTOCOL 6)."""
        named = self._slot.read()
        if named is not None and (seat := self._seats.get(named[0])) is not None:
            await seat.count_death(named[1])
        self._slot.clear()

    def _introduce(self, partition: Partition) -> None:
        leave_to_nobody(partition, self._exists, self._store.taken)
        for seat in self._seats.values():
            if seat.partition is not None:
                shake_hands(partition, seat.partition, self.clock.now_ms())

    async def stop(self) -> None:
        """Close the edge, finish the batches, give calls under way their timeout, mark the files clean. Raises what
        closing a file raises, when all are closed. A caller that is cancelled waits all the same: half a stop would
        leave the files open."""
        self._closing = True
        ending = self._supervisor.spawn(self._stop(), "stop")
        cancelled: asyncio.CancelledError | None = None
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    async def _stop(self) -> None:
        try:
            with Deadline(self.clock, self.clock.now_ms() + self.limits.stop_timeout_ms):
                await asyncio.gather(*(pool.drain() for pool in self._pools.values()))
        except TimeoutError:
            log.warning("calls were still under way after %d ms; they are unknown now", self.limits.stop_timeout_ms)
            for pool in self._pools.values():
                pool.cut_off()
        for seat in self._seats.values():
            seat.stop()
        await asyncio.gather(*self._runs, return_exceptions=True)
        self._watchers.close()
        closings = (seat.close(clean=seat.state == "UP") for seat in self._seats.values())
        closed = await asyncio.gather(*closings, return_exceptions=True)
        await self._supervisor.cancel_all()
        self._slot.close()
        for error in closed:
            if error is not None:
                raise error

    async def abandon(self) -> None:
        """End as SIGKILL would, as far as a process can: nothing is finished, nothing is marked clean."""
        self._closing = True
        await self._supervisor.cancel_all()
        self._watchers.close()
        for seat in self._seats.values():
            await seat.close(clean=False)
        self._slot.close()

    # --- what is inside says to each other ---

    def _peer(self, address: Address) -> Partition | None:
        seat = self._seats.get(address)
        return None if seat is None else seat.partition

    def _exists(self, address: Address) -> bool:
        return address in self._seats

    def _deliver(self, address: Address, news: AttemptEnded | ParkEffect | MarkAttempt) -> None:
        partition = self._peer(address)
        if partition is not None:
            partition.hear(news)

    async def _remember(self, message: BreakerChanged | PlacesTaken) -> None:
        """Commit what a pool must not forget, however long that takes: the effect that waits for it would be lost."""
        while True:
            try:
                now_ms = self.clock.now_ms()
                future: asyncio.Future[Record | None] = self._home.loop.create_future()
                key = self._ids.make("key", now_ms)
                partition = self._seats[f"{SYSTEM}/0"].up()
                if partition.ask(Command(message, key, "", key, "", True, now_ms, "", future)):
                    await future
                    return
            except Exception as error:
                log.warning("system/0 could not keep %r (%r); asked again", message, error)
            await sleep_ms(self.clock, self.limits.retry_after_ms)

    def _alerted(self, address: Address, row: AlertRow) -> None:
        if self._on_alert is not None:
            self._on_alert(Alert.of(address, row))

    # --- introspection ---

    def alerts(self) -> tuple[Alert, ...]:
        """The conditions that stand, oldest first."""
        return alerts_of(self._seats)

    def health(self) -> Health:
        """Whether someone should look."""
        return health_of(self._seats)

    def measured(self, kind: str) -> Counter[str]:
        """What the actor's `measure` has counted since the start, over all its partitions."""
        partitions = (seat.partition for seat in self._seats.values() if kind_of(seat.address) == kind)
        return sum((p.gate.measured for p in partitions if p is not None), Counter())

    def statistics(self) -> EngineStatistics:
        """A snapshot of every queue and pool."""
        return EngineStatistics(
            {address: seat.statistics() for address, seat in self._seats.items()},
            {name: pool.statistics() for name, pool in self._pools.items()},
            self._watchers.statistics(),
            len(self._supervisor),
        )
