"""A message on its way between two partitions.

An envelope's id names the turn that caused it: `orders/0:1234.1` is the second message of turn 1234 of `orders/0`, so
the causal tree of an order can be read from the histories alone. A message that came from outside bears `msg_…`.

Stored, an envelope is a short JSON array; a batch's envelopes to one receiver and lane are stored together as one
parcel, one row with the numbers first to last (PROTOCOL 1 counts messages, not rows).
"""

import msgspec

from sagamore.engine.message import Body

Address = str  # "orders/0": an actor's kind and one of its partitions

NORMAL_LANE = 0
BULK_LANE = 1  # a lane of its own, so that a million of these never stand before one that is urgent
LANES = (NORMAL_LANE, BULK_LANE)


class Envelope(msgspec.Struct, array_like=True, gc=False):
    """`seq` numbers it within (sender, receiver, lane); it is 0 until its batch is sealed."""

    seq: int
    id: str
    correlation: str
    """The entity whose story this belongs to: the order id."""
    at_ms: int
    body: Body
    attempt: int = 1
    dead_letter: str = ""
    """The dead letter that this is a replay or the discard of; it returns there if it fails again."""
    given_up: bool = False
    """A person discarded this message's dead letter: the actor's `given_up` is called instead of `handle`."""
    trace: str = ""
    """The host's trace context (W3C traceparent), carried unchanged."""


class Parcel(msgspec.Struct, gc=False):
    """One row of the outbox: envelopes `first` to `last` to one receiver in one lane."""

    receiver: Address
    lane: int
    first: int
    last: int
    at_ms: int
    envelopes: tuple[Envelope, ...]


Stream = tuple[Address, int]
"""The other side's address and the lane: what numbers run per."""


def address_of(kind: str, partition: int) -> Address:
    """The address of one partition of an actor."""
    return f"{kind}/{partition}"


def kind_of(address: Address) -> str:
    """The actor's kind in an address."""
    return address.partition("/")[0]


def partition_of(address: Address) -> int:
    """The partition's number in an address."""
    return int(address.partition("/")[2])
