"""The edge: where clients ask, the only ones who wait for an answer; no actor asks another (PROTOCOL 18).

A client's command is checked here, before any partition knows of it. Pressure is felt here too: when a lane is full,
or what a command needs later is down or far behind, the client is told to come back.
"""

import asyncio
from collections.abc import Callable, Mapping
from hashlib import blake2b

from sagamore.engine.envelope import Address, address_of
from sagamore.engine.errors import Closed, InvalidInput, Overloaded, SagamoreError
from sagamore.engine.ids import IdMaker
from sagamore.engine.limits import MESSAGE_BYTES_MAX, Limits
from sagamore.engine.message import Codec, Message, Record, State, encode, tag_of
from sagamore.engine.ports import Clock, Store
from sagamore.engine.routes import ActorRoutes, stable_hash
from sagamore.engine.runtime.home import Home
from sagamore.engine.runtime.mailbox import Command, stored_key
from sagamore.engine.runtime.pressure import Pressure
from sagamore.engine.runtime.seat import Seat
from sagamore.engine.runtime.watchers import Watcher, Watchers


class Edge:
    """What clients see of an engine."""

    def __init__(
        self, seats: Mapping[Address, Seat], routes: ActorRoutes, watchers: Watchers, store: Store, clock: Clock,
        limits: Limits,
    ) -> None:  # fmt: skip
        self._seats, self.routes, self._watchers = seats, routes, watchers
        self.clock, self.limits = clock, limits
        self._home = Home()
        self._ids = IdMaker(clock.random_bits)
        self._commands = {kind: Codec(actor.message_types) for kind, actor in routes.actors.items()}
        self._pressure = Pressure(seats, routes, store, clock, limits)
        self._closing = False

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
            end(TimeoutError(f"{key} has not come so far within {timeout_ms} ms; it goes on"))

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
