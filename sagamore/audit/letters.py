"""The law of letters: a DEAD delivery can be told again, and no other has a letter.

A delivery dies in one commit with the message that would start it again, Redeliver. That is on its way to the dead
letters then, waits in one of them, and is on its way back once a person has replayed or discarded the letter; the
commit that takes it has the delivery leave DEAD, or be discarded. So it is always somewhere while the delivery is DEAD.
What dies after its notification was erased has nothing to be told with, and no letter. A letter from before an erasure
stays, and may outlive the notification, which is forgotten in time.
"""

from collections.abc import AsyncIterator

import msgspec

from sagamore.actors.notifications.messages import Redeliver
from sagamore.actors.notifications.notification import Notification, delivery_id, notification_of
from sagamore.audit.law import Check
from sagamore.audit.pages import Pages
from sagamore.audit.scratch import Scratch
from sagamore.audit.unhandled import Unhandled
from sagamore.engine.message import Codec

_redeliver, _notification = Codec((Redeliver,)).decode, Codec((Notification,)).decode


async def keep_letter(scratch: Scratch, message: Unhandled, check: Check) -> None:
    """Set it aside if it would start a dead delivery again."""
    if message.type != Redeliver.__tag__:
        return
    try:
        delivery = _redeliver(message.body).delivery
        notification_of(delivery)
    except (ValueError, msgspec.MsgspecError):
        return  # it starts nothing
    check.count("waiting", int(bool(message.letter)))
    await scratch.add("letter", (delivery, message.letter))


async def keep_dead(scratch: Scratch, notification: Notification, check: Check) -> None:
    """Set aside each of its deliveries that may have a letter, and whether it must."""
    erased = not notification.data and not any(delivery.address for delivery in notification.deliveries)
    for delivery in notification.deliveries:
        if delivery.status == "DEAD" and not delivery.discarded:
            check.count("dead", int(not erased))
            mark = f"{delivery.attempts} {delivery.round}"
            await scratch.add("dead", (delivery_id(notification.id, delivery.n), int(not erased), mark))


async def wrong_letters(pages: Pages, scratch: Scratch) -> AsyncIterator[tuple[str, str]]:
    """What is wrong, and the state in which it is; when all is set aside."""
    for table in ("dead", "letter"):
        await scratch.flush(table)
    sql = "SELECT id, mark FROM dead WHERE needs_letter AND id NOT IN (SELECT id FROM letter)"
    async for delivery, mark in scratch.rows("dead", sql):
        yield f"{delivery} is DEAD, and has no dead letter", mark
    sql = "SELECT id, letter FROM letter WHERE letter <> '' AND id NOT IN (SELECT id FROM dead)"
    async for delivery, letter in scratch.rows("letter", sql):
        status = await _status(pages, delivery)
        if status not in ("", "DEAD"):
            yield f"the dead letter {letter} waits, and its delivery {delivery} is {status}", status


async def _status(pages: Pages, delivery: str) -> str:
    """As it is by now; empty if its notification is not there, or cannot be read, which was told in passing."""
    notification_id, n = notification_of(delivery)
    for reader in pages.of("notifications"):
        state = await reader.state(notification_id)
        try:
            known = None if state is None else _notification(state)
        except (ValueError, msgspec.MsgspecError):
            continue
        if known is not None:
            found = known.delivery(n)
            return "not there" if found is None else "discarded" if found.discarded else found.status
    return ""
