"""What a message is called while an actor's own code runs for it, so that a later process finds the one of which this
one died (PROTOCOL 6).

Three pieces of an actor's code run for a message: the `upcast` of an older version and `entity`, when its batch is
read, and `handle`, in its turn. Before each the slot is given the message's name. A name under which the process has
died too often is not given again: whoever asks for it fails the message like a turn that raises, and a failure of that
kind is never tried again.
"""

from collections.abc import Mapping

from sagamore.engine.envelope import Address, Envelope
from sagamore.engine.errors import Refused
from sagamore.engine.ports import Slot, TimerRow
from sagamore.engine.runtime.mailbox import Command, Delivery, RetryDue, TimerDue


class Poison:
    """One partition's."""

    def __init__(self, address: Address, slot: Slot, deaths: Mapping[str, int], deaths_max: int) -> None:
        self._address, self._slot, self._deaths, self._deaths_max = address, slot, deaths, deaths_max

    def name(self, message: str) -> None:
        """An actor's code begins to run for this message. Raises Refused if too many processes died of it."""
        self._slot.name(self._address, message)
        if self._deaths and self.is_deadly(message):
            raise Refused(f"the process died {self._deaths[message]} times while this message was being taken")

    def clear(self) -> None:
        """No actor's code runs."""
        self._slot.clear()

    def is_deadly(self, message: str) -> bool:
        """Whether too many processes died of it."""
        return self._deaths.get(message, 0) >= self._deaths_max


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


def id_of_timer(row: TimerRow) -> str:
    """The id of the message that a timer brings."""
    return f"{row.cause}.{row.name}"
