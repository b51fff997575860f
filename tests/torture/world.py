"""One shop in one directory, its lives and deaths, in a process and a time of our own.

The real composition over real SQLite files, but a journal that dies at a commit and a clock that moves by hand. A life
is a client's script, run from its first line; dead, the directory is opened again and the client does what clients do:
calls everything again with the same idempotency keys. The bank, and time, go on over all lives.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sagamore import Sagamore
from sagamore.actors.notifications.channel import Channel
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.actors.orders.inventory import InventoryActor
from sagamore.actors.orders.orders import OrdersActor
from sagamore.actors.orders.payment_effects import PaymentEffects
from sagamore.actors.orders.payments import PaymentsActor
from sagamore.actors.orders.settings import OrderSettings
from sagamore.engine.actor import Actor
from sagamore.engine.dead_letters import DEAD_LETTERS
from sagamore.engine.effect import Call, Outcome
from sagamore.engine.limits import Limits
from sagamore.engine.message import Message
from sagamore.engine.runtime.engine import Engine
from sagamore.engine.system_actor import SYSTEM
from sagamore.engine.testing import Fault, FaultyStore, ManualClock
from sagamore.engine.turn import Turn
from sagamore.listening import Listener
from sagamore.notifying import Notifying
from sagamore.storage.directory import Directory
from tests.torture.bank import Bank

HORIZON_MS = 10 * 86_400_000  # an undo is tried for three days
REST_MS = 10_000  # after the last line: acknowledgements, the last reports
INVENTORY_PARTITIONS = 2  # so that an order's lines live in two


class World:
    """`live` runs one life; `stop` ends the last one."""

    def __init__(
        self, path: Path, settings: OrderSettings, clock: ManualClock, bank: Bank, channels: Sequence[Channel] = (),
        notifications: NotificationSettings | None = None,
    ) -> None:  # fmt: skip
        self.path, self.settings, self.clock, self.bank = path, settings, clock, bank
        self.channels, self.notifications = channels, notifications or NotificationSettings()
        self.counts = {"orders": 1, "payments": 1, "inventory": INVENTORY_PARTITIONS, SYSTEM: 1, DEAD_LETTERS: 1}
        self.broken: set[type[Message]] = set()
        """Messages whose turns raise, since their handlers have a bug, until it is mended."""
        self.rows: set[str] = set()
        """Rows of the tables that were taken, `orders P1`, `payments Y1`."""
        self.lives = 0

    async def open(self, *faults: Fault) -> None:
        """Open the directory in a new life."""
        self.lives += 1
        self.bank.new_life()
        self._notifying = Notifying(self.path, self.channels, self.notifications)
        self._time_waits_for_pages()
        actors = (*self._actors(), *self._notifying.actors())
        counts = dict.fromkeys((actor.kind for actor in actors), 1) | self.counts
        self._directory = Directory.open(self.path, counts, now_ms=self.clock.now_ms())
        self.store = FaultyStore(self._directory, *faults, clock=self.clock)
        self.engine = Engine(
            self.store, actors, partition_counts=counts, clock=self.clock, limits=Limits(),
            providers=(PaymentEffects(self.bank), *self._notifying.providers()),
        )  # fmt: skip
        try:
            await self.engine.start()
        except BaseException:
            self._directory.close()
            raise
        self.shop = Sagamore(self.engine, self.path, Listener(self.engine, self.bank), self._notifying)

    def _time_waits_for_pages(self) -> None:
        """The reader of an audience's pages works on a thread: the manual clock has to know."""
        pages, reading = self._notifying.pages, set[Call]()
        read = pages.call

        async def call(asked: Call) -> Outcome:
            reading.add(asked)
            try:
                return await read(asked)
            finally:
                reading.discard(asked)

        pages.call = call  # type: ignore[method-assign,assignment]
        self.clock.wait_for(lambda: bool(reading))

    def _actors(self) -> Sequence[Actor[Any, Any]]:
        orders = OrdersActor(self.settings)
        take = orders._take

        def recorded(*arguments: object) -> object:
            taken = take(*arguments)  # type: ignore[arg-type]
            self.rows.add(f"orders {taken[0]}")
            return taken

        orders._take = recorded  # type: ignore[method-assign,assignment]
        actors: Sequence[Actor[Any, Any]] = orders, PaymentsActor(), InventoryActor()
        for actor in actors:
            actor.handle = partial(self._handle, actor.handle)  # type: ignore[method-assign]
        return actors

    def _handle(self, handle: Callable[..., Any], state: Any, message: Message, turn: Turn) -> Any:
        if type(message) in self.broken:
            raise RuntimeError(f"scripted: a bug in the handler of {type(message).__name__}")
        return handle(state, message, turn)

    async def live(self, life: Awaitable[object]) -> bool:
        """Let the script run to its end, and time pass as it needs; False if the process died of a fault. Raises what
        the script raises, TimeoutError if nothing is due and it still waits."""
        task = asyncio.ensure_future(life)
        died = self.store.faults.died
        try:
            await self.clock.advance_until(lambda: task.done() or died.is_set(), HORIZON_MS)
            if not died.is_set():
                await task
                await self.clock.advance(REST_MS)
            return not died.is_set()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def kill(self) -> None:
        """What is not on disk is gone."""
        faults = self.store.faults
        faults.died.set()
        for address, what in list(faults.held):
            faults.release(address, what)
        await self.engine.abandon()
        await self._close()

    async def stop(self) -> None:
        """A clean end."""
        await self.engine.stop()
        await self._close()

    async def _close(self) -> None:
        await self.shop.files.close()
        await self._notifying.close()
        self._directory.close()
