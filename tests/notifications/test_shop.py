"""Notifications of a real shop: real files, real engine, channels in the process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sagamore import Line, Money, Sagamore, Settings, SimulatedPayments
from sagamore.actors.notifications.allowance import UserLimit
from sagamore.actors.notifications.channel import Channel, Outgoing, permanent, sent
from sagamore.actors.notifications.door import Event
from sagamore.actors.notifications.errors import UnknownUser
from sagamore.actors.notifications.event_type import Category, EventType
from sagamore.actors.notifications.inbox import Inbox
from sagamore.actors.notifications.notification import Notification
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.engine.effect import Call, Capabilities, NotReached, Outcome, Unknown
from sagamore.engine.message import Record
from tests.test_bad_input import rows

SOON = timedelta(seconds=20)


class Note(Record, tag="NOTE", version=1):
    """What is told."""

    text: str = ""


class Chat(Channel, name="chat"):
    """Logs what arrives; holds it as long as `open` is not set."""

    capabilities = Capabilities(takes_key=True, in_flight_max=4)

    def __init__(self, answer: Callable[[Outgoing], Outcome] = lambda _: sent("p")) -> None:
        self.arrived: list[Outgoing] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._answer = answer

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """Hold, log, answer."""
        await self.gate.wait()
        self.arrived.append(outgoing)
        return self._answer(outgoing)


class Pager(Chat, name="pager"):
    """Another one."""


class Once(Chat, name="once"):
    """Takes no key."""

    capabilities = Capabilities(takes_key=False)


OpenShop = Callable[..., AbstractAsyncContextManager[Sagamore]]


@pytest.fixture
def opened(tmp_path: Path) -> OpenShop:
    """Opens the shop of this test, whenever it is called."""
    templates = tmp_path / "templates" / "NOTE" / "en"
    templates.mkdir(parents=True)
    (templates / "inbox.title.txt").write_text("{{ text }}")

    @asynccontextmanager
    async def opening(
        *channels: Channel, limit: UserLimit | None = None, partitions: int = 1, **category: Any
    ) -> AsyncIterator[Sagamore]:
        settings = NotificationSettings(
            event_types=(EventType(Note, "notes", ("chat",)),), categories=(Category(name="notes", **category),),
            templates=(tmp_path / "templates",), user_limit=limit or UserLimit(),
        )  # fmt: skip
        counts = {"notifications": partitions, "audiences": partitions}
        async with Sagamore.open(
            tmp_path / "shop", Settings(notifications=settings, partitions=counts), channels=channels,
            payments=SimulatedPayments(),
        ) as shop:  # fmt: skip
            yield shop

    return opening


def note(user_id: str = "ann", text: str = "", *channels: str, **more: Any) -> Event:
    return Event(event_type="NOTE", user_id=user_id, channels=channels, data={"text": text}, **more)


async def until(done: Callable[[], Awaitable[bool] | bool]) -> None:
    """Let the shop work. Raises TimeoutError."""
    async with asyncio.timeout(20):
        for _ in count():
            told = done()
            if told if isinstance(told, bool) else await told:
                return
            await asyncio.sleep(0.005)


async def told_all(shop: Sagamore, broadcast_id: str) -> None:
    """Until a broadcast is over."""

    async def is_done() -> bool:
        return (await shop.notifications.get_broadcast(broadcast_id)).status == "DONE"

    await until(is_done)


async def listed(shop: Sagamore, least: int) -> tuple[Notification, ...]:
    """Ann's notifications, once there are so many."""

    async def are_there() -> bool:
        return len((await shop.notifications.list(user_id="ann")).items) >= least

    await until(are_there)
    return (await shop.notifications.list(user_id="ann")).items


