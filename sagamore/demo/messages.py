"""The books of messages: what became of every delivery, held against what arrived on the customers' phones."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from sagamore.actors.notifications.notification import Notification, delivery_id
from sagamore.cli.reading import files_of
from sagamore.demo.accounts import OurAccount, read_states
from sagamore.engine.message import Codec

_decode = Codec((Notification,)).decode
ENDS = {"CONFIRMED": "ORDER_CONFIRMED", "CANCELLED": "ORDER_CANCELLED"}


class Messages(msgspec.Struct, frozen=True, rename="camel"):
    """`ended` counts all `deliveries` by their end; `arrived` those that did, once or more, and `copies` the further
    times. `uncertain` attempts lost their answer, or may have at the kill. `wrong`: each a line."""

    deliveries: int
    ended: dict[str, int]
    arrived: int
    copies: int
    uncertain: int
    wrong: tuple[str, ...]


async def read_notifications(directory: Path) -> list[Notification]:
    """All. Raises DirectoryError."""
    async with files_of(directory) as files:
        return [_decode(state) for state in await read_states(files.of("notifications"), "ntf_")]


async def all_told(directory: Path) -> bool:
    """Whether no notification and no message is on its way. Raises DirectoryError."""
    async with files_of(directory) as files:
        for reader in files.readers.values():
            counts = await reader.counts()
            if counts.outbox_messages or counts.effects_pending or counts.retries:
                return False
        return not any([await reader.entities("status", "ACTIVE", None, 1) for reader in files.of("notifications")])


def compare_messages(
    orders: dict[str, OurAccount], notifications: list[Notification], arrived: Counter[str]
) -> Messages:
    """All of it; nothing here believes a counter."""
    deliveries = {
        delivery_id(notification.id, delivery.n): delivery
        for notification in notifications
        for delivery in notification.deliveries
    }
    ended = Counter(delivery.status.lower() for delivery in deliveries.values() if delivery.ended)
    copies, uncertain = arrived.total() - len(arrived), sum(each.uncertain for each in deliveries.values())
    wrong = [f"{named} is {each.status}, no end" for named, each in deliveries.items() if not each.ended]
    wrong += [
        f"{named} is SENT and never arrived"
        for named, each in deliveries.items()
        if (each.channel, each.status) == ("sms", "SENT") and named not in arrived
    ]
    wrong += [f"{named} arrived and is in no book" for named in arrived.keys() - deliveries.keys()]
    wrong += _untold(orders, notifications)
    if copies > uncertain:
        wrong.append(f"{copies} copies arrived, of {uncertain} attempts without an answer")
    return Messages(len(deliveries), dict(ended), len(arrived), copies, uncertain, tuple(wrong))


def _untold(orders: dict[str, OurAccount], notifications: list[Notification]) -> Iterable[str]:
    told = Counter((each.order_id, each.event_type) for each in notifications)
    for order, account in orders.items():
        for event in ("ORDER_CREATED", ENDS.get(account.status, "an end")):
            if told[order, event] != 1:
                yield f"{order}: {event} was told {told[order, event]} times"
