"""The composition root: the one place that knows the concrete actors, the storage and the provider, and opens a shop.

async with Sagamore.open("shop/", payments=SimulatedPayments()) as shop:
    order = await shop.orders.place(user_id="ann", lines=[Line("MUG", 2, Money("12.50", "GBP"))], …)
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from sagamore.actors.notifications.channel import Channel
from sagamore.actors.notifications.desk import KIND
from sagamore.actors.orders.inventory import InventoryActor
from sagamore.actors.orders.orders import OrdersActor
from sagamore.actors.orders.payment_effects import PaymentEffects
from sagamore.actors.orders.payment_events import PaymentEventsActor
from sagamore.actors.orders.payment_provider import PaymentProvider
from sagamore.actors.orders.payments import PaymentsActor
from sagamore.actors.providers.absent import AbsentPayments
from sagamore.control import serving
from sagamore.engine.actor import Actor
from sagamore.engine.dead_letters import DEAD_LETTERS
from sagamore.engine.effect import Provider
from sagamore.engine.errors import InvalidInput
from sagamore.engine.ports import Clock
from sagamore.engine.runtime.clock import SystemClock
from sagamore.engine.runtime.engine import Engine
from sagamore.engine.runtime.inspection import Alert
from sagamore.engine.system_actor import SYSTEM
from sagamore.listening import Listener
from sagamore.notifying import RESERVED, Notifying
from sagamore.opening import check_opening, check_path
from sagamore.settings import Settings
from sagamore.shop import Shop
from sagamore.storage.directory import Directory
from sagamore.storage.manifest import read_manifest


class Sagamore(Shop):
    """A shop, and the way to open one."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: str | Path,
        settings: Settings | None = None,
        *,
        payments: PaymentProvider | None = None,
        channels: Sequence[Channel] = (),
        actors: Sequence[Actor[Any, Any]] = (),
        providers: Sequence[Provider] = (),
        on_alert: Callable[[Alert], None] | None = None,
        clock: Clock | None = None,
    ) -> "AsyncIterator[Sagamore]":
        """Own the directory (made if it is not there) until the block ends.

        payments: what takes the money; without one, payments wait on disk and orders that need one are refused
        channels: what users are told through; without one, nobody is told anything
        actors: the host's own; providers: what their effects call
        on_alert: called in the event loop whenever an alert is raised, again too; must not block
        While it is open, the command line reaches it through the directory's control socket.
        Raises DirectoryError, InvalidInput.
        """
        path = check_path(path)
        check_opening(settings, payments, channels, actors, providers, on_alert)
        settings, clock = settings or Settings(), clock or SystemClock()
        provider = AbsentPayments() if payments is None else payments
        orders = settings.orders if provider.capabilities.authorises else replace(settings.orders, capture="at_once")
        notifying = Notifying(path, channels, settings.notifications)
        events = (PaymentEventsActor(),) if provider.capabilities.events_every_ms else ()
        composed: tuple[Actor[Any, Any], ...] = (
            OrdersActor(orders), PaymentsActor(), InventoryActor(), *events, *notifying.actors(), *actors,
        )  # fmt: skip
        counts = _partition_counts(path, composed, settings.partitions)
        directory = Directory.open(path, counts, now_ms=clock.now_ms())
        notifying.open(clock)
        called = (PaymentEffects(provider), *notifying.providers(), *providers)
        try:
            engine = Engine(
                directory, composed, partition_counts=counts, providers=called,
                limits=settings.limits, clock=clock, breaker=settings.breaker, on_alert=on_alert,
            )  # fmt: skip
            await engine.start()
            try:
                listener = Listener(engine, provider)
                shop = cls(engine, directory.path, listener, notifying)
                try:
                    async with serving(shop), listener.listening():
                        yield shop
                finally:
                    await shop.files.close()
            finally:
                await engine.stop()
        finally:
            await provider.close()
            await notifying.close()
            directory.close()


def _partition_counts(path: Path, actors: Sequence[Actor[Any, Any]], wanted: Mapping[str, int]) -> dict[str, int]:
    """What the directory was made with, and for what is new in it what the settings say. Raises InvalidInput for a
    kind that neither this program nor the directory has, and for a directory that tells users if nobody would be."""
    stored = read_manifest(path) if path.is_dir() else None
    known = {} if stored is None else dict(stored.partitions)
    kinds = (*(actor.kind for actor in actors), SYSTEM, DEAD_LETTERS)
    if KIND in known and KIND not in kinds:
        has = ", ".join(kind for kind in known if kind not in (*kinds, *RESERVED))
        right = f"those of this directory ({has}), without which what happens now would be told to nobody"
        raise InvalidInput("channels", (), right)
    for kind in wanted:
        if kind not in kinds and kind not in known:
            raise InvalidInput("partitions", kind, f"one of {', '.join(dict.fromkeys((*kinds, *known)))}")
    return {kind: wanted.get(kind, known.get(kind, 1)) for kind in kinds}