async def test_an_event_is_sent_and_its_story_tells_all_of_it(opened: OpenShop) -> None:
    async with opened(chat := Chat(), Inbox()) as shop:
        await shop.users.set("ann", addresses=[("chat", "#ann")])
        published = await shop.notifications.publish(note("ann", "hello", "chat", "inbox"))
        done = await shop.notifications.wait(published.id, timeout=SOON)
        assert [(d.channel, d.status, d.address) for d in done.deliveries] == [
            ("chat", "SENT", "#ann"), ("inbox", "SENT", "ann"),
        ]  # fmt: skip
        assert (chat.arrived[0].address, chat.arrived[0].delivery) == ("#ann", f"dlv_{done.id[4:]}_1")
        told = [line.message async for line in shop.notifications.story(done.id)]
        assert told.count("notifications.notify") == 1
        assert told.count("notifications.delivery_ended") == 2
        assert "engine.effect_outcome" in told
        (item,) = (await shop.inbox.list("ann")).items
        assert (item.title, (await shop.inbox.feed("ann")).unread) == ("hello", 1)
        assert (await shop.notifications.list(user_id="ann")).items == (done,)
        assert shop.statistics().engine.tasks > 0


async def test_asked_again_under_one_key_the_first_is_the_answer(opened: OpenShop) -> None:
    async with opened(chat := Chat()) as shop:
        await shop.users.set("ann", addresses=[("chat", "#ann")])
        first = await shop.notifications.publish(note(), idempotency_key="k")
        done = await shop.notifications.wait(first.id, timeout=SOON)
        assert await shop.notifications.publish(note(), idempotency_key="k") == done
        assert len(chat.arrived) == 1


async def test_what_was_being_sent_when_the_shop_stopped_is_sent_by_the_next_one(opened: OpenShop) -> None:
    async with opened(down := Chat(lambda _: NotReached("down"))) as shop:
        await shop.users.set("ann", addresses=[("chat", "#ann")])
        published = [await shop.notifications.publish(note(text=str(n))) for n in range(50)]
        await until(lambda: len(down.arrived) > 0)
    async with opened(chat := Chat()) as shop:
        for each in published:
            done = await shop.notifications.wait(each.id, timeout=SOON)
            assert [delivery.status for delivery in done.deliveries] == ["SENT"]
    assert sorted(each.delivery for each in chat.arrived) == sorted(f"dlv_{each.id[4:]}_1" for each in published)


async def test_orders_tell_their_users_by_themselves_and_their_story_leads_on_to_it(opened: OpenShop) -> None:
    async with opened(Chat(), Inbox()) as shop:
        await shop.users.set("ann", addresses=[("chat", "#ann")])
        await shop.inventory.receive("MUG", 10, reason="first")
        line = Line("MUG", 2, Money("12.50", "GBP"))
        order = await shop.orders.place(user_id="ann", lines=[line], payment_method="pm_card")
        await shop.orders.wait(order.id, settled=True, timeout=SOON)
        found = await listed(shop, 2)
        assert {each.event_type for each in found} == {"ORDER_CREATED", "ORDER_CONFIRMED"}
        assert {each.order_id for each in found} == {order.id}
        for each in found:
            done = await shop.notifications.wait(each.id, timeout=SOON)
            assert next(d.status for d in done.deliveries if d.channel == "chat") == "SENT"
        told = [line.message async for line in shop.orders.story(order.id)]
        assert "orders.place" in told
        assert told.count("notifications.delivery_ended") >= 2


async def test_who_floods_delays_nobody_else(opened: OpenShop) -> None:
    async with opened(chat := Chat()) as shop:
        for user_id in ("ann", "bob"):
            await shop.users.set(user_id, addresses=[("chat", f"#{user_id}")])
        chat.gate.clear()
        await asyncio.gather(*(shop.notifications.publish(note("ann")) for _ in range(500)))
        await shop.notifications.publish(note("bob"))
        chat.gate.set()
        await until(lambda: len(chat.arrived) == 501)
        assert [each.user_id for each in chat.arrived].index("bob") < 150


async def test_what_is_sent_to_one_comes_before_what_is_sent_to_all(opened: OpenShop) -> None:
    async with opened(chat := Chat(), partitions=2) as shop:
        users = [f"u{n:03}" for n in range(300)]
        for user_id in users:
            await shop.users.set(user_id, addresses=[("chat", "#u")])
        await shop.audiences.subscribe("news", users)
        chat.gate.clear()
        broadcast = await shop.notifications.broadcast("news", note(""))
        await told_all(shop, broadcast.id)
        await shop.notifications.publish(note("u007", "urgent"))
        chat.gate.set()
        await until(lambda: len(chat.arrived) == 301)
        assert ["urgent" in each.data for each in chat.arrived].index(True) < 100
        assert {each.user_id for each in chat.arrived} == set(users)


