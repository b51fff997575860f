"""What all partitions of an engine share, and how one sees another: as a peer, at an address."""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from sagamore.engine.envelope import Address
from sagamore.engine.limits import Limits
from sagamore.engine.message import State
from sagamore.engine.ports import AlertRow, Clock, Slot
from sagamore.engine.runtime.pool import Pool
from sagamore.engine.runtime.relay import Receiver
from sagamore.engine.turn import Routes


class Peer(Receiver, Protocol):
    """Another partition: it receives, and hears what became of what it sent."""

    def acknowledged(self, receiver: Address, lane: int, number: int) -> None:
        """A receiver has committed its messages up to `number`."""
        ...

    def rewind(self, receiver: Address, lane: int, number: int) -> None:
        """A receiver wants the message after `number` next."""
        ...

    def room_made(self, receiver: Address, lane: int) -> None:
        """A receiver that had no room has some."""
        ...


class Environment(msgspec.Struct):
    """What all partitions share."""

    routes: Routes
    clock: Clock
    limits: Limits
    slot: Slot
    pools: Mapping[str, Pool]
    peer: Callable[[Address], Peer | None]
    """Another partition, if it is up."""
    exists: Callable[[Address], bool]
    """Whether there is such a partition, up or not."""
    changed: Callable[[Address, str, State | None], None]
    """Tell watchers of an entity's committed state."""
    watched: Callable[[Address], Mapping[str, object]]
    alerted: Callable[[Address, AlertRow], None]
    """An alert was raised, or raised again."""
