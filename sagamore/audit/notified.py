"""The laws of notifications: nothing is under way that nobody moves, and users hold what is being sent to them.

A delivery that waits stands in its user's line, which the end of another or a timer calls, or a message moves it; one
that is being sent has a message to or from its channel, or the channel's effect. A user's places are held by the
deliveries being sent and those called. What is dead belongs to a law of its own, in `letters.py`.

Beside a running owner a delivery may be missed while it moves from one file to the next. So what looks like a breach is
looked for again: only what stands unchanged and is wrong in every look is wrong, everything else is in flight.
"""

from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any
from zlib import crc32

import msgspec

from sagamore.actors.notifications.allowance import Allowance, Waiting, allowance_key
from sagamore.actors.notifications.notification import Delivery, Notification, delivery_id
from sagamore.audit.law import Check
from sagamore.audit.letters import keep_dead, keep_letter, wrong_letters
from sagamore.audit.pages import AFTER_ALL, AuditReader, Pages, entities, paged
from sagamore.audit.scratch import Scratch
from sagamore.audit.unhandled import Unhandled, unhandled
from sagamore.audit.verdicts import Verdicts
from sagamore.engine.effect import EffectRow
from sagamore.engine.message import Codec

LOOKS_MAX = 3
LINE = "line:"
CALLED = ("notifications.call_next", "notifications.start_delivery")
"""Messages on behalf of which a place is held."""
MOVING = {
    "notifications.due": "notification_id", "notifications.join_line": "delivery",
    "notifications.start_delivery": "delivery", "notifications.deliver": "outgoing",
    "notifications.delivery_ended": "delivery", "engine.effect_outcome": "entity",
}  # fmt: skip
"""Messages that move a notification or delivery on, and the field that names it."""
_states = {
    "ntf_": Codec((Notification,)).decode, allowance_key(""): Codec((Allowance,)).decode,
    LINE: Codec((Waiting,)).decode,
}  # fmt: skip

Suspects = Mapping[tuple[str, str], str]
"""(law, what is wrong) to the state in which it is."""


async def judge_notifications(pages: Pages, verdicts: Verdicts) -> None:
    """Judge every notification, every user's places and the letters of what is dead."""
    suspects = dict(await _look(pages, verdicts, verdicts.readable))
    looks = 1
    while suspects and looks < LOOKS_MAX and not await pages.still():
        looks += 1
        again = await _look(pages, Verdicts(), Check("", ""))
        for suspect in [each for each, state in suspects.items() if again.get(each) != state]:
            getattr(verdicts, suspect[0]).count("in_flight")
            del suspects[suspect]
    for law, text in suspects:
        getattr(verdicts, law).breach(text)


async def _look(pages: Pages, verdicts: Verdicts, readable: Check) -> Suspects:
    async with Scratch() as scratch:
        async for message in unhandled(pages):
            await _keep_message(scratch, message)
            await keep_letter(scratch, message, verdicts.letters)
        for reader in pages.readers.values():
            for state in ("pending", "parked"):
                async for effect in paged(partial(reader.effects, state), ("", -1, -1, ""), _place_of_effect):
                    await scratch.add("mover", (effect.entity,))
            async for entity, name in paged(reader.timers_after, ("", ""), lambda row: row):
                if name in ("due", "places"):
                    await scratch.add("mover", (entity,))
        for reader in pages.of("notifications"):
            async for waiting in _read(reader, LINE, readable):
                await scratch.add("mover", (waiting.delivery,))
            async for notification in _read(reader, "ntf_", readable):
                await _keep(scratch, notification, verdicts.notified)
                await keep_dead(scratch, notification, verdicts.letters)
            async for allowance in _read(reader, allowance_key(""), readable):
                verdicts.places.count("held", allowance.held)
                await _keep_place(scratch, allowance.user_id, -allowance.held, str(allowance.places))
                if allowance.line and not allowance.held:
                    await scratch.add("unended", (allowance_key(allowance.user_id), f"a line of {allowance.line}"))
        return await _suspects(pages, scratch)


async def _suspects(pages: Pages, scratch: Scratch) -> Suspects:
    found: dict[tuple[str, str], str] = {}
    await scratch.flush("mover")
    sql = "SELECT id, status FROM unended WHERE id NOT IN (SELECT id FROM mover)"
    async for moved, status in scratch.rows("unended", sql):
        found["notified", f"{moved} is {status}, and nothing will move it on"] = status
    sql = "SELECT user_id, sum(n), sum(mark) FROM place GROUP BY user_id HAVING sum(n) <> 0"
    async for user_id, difference, marks in scratch.rows("place", sql):
        more = "more are being sent or called than" if difference > 0 else "fewer are being sent or called than"
        found["places", f"{user_id}: {abs(difference)} {more} hold a place"] = str(marks)
    async for text, state in wrong_letters(pages, scratch):
        found["letters", text] = state
    return found


async def _keep(scratch: Scratch, notification: Notification, check: Check) -> None:
    """Count it, and set aside what must be moved on."""
    check.count("notifications")
    check.count("deliveries", len(notification.deliveries))
    for delivery in notification.deliveries:
        check.count(delivery.status.lower() if delivery.ended else "under_way")
        check.count("uncertain", delivery.uncertain)
    unended = [delivery for delivery in notification.deliveries if not delivery.ended]
    if notification.status == "SCHEDULED":
        await scratch.add("unended", (notification.id, notification.status))
    elif (notification.status == "DONE") == bool(unended):
        check.breach(f"{notification.id} is {notification.status} with {_told(notification.deliveries)}")
    for delivery in unended:
        named = delivery_id(notification.id, delivery.n)
        await scratch.add("unended", (named, delivery.status))
        await _keep_place(scratch, notification.user_id, int(delivery.status == "SENDING"), named)


async def _keep_place(scratch: Scratch, user_id: str, n: int, what: str) -> None:
    """So many places are needed, or held if below zero. The marks of all add up to the user's state: ids and the
    numbers of a line never come again."""
    await scratch.add("place", (user_id, n, crc32(f"{n} {what}".encode())))


async def _keep_message(scratch: Scratch, message: Unhandled) -> None:
    field = MOVING.get(message.type)
    if field is None and message.type not in CALLED:
        return
    fields = msgspec.json.decode(message.body)
    if field is not None:
        named = fields[field]
        await scratch.add("mover", (named["delivery"] if field == "outgoing" else named,))
    if message.type in CALLED:
        await _keep_place(scratch, fields["user_id"], 1, message.type)


async def _read(reader: AuditReader, prefix: str, readable: Check) -> AsyncIterator[Any]:
    async for row in entities(reader, prefix, AFTER_ALL):
        readable.count("states")
        try:
            state = _states[prefix](row.state)
        except (ValueError, msgspec.MsgspecError) as error:
            readable.breach(f"{row.key}: {error}")
            continue
        yield state


def _told(deliveries: tuple[Delivery, ...]) -> str:
    return ", ".join(f"{each.channel} {each.status}" for each in deliveries) or "no delivery"


def _place_of_effect(row: EffectRow) -> tuple[str, int, int, str]:
    return row.provider, row.lane, row.due_ms, row.id
