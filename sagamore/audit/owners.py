"""Who owns an order that is not at rest: everything on disk that will move it on, in whichever file."""

from collections.abc import AsyncIterator
from functools import partial

import msgspec

from sagamore.audit.law import Check
from sagamore.audit.messages import taken_numbers
from sagamore.audit.pages import Pages, outbox, paged
from sagamore.engine.dead_letters import DEAD_LETTERS, DeadLetter
from sagamore.engine.effect import EffectRow
from sagamore.engine.message import Codec

_decode = Codec((DeadLetter,)).decode
PREFIX = "ord_"


async def owners(pages: Pages, readable: Check) -> AsyncIterator[tuple[str, str]]:
    """(order id, owner), in no order. Read in the order in which work moves, so that beside a running owner little is
    missed: messages; retries, effects and timers; dead letters (one that cannot be read is told) and alerts."""
    async for owner in _messages(pages):
        yield owner
    for reader in pages.readers.values():
        async for retry in paged(reader.retries, (-1, ""), lambda row: (row.due_ms, row.id)):
            yield retry.envelope.correlation, "retry"
        for state in ("pending", "parked"):
            async for effect in paged(partial(reader.effects, state), ("", -1, -1, ""), _place_of_effect):
                yield effect.entity, f"effect {effect.id}"
        async for entity, name in paged(reader.timers_after, ("", ""), lambda row: row):
            yield entity, f"timer {name}"
    for reader in pages.of(DEAD_LETTERS):
        waiting = partial(reader.entities, "status", "WAITING")
        async for letter in paged(waiting, None, lambda row: row.key):
            try:
                order_id = _decode(letter.state).correlation
            except (ValueError, msgspec.MsgspecError) as error:
                readable.breach(f"{letter.key}: {error}")
                continue
            yield order_id, "dead letter"
    for reader in pages.readers.values():
        async for alert in paged(reader.alerts, ("", ""), lambda row: (row.name, row.subject)):
            yield alert.subject, f"alert {alert.name}"


async def _messages(pages: Pages) -> AsyncIterator[tuple[str, str]]:
    """Those that no receiver has taken yet."""
    taken = await taken_numbers(pages)
    for address, reader in pages.readers.items():
        async for parcel in outbox(reader):
            last = taken.get((address, parcel.receiver, parcel.lane), 0)
            for envelope in parcel.envelopes:
                if envelope.seq > last:
                    yield envelope.correlation, "message"


def _place_of_effect(row: EffectRow) -> tuple[str, int, int, str]:
    return row.provider, row.lane, row.due_ms, row.id
