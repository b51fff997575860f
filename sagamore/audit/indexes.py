"""The laws of indexes: a list finds what is there, and nothing else.

Every index row is read together with its entity, so that it is judged at one moment; every entity's rows are looked up,
and where one is missing the entity is read again: it may have changed in between.
"""

from typing import Any

import msgspec

from sagamore.actors.notifications.audiences import AudiencesActor
from sagamore.actors.notifications.notifications import NotificationsActor
from sagamore.actors.orders.orders import OrdersActor
from sagamore.actors.orders.payments import PaymentsActor
from sagamore.audit.pages import AFTER_ALL, AuditReader, Pages, paged
from sagamore.audit.verdicts import Verdicts
from sagamore.engine.actor import Actor
from sagamore.engine.dead_letters import DeadLettersActor
from sagamore.engine.message import Codec
from sagamore.storage.reader import PAGE_ROWS_MAX, EntityRow

ACTORS: tuple[type[Actor[Any, Any]], ...] = (
    OrdersActor, PaymentsActor, NotificationsActor, AudiencesActor, DeadLettersActor,
)  # fmt: skip
IndexRow = tuple[str, str, str]


async def check_indexes(pages: Pages, verdicts: Verdicts) -> None:
    """All partitions of all actors of ours that declare fields."""
    for actor in ACTORS:
        codec = Codec(actor.state_types)
        for reader in pages.of(actor.kind):
            async for field, value, key, state in paged(reader.index_rows, ("", "", ""), lambda row: row[:3]):
                verdicts.indexes.count("rows")
                if state is None or (field, value, key) not in _expected(actor, codec, EntityRow(key, state)):
                    verdicts.indexes.breach(f"{actor.kind}: the index has {field} {value!r} for {key}, which is not so")
            await _look_up(actor, codec, reader, verdicts)


async def _look_up(actor: type[Actor[Any, Any]], codec: Codec, reader: AuditReader, verdicts: Verdicts) -> None:
    after = ""
    while page := await reader.entities_after(after, AFTER_ALL, PAGE_ROWS_MAX):
        expected = {index_row: row for row in page for index_row in _expected(actor, codec, row)}
        known = await reader.known_index_rows(list(expected))
        for missing in expected.keys() - known:
            if await reader.state(missing[2]) == expected[missing].state:
                verdicts.indexes.breach(f"{actor.kind}: {missing[2]} is not listed under {missing[0]} {missing[1]!r}")
            else:
                verdicts.indexes.count("in_flight")
        after = page[-1].key


def _expected(actor: type[Actor[Any, Any]], codec: Codec, row: EntityRow) -> set[IndexRow]:
    """The index rows that follow from a state; none from one that cannot be read, which another law tells."""
    try:
        state = codec.decode(row.state)
    except (ValueError, msgspec.MsgspecError):
        return set()
    values = ((field, getattr(state, field, None)) for field in actor.indexed)
    return {(field, str(value), row.key) for field, value in values if value not in (None, "")}
