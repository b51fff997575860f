"""Pressure at the edge (PROTOCOL 10): spill moves it to the disk, so the edge looks there.

A command is refused when a partition on its way is down, or holds too many messages that others have not taken, or too
old ones, or when the disk is nearly full. The look is cheap but not free, so its answer serves for some milliseconds.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sagamore.engine.actor import Actor
from sagamore.engine.envelope import Address, address_of
from sagamore.engine.errors import Overloaded, SagamoreError
from sagamore.engine.limits import Limits
from sagamore.engine.ports import Clock, Store
from sagamore.engine.routes import ActorRoutes
from sagamore.engine.runtime.seat import Seat

Refusal = Callable[[], SagamoreError]
LOOK_EVERY_MS = 20  # a backlog grows by a hundred orders meanwhile
DISK_EVERY_MS = 1_000


class Pressure:
    """Says whether commands of an actor are taken now."""

    def __init__(
        self, seats: Mapping[Address, Seat], routes: ActorRoutes, store: Store, clock: Clock, limits: Limits
    ) -> None:
        self._seats, self._routes, self._store = seats, routes, store
        self._clock, self._limits = clock, limits
        self._looked_ms: dict[str, float] = {}
        self._refusals: dict[str, Refusal | None] = {}
        self._disk_looked_ms = -DISK_EVERY_MS * 1.0
        self._disk_full = False

    def check(self, actor: Actor[Any, Any]) -> None:
        """Raises Overloaded or PartitionDown."""
        now_ms = self._clock.elapsed_ms()
        if now_ms - self._looked_ms.get(actor.kind, -LOOK_EVERY_MS) >= LOOK_EVERY_MS:
            self._refusals[actor.kind] = self._look(actor, now_ms)
            self._looked_ms[actor.kind] = now_ms
        refusal = self._refusals[actor.kind]
        if refusal is not None:
            raise refusal()  # a new one: each carries its own idempotency key

    def _look(self, actor: Actor[Any, Any], now_ms: float) -> Refusal | None:
        if now_ms - self._disk_looked_ms >= DISK_EVERY_MS:
            self._disk_looked_ms = now_ms
            self._disk_full = self._store.free_bytes() < self._limits.free_disk_bytes_min
        if self._disk_full:
            return partial(
                Overloaded,
                f"less than {self._limits.free_disk_bytes_min >> 20} MB of disk are free; make room",
                DISK_EVERY_MS,
            )
        for kind in (actor.kind, *actor.way):
            for n in range(self._routes.count(kind)):
                refusal = self._look_at(address_of(kind, n))
                if refusal is not None:
                    return refusal
        return None

    def _look_at(self, address: Address) -> Refusal | None:
        relay = self._seats[address].up().relay.statistics(self._clock.now_ms())
        retry_after_ms = self._limits.retry_after_ms
        if relay.backlog > self._limits.backlog_messages_max:
            return partial(Overloaded, f"{relay.backlog} messages of {address} wait for others", retry_after_ms)
        if relay.oldest_age_ms > self._limits.backlog_age_max_ms:
            waited = f"messages of {address} have waited {relay.oldest_age_ms} ms for others"
            return partial(Overloaded, waited, retry_after_ms)
        return None
