"""The load: publishers who tell one event after another under its own key until it is answered, in this life of the
shop or a later one, and cancel some. What they were told is in the clients' ledger:

    {"n": 3, "did": "begin", "at": …}                 fifty events, 150 to 199, are begun: their times count from here
    {"n": 162, "did": "place", "order": "ntf_…"}      accepted: from now on its deliveries must never be lost
    {"n": 162, "did": "cancelling"}                   so that a later life goes on with it
    {"n": 162, "did": "cancel", "gone": ["dlv_…"]}    these will not be sent
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sagamore import OutcomeUnknown, Overloaded, Sagamore, Unavailable
from sagamore.actors.notifications.door import Event
from sagamore.actors.notifications.errors import CannotCancel
from sagamore.actors.notifications.notification import Notification, delivery_id
from sagamore.engine.ports import Clock
from tests.torture.ledger import ClientLedger
from tests.torture.notifications.events import Told, audience, person, told

T = TypeVar("T")
AT_ONCE = 200
BLOCK = 50
PATIENCE = timedelta(seconds=3)  # so that what has been told and not sent yet stays some hundreds
AUDIENCE = "all"
SETTING_UP = 64


class Publishers:
    """`publish_all` ends when every event has been told, and cancelled where it is to be."""

    def __init__(
        self, shop: Sagamore, ledger: ClientLedger, seed: int, events: int, users: int, clock: Clock
    ) -> None:  # fmt: skip
        self._shop, self._ledger, self._seed = shop, ledger, seed
        self._users, self._clock = users, clock
        cancelling = {n for n, steps in ledger.steps.items() if "cancelling" in steps and "cancel" not in steps}
        self._todo = iter(n for n in range(events) if n not in ledger.placed or n in cancelling)

    async def set_up(self, quiet_until_ms: int) -> None:
        """The users, and an audience of some."""
        if -1 in self._ledger.begun:
            return
        numbers = iter(range(self._users))

        async def some() -> None:
            for n in numbers:
                user = person(self._seed, n)
                await self._shop.users.set(
                    user.id, addresses=user.addresses, zone=user.zone, quiet_hours=user.quiet_hours(quiet_until_ms),
                    preferences=dict.fromkeys(user.opted_out, False),
                )  # fmt: skip

        await asyncio.gather(*(some() for _ in range(SETTING_UP)))
        await self._shop.audiences.subscribe(AUDIENCE, audience(self._users))
        self._ledger.write(n=-1, did="begin")

    async def publish_all(self) -> None:
        """Many at once."""
        await asyncio.gather(*(self._publisher() for _ in range(AT_ONCE)))

    async def _publisher(self) -> None:
        for n in self._todo:
            if n // BLOCK not in self._ledger.begun:
                self._ledger.write(n=n // BLOCK, did="begin", at=self._clock.now_ms())
            try:
                await self._tell(n, told(self._seed, n, self._users))
            except Unavailable:
                raise  # the shop closes
            except Exception as error:
                self._ledger.write(breach=f"event {n}: {type(error).__name__}: {error}")

    async def _tell(self, n: int, what: Told) -> None:
        event, notifications = self._event(n, what), self._shop.notifications
        if not what.user:
            broadcast = await _persist(lambda: notifications.broadcast(AUDIENCE, event, idempotency_key=f"event {n}"))
            self._ledger.write(n=n, did="place", order=broadcast.id)
            return
        accepted = await _persist(lambda: notifications.publish(event, idempotency_key=f"event {n}"))
        self._ledger.write(n=n, did="place", order=accepted.id)
        if what.cancels:
            self._ledger.write(n=n, did="cancelling")
            await self._cancel(n, accepted.id)
        try:
            await notifications.wait(accepted.id, timeout=PATIENCE)
        except TimeoutError:
            pass  # it goes on by itself

    async def _cancel(self, n: int, notification_id: str) -> None:
        try:
            after = await _persist(lambda: self._shop.notifications.cancel(notification_id))
        except CannotCancel:
            after = await self._shop.notifications.get(notification_id)
        self._ledger.write(n=n, did="cancel", gone=_gone(after))

    def _event(self, n: int, what: Told) -> Event:
        begun_ms = self._ledger.begun[n // BLOCK]["at"]

        def at(after_ms: int) -> datetime | None:
            return datetime.fromtimestamp((begun_ms + after_ms) / 1_000, UTC) if after_ms else None

        return Event(
            event_type=what.type, user_id=what.user, channels=what.channels, data={"n": n}, dedupe_key=what.dedupe,
            send_at=at(what.send_in_ms), expires_at=at(what.expires_ms),
        )  # fmt: skip


def _gone(notification: Notification) -> list[str]:
    ended = (d for d in notification.deliveries if d.status in ("CANCELLED", "SUPPRESSED", "EXPIRED"))
    return [delivery_id(notification.id, delivery.n) for delivery in ended]


async def _persist(call: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await call()
        except Overloaded as error:
            await asyncio.sleep(error.retry_after_ms / 1_000)
        except OutcomeUnknown:
            await asyncio.sleep(0.05)
