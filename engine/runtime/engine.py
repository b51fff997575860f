"""The engine: partitions in their seats, the pools between them and the providers, and the edge where clients ask.

Only the edge asks; no actor asks another (PROTOCOL 18). Pressure is felt here: when a lane is full, or what a command
needs later is down or far behind, the client is told to come back.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from sagamore.engine.actor import Actor
from sagamore.engine.breaker import BreakerPolicy
from sagamore.engine.dead_letters import DeadLettersActor
from sagamore.engine.effect import Provider
from sagamore.engine.envelope import Address, address_of, kind_of
from sagamore.engine.errors import (
    Closed,
    InvalidInput,
    Overloaded,
    SagamoreError,
)
from sagamore.engine.ids import IdMaker
from sagamore.engine.limits import MESSAGE_BYTES_MAX, Limits
from sagamore.engine.message import Codec, Message, Record, State, encode, tag_of
from sagamore.engine.ports import AlertRow, Clock, Opened, Store
from sagamore.engine.routes import ActorRoutes, stable_hash
from sagamore.engine.runtime.clock import SystemClock
from sagamore.engine.runtime.deadline import Deadline, sleep_ms
from sagamore.engine.runtime.environment import Environment
from sagamore.engine.runtime.home import Home
from sagamore.engine.runtime.inspection import Alert, EngineStatistics, Health, alerts_of, health_of
from sagamore.engine.runtime.mailbox import AttemptEnded, Command, MarkAttempt, ParkEffect, stored_key
from sagamore.engine.runtime.partition import Partition
from sagamore.engine.runtime.pool import Pool
from sagamore.engine.runtime.pressure import Pressure
from sagamore.engine.runtime.seat import Seat
from sagamore.engine.runtime.supervisor import Supervisor
from sagamore.engine.runtime.watchers import Watcher, Watchers
from sagamore.engine.system_actor import SYSTEM, BreakerChanged, PlacesTaken, ProviderRecord, SystemActor

log = logging.getLogger("sagamore.engine")


class Engine:
    """Made by `Engine.open`; ends with `stop`."""

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
        self.limits = limits or Limits()
        self.clock: Clock = clock or SystemClock()
        composed = (*actors, SystemActor(), DeadLettersActor())
        self.routes = ActorRoutes(composed, partition_counts, [provider.name for provider in providers])
        self._store = store
        self._on_alert = on_alert
        self._home = Home()
        self._ids = IdMaker(self.clock.random_bits)
        self._supervisor = Supervisor()
        self._watchers = Watchers(self.limits.watcher_changes_max)
        self._pools = {
            provider.name: Pool(
                provider, self.clock, self._supervisor.spawn, self._deliver, self._remember, breaker or BreakerPolicy()
            )
            for provider in providers
        }
        self._slot = store.slot()
        environment = Environment(
            self.routes, self.clock, self.limits, self._slot, self._pools, self._peer, self._exists,
            self._watchers.push, self._watchers.watched, self._alerted,
        )  # fmt: skip
        self._seats = {
            address_of(kind, n): Seat(address_of(kind, n), actor, store.journal, environment)
            for kind, actor in self.routes.actors.items()
            for n in range(self.routes.count(kind))
        }
        self._commands = {kind: Codec(actor.message_types) for kind, actor in self.routes.actors.items()}
        self._runs: list[asyncio.Task[Any]] = []
        self._closing = False
        self._pressure = Pressure(self._seats, self.routes, store, self.clock, self.limits)

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
        partition.leave_to_nobody(self._store.taken)
        for seat in self._seats.values():
            if seat.partition is not None:
                partition.shake_hands(seat.partition)

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

    # --- the edge ---

    async def ask(
        self,
        kind: str,
        message: Message,
        *,
        key: str | None = None,
        scope: str = "",
        same: Message | None = None,
        checked: bool = False,
        trace: str = "",
    ) -> Record | None:
        """Send a command and wait until it is durable; its reply.

        `key` makes the command idempotent within `scope`: asked again with the same body (`same`, if part of the
        message was made for this call) it is answered with what was kept. Without one the engine makes one; every
        error carries it. `checked`: a door has made the message, so its fields are of their types.
        Raises what the handler raised, NotEncodable, CommitRefused, KeyReused, Overloaded, OutcomeUnknown,
        PartitionDown, Closed.
        """
        self._check_caller()
        now_ms = self.clock.now_ms()
        message_id = self._ids.make("msg", now_ms)
        fresh = key is None
        key = message_id if key is None else self._checked(key)
        try:
            same = message if same is None else same
            body = encode(same)
            if len(body) > MESSAGE_BYTES_MAX:
                raise InvalidInput("message", f"{len(body)} bytes", f"at most {MESSAGE_BYTES_MAX} bytes")
            actor = self.routes.actor(kind)
            if not checked:
                self._check_types(kind, same, body)
            partition = self._seats[self.routes.address(kind, message)].up()
            self._pressure.check(actor)
            future: asyncio.Future[Record | None] = self._home.loop.create_future()
            command = Command(
                message, message_id, scope, key, blake2b(body, digest_size=16).hexdigest(),
                fresh, now_ms, trace, future,
            )  # fmt: skip
            if not partition.ask(command):
                raise Overloaded(f"{partition.address} has its mailbox full", self.limits.retry_after_ms)
            return await future
        except Exception as error:
            error.idempotency_key = key  # type: ignore[attr-defined]
            raise

    def _check_types(self, kind: str, message: Message, body: bytes) -> None:
        """A message that another process would read back otherwise must not get in: bytes and dates become text, a
        list a tuple."""
        try:
            read_back = self._commands[kind].decode(body)
        except ValueError as error:
            raise InvalidInput("message", tag_of(body), f"its fields do not fit {kind}: {error}") from error
        if read_back != message:
            raise InvalidInput("message", message, "fields of the types that its class says, tuples in place of lists")

    async def kept(self, kind: str, message: Message, scope: str, key: str) -> bool:
        """Whether a command with that key was taken by the partition that `message` goes to."""
        partition = self._seats[self.routes.address(kind, message)].up()
        return bool(await partition.journal.load_client_keys((stored_key(scope, key),)))

    def _checked(self, key: str) -> str:
        most = self.limits.key_characters_max
        if not 1 <= len(key) <= most or not key.isprintable():
            raise InvalidInput("idempotency_key", key, f"1 to {most} printable characters")
        return key

    async def read(self, kind: str, key: str) -> State | None:
        """An entity as last committed; None if there is none. Raises EntityDamaged, PartitionDown, UnknownKind, and
        Overloaded if its partition is being reopened."""
        self._check_caller()
        seat = self._seats[self._address(kind, key)]
        partition = seat.up()
        try:
            return await partition.read(key)
        except SagamoreError:
            raise
        except Exception:
            if seat.partition is partition:
                raise
            seat.up()  # says what is the matter with it, unless it is up again
            return await self.read(kind, key)

    def watch(self, kind: str, key: str) -> Watcher:
        """Watch an entity's committed changes from now on; use it in a `with`."""
        self._check_caller()
        return self._watchers.watch(self._address(kind, key), key)

    async def until(
        self, kind: str, key: str, reached: Callable[[State | None], bool], timeout_ms: int | None
    ) -> State | None:
        """The entity, as committed, once `reached` is true of it; at once if it is so now. Raises TimeoutError, and
        what `read` raises; Closed if the engine stops first."""
        address = self._address(kind, key)
        future: asyncio.Future[State | None] = self._home.loop.create_future()

        def seen(state: State | None) -> None:
            if not future.done() and reached(state):
                future.set_result(state)

        def end(error: Exception) -> None:
            if not future.done():
                future.set_exception(error)

        def expire() -> None:
            end(TimeoutError(f"{key} was not there within {timeout_ms} ms"))

        self._watchers.enter(address, key, seen, end)
        alarm = None
        try:
            seen(await self.read(kind, key))
            if timeout_ms is not None and not future.done():
                alarm = self.clock.call_at(self.clock.now_ms() + timeout_ms, expire)
            return await future
        finally:
            if alarm is not None:
                alarm.cancel()
            self._watchers.leave(address, key, seen)

    def mint(self, prefix: str, kind: str, scope: str = "", key: str | None = None, *, owner: str = "") -> str:
        """A new id for an entity of `kind`, in the partition of an entity that owns it, else in the one that an
        idempotency key chooses (any, without one)."""
        now_ms, count = self.clock.now_ms(), self.routes.count(kind)
        if owner:
            return self._ids.make(prefix, now_ms, self.routes.partition(kind, owner))
        if count == 1:
            return self._ids.make(prefix, now_ms)
        chosen = stable_hash(f"{scope}/{key}") if key is not None else self.clock.random_bits(32)
        return self._ids.make(prefix, now_ms, chosen % count)

    def _address(self, kind: str, key: str) -> Address:
        return address_of(kind, self.routes.partition(kind, key))

    def _check_caller(self) -> None:
        if self._closing:
            raise Closed("the engine is stopping; open the directory again")
        self._home.check()

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