async def test_a_broadcast_over_several_pages_and_a_restart_tells_everybody_once(opened: OpenShop) -> None:
    users = [f"u{n:04}" for n in range(1_100)]
    async with opened(chat := Chat(), partitions=3) as shop:
        await shop.audiences.subscribe("news", users)
        for user_id in users:
            await shop.users.set(user_id, addresses=[("chat", "#u")])
        broadcast = await shop.notifications.broadcast("news", note(""))
    async with opened(again := Chat(), partitions=3) as shop:
        await told_all(shop, broadcast.id)
        found = await shop.notifications.get_broadcast(broadcast.id)
        assert (found.users, found.pages) == (1_100, 3)
        await until(lambda: {each.user_id for each in (*chat.arrived, *again.arrived)} == set(users))
        told = (await shop.notifications.list(user_id="u0000")).items
        assert len(told) == 1


async def test_notifications_are_listed_and_erased_while_their_user_has_places_taken(opened: OpenShop) -> None:
    limit = UserLimit(sends_max=1)
    async with opened(Chat(), limit=limit) as shop:
        await shop.users.set("ann", addresses=[("chat", "#ann")])
        first = await shop.notifications.publish(note())
        await shop.notifications.wait(first.id, timeout=SOON)
        second = await shop.notifications.publish(note())
        assert {each.id for each in (await shop.notifications.list(user_id="ann")).items} == {first.id, second.id}
        await shop.users.erase("ann")
        assert (await shop.notifications.get(second.id)).deliveries[0].status == "CANCELLED"


async def test_a_channel_that_hangs_leaves_another_alone(opened: OpenShop) -> None:
    async with opened(chat := Chat(), pager := Pager()) as shop:
        chat.gate.clear()
        for n in range(40):
            await shop.users.set(f"u{n}", addresses=[("chat", "#a"), ("pager", "1")])
        for n in range(40):
            await shop.notifications.publish(note(f"u{n}", "", "chat", "pager"))
        await until(lambda: len(pager.arrived) == 40)
        assert chat.arrived == []
        chat.gate.set()
        await until(lambda: len(chat.arrived) == 40)


async def test_a_user_s_limit_holds_across_a_restart(opened: OpenShop) -> None:
    limit = UserLimit(sends_max=2, window_ms=3_600_000)
    async with opened(chat := Chat(), limit=limit) as shop:
        await shop.users.set("ann", addresses=[("chat", "#ann")])
        for _ in range(2):
            published = await shop.notifications.publish(note())
            await shop.notifications.wait(published.id, timeout=SOON)
    async with opened(again := Chat(), limit=limit) as shop:
        third = await shop.notifications.publish(note())
        assert [(d.status, d.reason) for d in third.deliveries] == [("WAITING", "the user's limit")]
        cancelled = await shop.notifications.cancel(third.id)
        assert cancelled.status == "DONE"
    assert (len(chat.arrived), len(again.arrived)) == (2, 0)


@pytest.mark.parametrize(("duplicates", "status"), [("never", "DEAD"), ("counted", "SENT")])
async def test_an_unknown_answer_is_an_end_or_a_counted_copy_as_the_category_says(
    opened: OpenShop, duplicates: str, status: str
) -> None:
    answers = [Unknown("timeout")]
    channel = Once(lambda _: answers.pop() if answers else sent())
    async with opened(channel, duplicates=duplicates) as shop:
        await shop.users.set("ann", addresses=[("once", "1")])
        published = await shop.notifications.publish(note("ann", "", "once"))
        (delivery,) = (await shop.notifications.wait(published.id, timeout=SOON)).deliveries
        assert (delivery.status, delivery.uncertain) == (status, 1)
        assert len(channel.arrived) == delivery.attempts == (1 if duplicates == "never" else 2)


