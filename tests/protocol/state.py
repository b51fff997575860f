"""What the model knows of the world: disks, memories, clients, and what no program can see (`sent` and `took`, by which
the promises are judged). All of it is immutable, so that states can be compared.

A message is (kind, order). A sequence is a place in a tuple: one for each (other side, lane).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from tests.protocol.rules import Budget, Rules

T = TypeVar("T")
Message = tuple[str, int]
Log = tuple[Message, ...]
DEAD, RETURNED = "dead ", "returned "
"""Of a dead letter's kind: this and the kind of the message. One that failed again returned."""


class Parcel(NamedTuple):
    """One row of an outbox: a batch's messages to one receiver in one lane, `first` to `last`. The first of them is the
    `nth` that the sender ever sent there."""

    receiver: int
    lane: int
    first: int
    last: int
    messages: tuple[Message, ...]
    nth: int


class Retry(NamedTuple):
    message: Message
    attempt: int


class Disk(NamedTuple):
    log: Log
    """Messages applied; it stands for the states of all entities."""
    inbox: tuple[int, ...]
    next: tuple[int, ...]
    outbox: tuple[Parcel, ...]
    retries: tuple[Retry, ...]
    timers: tuple[Message, ...]
    keys: tuple[int, ...]
    """Clients whose command was answered."""
    deaths: tuple[Message, ...]
    sent: tuple[Log, ...]
    took: tuple[int, ...]


class Delivery(NamedTuple):
    sender: int
    lane: int
    number: int
    message: Message
    nth: int


class Ask(NamedTuple):
    client: int


class TimerHint(NamedTuple):
    message: Message


class RetryHint(NamedTuple):
    retry: Retry


Item = Delivery | Ask | TimerHint | RetryHint


class Sealed(NamedTuple):
    """A batch whose commit is under way, and what waits for it."""

    disk: Disk
    items: tuple[Item, ...]
    refused: bool
    """The journal will refuse its content."""
    parcels: tuple[Parcel, ...]
    replies: tuple[tuple[int, str], ...]
    """What each client does after it."""
    acknowledge: frozenset[tuple[int, int]]
    rewind: frozenset[tuple[int, int]]
    deleted: frozenset[int]


class Read(NamedTuple):
    """Parcels that the relay has asked the disk for."""

    receiver: int
    lane: int
    after: int
    parcels: tuple[Parcel, ...]


class Memory(NamedTuple):
    """One incarnation of a partition."""

    mailbox: tuple[Item, ...]
    halves: tuple[tuple[tuple[Item, ...], bool], ...]
    """What is left of a batch that the journal refused, and whether it is one item alone."""
    stage: Sealed | Read | None
    handed: tuple[int, ...]
    acked: tuple[int, ...]
    blocked: tuple[bool, ...]
    deletable: frozenset[int]


class World(NamedTuple):
    disks: tuple[Disk, ...]
    memories: tuple[Memory | None, ...]
    clients: tuple[tuple[str, int], ...]
    """What each does (asks, waits, knows, refused), and which partition it asks."""
    left: Budget
    slot: tuple[int, Message] | None = None
    unsynced: tuple[Disk | None, ...] = ()
    """What a power cut would leave, where a failed fsync left less than can be read."""
    copy: tuple[int, Disk] | None = None
    restored: bool = False
    refused: bool = False


NO_FAILURES = Budget()
Handler = Callable[[Rules, int, Log, Message], tuple[tuple[str, ...], ...] | None]
"""What a message leads to at a partition: ("send", to, kind[, lane]), ("timer", kind), ("cancel", kind); None if a
command is refused. The order goes with it."""


@dataclass(frozen=True)
class Scenario:
    """What happens in a world if nothing fails, and which failures may."""

    partitions: str
    """A letter each; D keeps the dead letters."""
    asks: tuple[tuple[str, str, int], ...]
    """Each client's command: partition, kind, order."""
    handle: Handler
    budget: Budget = NO_FAILURES
    raising: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    deadly: tuple[str, ...] = ()
    capacity: int = 1
    lanes: int = 1
    attempts_max: int = 2
    deaths_max: int = 2
    slow_reads: bool = False
    """Others act between a relay's read from disk and its hand-over."""
    calm: bool = True
    """As long as nothing fails, no message is refused or comes again."""
    judge: Callable[[tuple[Log, ...]], str] = lambda logs: ""
    """What is wrong with the logs in the end."""


def put(items: tuple[T, ...], place: int, item: T) -> tuple[T, ...]:
    """The tuple with one item replaced."""
    return (*items[:place], item, *items[place + 1 :])
