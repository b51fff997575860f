"""What no actor has handled yet: messages on their way, in a retry, or in a dead letter that waits.

Read in the order in which they move, so that beside a running owner little is missed. A message that is on its way to
the dead letters counts like one that has arrived there.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import NamedTuple

import msgspec

from sagamore.audit.messages import taken_numbers
from sagamore.audit.pages import Pages, outbox, paged
from sagamore.engine.dead_letters import DEAD_LETTERS, Bury, DeadLetter
from sagamore.engine.message import Codec, written
from sagamore.engine.runtime.batch import type_of

_letter, _bury = Codec((DeadLetter,)).decode, Codec((Bury,)).decode


class Unhandled(NamedTuple):
    """One message; `type` is without its version, and empty if it has none."""

    type: str
    body: bytes
    letter: str = ""
    """The dead letter in which it waits."""


async def unhandled(pages: Pages) -> AsyncIterator[Unhandled]:
    """All of them. An effect's dead letter holds none."""
    taken = await taken_numbers(pages)
    for address, reader in pages.readers.items():
        async for parcel in outbox(reader):
            last = taken.get((address, parcel.receiver, parcel.lane), 0)
            for envelope in parcel.envelopes:
                if envelope.seq > last:
                    yield _moving(written(envelope.body))
    for reader in pages.readers.values():
        async for retry in paged(reader.retries, (-1, ""), lambda row: (row.due_ms, row.id)):
            yield _moving(written(retry.envelope.body))
    for reader in pages.of(DEAD_LETTERS):
        async for row in paged(partial(reader.entities, "status", "WAITING"), None, lambda row: row.key):
            try:
                letter = _letter(row.state)
            except (ValueError, msgspec.MsgspecError):
                continue  # told by the law of owners
            if not letter.effect:
                body = letter.body.encode()
                yield Unhandled(_type(body), body, letter.id)


def _moving(body: bytes) -> Unhandled:
    named = _type(body)
    if named == Bury.__tag__ and (buried := _buried(body)):
        return Unhandled(_type(buried), buried)
    return Unhandled(named, body)


def _buried(body: bytes) -> bytes:
    """The message that is given up on; empty if it is an effect, or nobody can read it."""
    try:
        bury = _bury(body)
    except (ValueError, msgspec.MsgspecError):
        return b""
    return b"" if bury.effect else bury.body.encode()


def _type(body: bytes) -> str:
    return type_of(body).partition("/")[0]