async def test_a_dead_letter_is_replayed_and_a_receipt_kills_the_address(opened: OpenShop) -> None:
    answers: list[Outcome] = [permanent("550", "no")]
    async with opened(chat := Chat(lambda _: answers.pop() if answers else sent())) as shop:
        await shop.users.set("ann", addresses=[("chat", "#ann")])
        published = await shop.notifications.publish(note())
        dead = await shop.notifications.wait(published.id, timeout=SOON)
        assert dead.deliveries[0].status == "DEAD"

        async def is_buried() -> bool:
            return len((await shop.dead_letters.list()).items) == 1

        await until(is_buried)
        (letter,) = (await shop.dead_letters.list()).items
        await shop.dead_letters.replay(letter.id, by="eve")

        async def is_sent() -> bool:
            return (await shop.notifications.get(published.id)).deliveries[0].status == "SENT"

        await until(is_sent)
        assert len(chat.arrived) == 2
        await shop.notifications.receipt(chat.arrived[0].delivery, "bounced", datetime.now(UTC))
        again = await shop.notifications.publish(note())
        assert [(d.status, d.reason) for d in again.deliveries] == [("SUPPRESSED", "the address bounced")]


async def test_after_an_erasure_no_file_has_anything_personal(opened: OpenShop) -> None:
    def refuse(outgoing: Outgoing) -> Outcome:
        if len(pager.arrived) == 1:
            raise LookupError(f"nobody answers at {outgoing.address}")
        return permanent("550", f"there is no {outgoing.address.upper()}")

    async with opened(chat := Chat(), pager := Pager(refuse), Inbox()) as shop:
        await shop.users.set("ann", addresses=[("chat", "#ann-secret"), ("pager", "555-secret")], zone="Europe/Berlin")
        await shop.users.prefer("ann", "notes", "*", allowed=True)
        later = datetime.now(UTC) + timedelta(days=1)
        ids = [
            (await shop.notifications.publish(event, idempotency_key=f"k{n}")).id
            for n, event in enumerate(
                (
                    note("ann", "body-secret", "chat", "inbox"),
                    note("ann", "body-secret", "pager"),
                    note("ann", "body-secret", "chat", send_at=later),
                )
            )
        ]
        for each in ids[:2]:
            await shop.notifications.wait(each, timeout=SOON)
        await shop.users.erase("ann")
        with pytest.raises(UnknownUser):
            await shop.notifications.publish(note("ann"))
        assert (await shop.inbox.list("ann")).items == ()
        assert (await shop.notifications.get(ids[2])).status == "DONE"
        repeated = await shop.notifications.publish(note("ann", "body-secret", "chat", "inbox"), idempotency_key="k0")
        assert repeated.id == ids[0]
    assert (len(chat.arrived), len(pager.arrived)) == (1, 2)
    found = [
        f"{file}: {row[:300]}" for file, held in rows(shop.path).items() for row in held if "secret" in row.lower()
    ]
    assert found == []


async def test_a_dead_letter_has_every_attempt_of_its_delivery(opened: OpenShop) -> None:
    answers: list[Outcome] = [NotReached("no route"), Unknown("no answer"), permanent("550", "gone")]
    pager = Pager(lambda _: answers.pop(0))
    async with opened(pager) as shop:
        await shop.users.set("ann", addresses=[("pager", "555")])
        published = await shop.notifications.publish(note("ann", "hello", "pager"))
        done = await shop.notifications.wait(published.id, timeout=SOON)
        assert (done.deliveries[0].status, done.deliveries[0].attempts) == ("DEAD", 3)

        async def letters() -> list[str]:
            return [letter.attempts[0].error for letter in (await shop.dead_letters.list()).items]

        async def is_buried() -> bool:
            return bool(await letters())

        await until(is_buried)
        (told,) = await letters()
    assert f"pager of {published.id}: after 3 attempts: 550: gone; attempt 1: not reached after" in told
    assert "no route; attempt 2: unknown after" in told
    assert told.endswith("no answer")
