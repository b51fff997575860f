"""What clients do with notifications, as scripts that can be run again from their first line in every life."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from msgspec.structs import replace

from sagamore.actors.notifications.allowance import UserLimit
from sagamore.actors.notifications.door import Event
from sagamore.actors.notifications.errors import CannotCancel
from sagamore.actors.notifications.notification import Notification, delivery_id
from sagamore.engine.testing import NOON_MS
from tests.torture.notifications.events import SETTINGS
from tests.torture.notifications.post import Post, PostChat, PostMail, PostText
from tests.torture.script import Script
from tests.torture.world import World

HOUR, HALF_A_MINUTE = timedelta(hours=1), timedelta(seconds=30)
NOON = datetime.fromtimestamp(NOON_MS / 1_000, UTC)
AUDIENCE_USERS = 1_200  # three pages
LIMIT = UserLimit(sends_max=2, window_ms=60_000, under_way_max=1)
LIMITED = replace(SETTINGS, rates={}, user_limit=LIMIT)
FREE = replace(SETTINGS, rates={}, user_limit=UserLimit(), order_channels=("mail", "chat"))


class Teller(Script):
    """One life of a client; `name` is the client's own name of a notification."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        posts = {channel.name: channel for channel in world.channels if isinstance(channel, Post)}
        self.chat, self.text, self.mail = posts["chat"], posts["text"], posts["mail"]

    async def user(self, user_id: str, *, quiet: tuple[time, time] | None = None, **addresses: str) -> None:
        """A user with these addresses; an address says what comes of it."""
        await self.shop.users.set(user_id, addresses=list(addresses.items()), quiet_hours=quiet)

    async def tell(self, name: str, kind: str, *channels: str, user: str = "ann", **more: Any) -> None:
        """Publish."""
        event = Event(event_type=kind, user_id=user, channels=channels, data={"n": 1}, **more)
        self.ids[name] = (await self.shop.notifications.publish(event, idempotency_key=name)).id

    async def cancel_told(self, name: str) -> None:
        """Cancel a notification."""
        try:
            await self.shop.notifications.cancel(self.ids[name])
        except CannotCancel:
            pass  # in an earlier life

    async def done(self, name: str = "a") -> Notification:
        """Wait for its end."""
        return await self.shop.notifications.wait(self.ids[name])


Life = Callable[[Teller], Awaitable[None]]
TELLINGS: dict[str, tuple[Life, Any]] = {}
"""Life and settings, by name."""


def telling(settings: Any = FREE) -> Callable[[Life], Life]:
    """Register a script under its function's name."""

    def register(life: Life) -> Life:
        TELLINGS[life.__name__] = life, settings
        return life

    return register


def posts(world_clock: Any) -> tuple[Post, ...]:
    """The receivers of one run."""
    return PostChat(world_clock), PostText(world_clock), PostMail(world_clock)


@telling()
async def sent_at_once(t: Teller) -> None:
    await t.user("ann", chat="ok", mail="ok", text="ok")
    await t.tell("a", "PING", "chat", "mail", "text")
    await t.done()


@telling()
async def sent_after_retries(t: Teller) -> None:
    await t.user("ann", chat="error throttled lost ok", mail="lost unreached error ok")
    await t.tell("a", "ALARM", "chat", "mail")
    await t.done()


@telling()
async def dead_then_replayed(t: Teller) -> None:
    if t.first_life:
        t.mail.down = True
    await t.user("ann", mail="ok")
    await t.tell("a", "ALARM", "mail")
    await t.done()
    t.mail.down = False
    await _replay(t)


@telling()
async def refused_then_replayed(t: Teller) -> None:
    await t.user("ann", mail="refused ok")
    await t.tell("a", "ALARM", "mail")
    await t.done()
    await _replay(t)


