"""What a turn leaves, read back before it is kept.

Python lets a handler put a float where its state says int, and a list in place of a tuple. Kept as it is, such a record
would be read otherwise by the next process, or by none: the entity would be lost with all that is ever sent to it. So
the turn fails instead, and its client is told.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from sagamore.engine.actor import Actor
from sagamore.engine.errors import NotEncodable
from sagamore.engine.message import ENCODING_ERRORS, Record, encode
from sagamore.engine.turn import Sent, TimerSet, Turn

_encode = msgspec.json.Encoder().encode
_decoders: dict[type[Record], Callable[[bytes], Any]] = {}


def read_back(turn: Turn, actor: Actor[Any, Any]) -> None:
    """Raises NotEncodable for a state, message or answer that would not come back as it is, or is none."""
    for key, state in turn.saved.items():
        if state is not None:
            if type(state) not in actor.state_types:
                states = ", ".join(state_type.__name__ for state_type in actor.state_types)
                raise NotEncodable(f"state of {key}", state, f"{states} or None, which {actor.kind} says it keeps")
            _compare(state)
    for intention in turn.intentions:
        if isinstance(intention, Sent | TimerSet):
            _compare(intention.message)
    if turn.replied is not None and turn.replied.kept is not turn.saved.get(turn.entity):
        _compare(turn.replied.kept)


def _compare(record: Record) -> None:
    kind = type(record)
    decode = _decoders.get(kind)
    if decode is None:
        decode = _decoders[kind] = msgspec.json.Decoder(kind).decode
    try:
        same = decode(_encode(record)) == record
    except ENCODING_ERRORS as error:
        encode(record)  # names what cannot be written at all
        raise NotEncodable(kind.__name__, record, f"fields of the types that it says: {error}") from error
    if not same:
        raise NotEncodable(kind.__name__, record, "fields of the types that it says, tuples in place of lists")
