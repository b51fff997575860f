"""Who owns an order that is not at rest: everything on disk that will move it on, in whichever file."""

from collections.abc import AsyncIterator

from sagamore.audit.messages import taken_numbers
from sagamore.audit.pages import Pages, outbox, paged
from sagamore.engine.dead_letters import DEAD_LETTERS, DeadLetter
from sagamore.engine.message import Codec
from sagamore.storage.reader import PAGE_ROWS_MAX

_decode = Codec((DeadLetter,)).decode
PREFIX = "ord_"


async def owners(pages: Pages) -> AsyncIterator[tuple[str, str]]:
    """(order id, owner), in no order. In the order in which work moves, so that beside a running owner little is
    missed: messages, retries, effects and timers, dead letters and alerts."""
    taken = await taken_numbers(pages)
    for address, reader in pages.readers.items():
        async for parcel in outbox(reader):
            last = taken.get((address, parcel.receiver, parcel.lane), 0)
            for envelope in parcel.envelopes:
                if envelope.seq > last:
                    yield envelope.correlation, "message"
    for reader in pages.readers.values():
        async for retry in paged(reader.retries, (-1, ""), lambda row: (row.due_ms, row.id)):
            yield retry.envelope.correlation, "retry"
        for state in ("pending", "parked"):
            after = ("", -1, "")
            while page := await reader.effects(state, after, PAGE_ROWS_MAX):
                for effect in page:
                    yield effect.entity, f"effect {effect.id}"
                after = (page[-1].provider, page[-1].due_ms, page[-1].id)
        async for entity, name in paged(reader.timers_after, ("", ""), lambda row: row):
            yield entity, f"timer {name}"
    for reader in pages.of(DEAD_LETTERS):
        before: str | None = None
        while letters := await reader.entities("status", "WAITING", before, PAGE_ROWS_MAX):
            for letter in letters:
                yield _decode(letter.state).correlation, "dead letter"
            before = letters[-1].key
    for reader in pages.readers.values():
        async for alert in paged(reader.alerts, ("", ""), lambda row: (row.name, row.subject)):
            yield alert.subject, f"alert {alert.name}"