@telling()
async def another_channel_instead(t: Teller) -> None:
    await t.user("ann", chat="refused", text="ok")
    await t.tell("a", "PING", "chat")
    await t.user("bob", text="ok")
    await t.tell("b", "PING", "chat", user="bob")
    await t.done("a")
    await t.done("b")


@telling()
async def told_after_quiet_hours(t: Teller) -> None:
    await t.user("ann", chat="ok", mail="ok", quiet=(time(11), time(14)))
    await t.tell("a", "PING", "chat", "mail")
    await t.tell("b", "ALARM", "mail")
    await t.done("a")
    await t.done("b")


@telling()
async def scheduled_then_cancelled(t: Teller) -> None:
    await t.user("ann", chat="ok", mail="ok")
    await t.tell("a", "ALARM", "chat", "mail", send_at=NOON + HOUR)
    await t.tell("b", "ALARM", "mail", send_at=NOON + HOUR)
    await t.cancel_told("a")
    await t.done("a")
    await t.done("b")


@telling()
async def too_late(t: Teller) -> None:
    await t.user("ann", chat="unreached", mail="unreached")
    await t.tell("a", "ALARM", "chat", "mail", expires_at=NOON + HALF_A_MINUTE)
    await t.done()


@telling()
async def a_broadcast(t: Teller) -> None:
    users = [f"u{n:04}" for n in range(AUDIENCE_USERS)]
    for n in range(0, AUDIENCE_USERS, 100):
        await t.user(users[n], mail="ok", text="lost ok")
    await t.shop.audiences.subscribe("all", users)
    event = Event(event_type="OFFER", user_id="", channels=("mail", "text"), data={"n": 1})
    broadcast_id = (await t.shop.notifications.broadcast("all", event, idempotency_key="a")).id
    with t.world.engine.watch("audiences", broadcast_id) as watcher:
        broadcast = await t.shop.notifications.get_broadcast(broadcast_id)
        while broadcast.status == "RUNNING":
            broadcast = await watcher.next()  # type: ignore[assignment]
    assert (broadcast.status, broadcast.users, broadcast.pages) == ("DONE", AUDIENCE_USERS, 3), broadcast


@telling(LIMITED)
async def more_than_a_user_may_get(t: Teller) -> None:
    await t.user("ann", chat="ok", mail="lost ok")
    for n in range(4):
        await t.tell(f"{n}", "ALARM", "chat", "mail")
    await t.tell("late", "ALARM", "mail", expires_at=NOON + HALF_A_MINUTE)
    for name in tuple(t.ids):
        await t.done(name)


@telling(LIMITED)
async def cancelled_in_the_line(t: Teller) -> None:
    await t.user("ann", mail="ok")
    for name in "abcd":
        await t.tell(name, "ALARM", "mail")
    await t.cancel_told("c")
    for name in "abcd":
        await t.done(name)


@telling()
async def rather_none_than_two(t: Teller) -> None:
    await t.user("ann", chat="lost ok")
    await t.tell("a", "CODE", "chat")
    await t.done()


@telling()
async def silent_then_told_another_way(t: Teller) -> None:
    await t.user("ann", mail="ok", text="ok")
    await t.tell("a", "PARCEL", "mail")
    await t.tell("b", "PARCEL", "mail")
    sent = await t.done("b")
    await t.shop.notifications.receipt(delivery_id(sent.id, 1), "delivered", NOON)
    await t.done("a")


@telling()
async def orders_tell_by_themselves(t: Teller) -> None:
    await t.user("ann", mail="ok", chat="ok")
    await t.stock_up()
    await t.place()
    await t.reach("CONFIRMED")
    await t.cancel()
    await t.end()


async def _replay(t: Teller) -> None:
    """Until the mail is sent."""
    while (after := await t.done()).deliveries[0].status == "DEAD":
        for letter in await t.letters():
            await t.shop.dead_letters.replay(letter.id, by="oli")
        await asyncio.sleep(0)
    assert after.deliveries[0].status == "SENT"
