"""What a message, or a stored state, is called while an actor's own code runs for it, so that a later process finds the
one of which this one died (PROTOCOL 6).

Three pieces of an actor's code run for a message: the `upcast` of an older version and `entity`, when its batch is
read, and `handle`, in its turn. Before each the slot is given the message's name. A name under which the process has
died too often is not given again: whoever asks for it fails the message like a turn that raises, and a failure of that
kind is never tried again.

A state's `upcast` runs for no one message, and every message to the entity would die of it anew: so the entity is
named, and costs no more than one whose state cannot be decoded.
"""

from collections.abc import Iterable, Mapping

from sagamore.engine.envelope import Address, Envelope
from sagamore.engine.errors import Refused
from sagamore.engine.message import State
from sagamore.engine.ports import Slot, TimerRow
from sagamore.engine.runtime.mailbox import Command, Delivery, RetryDue, TimerDue


class Poison:
    """One partition's."""

    def __init__(self, address: Address, slot: Slot, deaths: Mapping[str, int], deaths_max: int) -> None:
        self._address, self._slot, self._deaths, self._deaths_max = address, slot, deaths, deaths_max

    def name(self, name: str) -> None:
        """An actor's code begins to run for what is called so. Raises Refused if too many processes died of it."""
        self._slot.name(self._address, name)
        if self._deaths and self.is_deadly(name):
            raise Refused(f"the process died {self._deaths[name]} times while this was being read or taken")

    def clear(self) -> None:
        """No actor's code runs."""
        self._slot.clear()

    def is_deadly(self, name: str) -> bool:
        """Whether too many processes died of it."""
        return self._deaths.get(name, 0) >= self._deaths_max


def name_of(item: Command | Delivery | RetryDue | TimerDue) -> str:
    """The name of a message in the mailbox."""
    match item:
        case Delivery(envelope=envelope):
            return name_of_accepted(envelope)
        case Command():
            return item.kept_key
        case RetryDue(row):
            return name_of_accepted(row.envelope)
        case TimerDue(row):
            return id_of_timer(row)


def name_of_accepted(envelope: Envelope) -> str:
    """The name of an accepted message: a replay or discard has its own number, and its own deaths."""
    return f"{envelope.id}#{envelope.seq}" if envelope.dead_letter else envelope.id


def name_of_state(key: str, types: Iterable[type[State]]) -> str:
    """The name of an entity's stored state as these types read it: a release that raises a version reads it anew. No
    message is called so: a client's key, being printable, does not begin with U+001F."""
    return f"state\x1f\x1f{key}\x1f{','.join(str(each.__struct_config__.tag) for each in types)}"


def id_of_timer(row: TimerRow) -> str:
    """The id of the message that a timer brings."""
    return f"{row.cause}.{row.name}"
