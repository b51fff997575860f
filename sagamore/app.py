"""The composition root: the one place that knows the concrete actors, the storage and the provider, and opens a shop.

async with Sagamore.open("shop/", payments=SimulatedPayments()) as shop:
    order = await shop.orders.place(user_id="ann", lines=[Line("MUG", 2, Money("12.50", "GBP"))], …)
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from sagamore.actors.notifications.audiences import AudiencesActor
from sagamore.actors.notifications.channel import Channel
from sagamore.actors.notifications.notifications import NotificationsActor
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

COME_AND_GO = frozenset({PaymentEventsActor.kind, NotificationsActor.kind, AudiencesActor.kind})
"""Kinds that are there if the payment provider has a list of events, or if there is a channel."""


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

        payments: what takes the money; without one, orders are accepted and their payments wait on disk
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
        counts = _partition_counts(path, composed, settings)
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


def _partition_counts(path: Path, actors: Sequence[Actor[Any, Any]], settings: Settings) -> dict[str, int]:
    """What the directory was made with, and for what is new in it what the settings say. Raises InvalidInput for a
    kind that neither this program nor the directory has, and for a directory whose actors or channels are not all
    here: an event is told to those who are there when it happens."""
    stored = read_manifest(path) if path.is_dir() else None
    known = {} if stored is None else dict(stored.partitions)
    kinds = (*(actor.kind for actor in actors), SYSTEM, DEAD_LETTERS)
    missed = [kind for kind in known if kind not in (*kinds, *settings.retired, *COME_AND_GO)]
    if missed:
        raise InvalidInput(
            "actors and channels", tuple(kind for kind in kinds if kind not in RESERVED),
            f"with {', '.join(missed)}, which this directory has: they would miss what happens now; what is gone for"
            " good is named in Settings(retired=…)",
        )  # fmt: skip
    wanted = settings.partitions
    for kind in wanted:
        if kind not in kinds and kind not in known:
            raise InvalidInput("partitions", kind, f"one of {', '.join(dict.fromkeys((*kinds, *known)))}")
    return {kind: wanted.get(kind, known.get(kind, 1)) for kind in kinds}
