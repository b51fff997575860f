"""The three narrow ways by which the engine reaches the outside: Clock, Journal (with the Store that opens them) and
Provider (in `effect.py`). Nothing else in the engine knows time, SQLite or the network.

A journal commits a batch whole or not at all, and answers only when it is on disk.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from sagamore.engine.effect import EffectRow
from sagamore.engine.envelope import Address, Envelope, Parcel, Stream
from sagamore.engine.message import Body, Record, State


class Scheduled(Protocol):
    """What `Clock.call_at` returns."""

    def cancel(self) -> None:
        """Do not call."""
        ...


class Clock(Protocol):
    """Time, and randomness."""

    def now_ms(self) -> int:
        """Unix milliseconds, never backwards."""
        ...

    def elapsed_ms(self) -> float:
        """Milliseconds since some start; no step of the wall clock moves it."""
        ...

    @property
    def boot(self) -> str:
        """The start since which `steady_ms` counts, under a name that no other start bears."""
        ...

    def steady_ms(self) -> int:
        """Milliseconds since `boot`, which outlives the process; no step of the wall clock moves it."""
        ...

    def call_at(self, at_ms: int, callback: Callable[[], None]) -> Scheduled:
        """Call back once `now_ms() >= at_ms`, on the event loop."""
        ...

    def random_bits(self, bits: int) -> int:
        """`bits` random bits."""
        ...

    def random_fraction(self) -> float:
        """In [0, 1)."""
        ...


class TimerRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A durable timer."""

    entity: str
    name: str
    due_ms: int
    correlation: str
    cause: str
    body: Body

    @property
    def id(self) -> str:
        """What it is known by."""
        return timer_id(self.entity, self.name)


def timer_id(entity: str, name: str) -> str:
    """Entity and name as one text that no other pair has: names do not contain U+001F."""
    return f"{entity}\x1f{name}"


class RetryRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An accepted message whose turn raised: it left the line and comes again when due."""

    sender: Address
    due_ms: int
    errors: tuple[str, ...]
    envelope: Envelope

    @property
    def id(self) -> str:
        """A message's id is unique: it names the turn that sent it."""
        return self.envelope.id


class HistoryRow(msgspec.Struct, frozen=True, gc=False):
    """One turn, as its entity's story keeps it."""

    turn: int
    correlation: str
    at_ms: int
    entity: str
    message: str
    """The message's stored type."""
    message_id: str
    attempt: int
    notes: tuple[Any, ...]
    """Text and facts, as JSON when the row was read."""

    @property
    def cause(self) -> str:
        """The turn that sent the message, as `orders/0:1234`; empty if it came from outside."""
        place = self.message_id.partition(".")[0]
        return place if ":" in place else ""


class ClientKeyRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A client's idempotency key, the hash of the command's body and the answer, kept with the turn."""

    key: str
    body_hash: str
    at_ms: int
    answer: Record | msgspec.Raw | None


class AlertRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A durable condition of one partition."""

    name: str
    subject: str
    since_ms: int
    count: int
    advice: str


class IndexChange(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An entity's declared field got another value; None is none."""

    field: str
    key: str
    before: str | None
    after: str | None


class Commit(msgspec.Struct, gc=False):
    """All that one batch makes durable, together; None as a value removes the row."""

    turn: int
    """The number of the last turn taken."""
    states: dict[str, State | None] = {}
    indexes: list[IndexChange] = []
    inbox: dict[Stream, int] = {}
    parcels: list[Parcel] = []
    acknowledged: dict[Stream, int] = {}
    timers: dict[tuple[str, str], TimerRow | None] = {}
    retries: dict[str, RetryRow | None] = {}
    effects: dict[str, EffectRow | None] = {}
    client_keys: list[ClientKeyRow] = []
    history: list[HistoryRow] = []
    alerts: dict[tuple[str, str], AlertRow | None] = {}
    undeliverable: dict[Stream, int] = {}
    """Per (receiver, lane) that does not exist, the number up to which messages became dead letters."""


class Opened(msgspec.Struct):
    """What a partition must know of its file before it takes a batch; everything else is read when needed."""

    turn: int
    clean: bool
    """The file was closed by a stop, not by a death."""
    inbox: dict[Stream, int]
    next_numbers: dict[Stream, int]
    """Per (receiver, lane), the number that its next message gets."""
    acknowledged: dict[Stream, int]
    """Per (receiver, lane), the highest number whose row is deleted."""
    backlog: dict[Stream, int]
    """Messages stored and not yet acknowledged."""
    alerts: list[AlertRow]
    deaths: dict[str, int]
    """Messages that were being taken when the process died, and how often."""
    effects: dict[str, int]
    """Per provider, its pending effects."""
    retries: int
    timers: int
    undeliverable: dict[Stream, int] = {}
    """Per (receiver, lane), the number up to which messages went to nobody, because there was no such receiver."""
    taken_turn: int = 0
    """The last turn before the last unclean end: an effect started up to it may have been called (PROTOCOL 3). On
    disk, since a clean stop after that end does not make it known."""


class Journal(Protocol):
    """One partition's file. Calls are taken in order; a commit has happened when it returns."""

    async def open(self) -> Opened:
        """Open the file and make sure that what is read is on disk (PROTOCOL 4). Raises DirectoryError."""
        ...

    async def commit(self, commit: Commit) -> int:
        """Make a batch durable, whole or not at all; the bytes it came to. Raises CommitRefused or NotEncodable if the
        content is at fault (nothing was written, the journal goes on), anything else if nothing in memory can be
        trusted any more."""
        ...

    async def load(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The states of those entities that exist."""
        ...

    async def highest_key(self, prefix: str) -> str:
        """The highest entity key that begins with `prefix` and an underscore; empty if there is none."""
        ...

    async def load_client_keys(self, keys: Sequence[str]) -> dict[str, ClientKeyRow]:
        """Those client keys that are known."""
        ...

    async def load_parcels(self, stream: Stream, after: int, limit: int) -> list[Parcel]:
        """The oldest parcels to (receiver, lane) that hold a number above `after`."""
        ...

    async def load_timers(self, after: tuple[int, str], limit: int) -> list[TimerRow]:
        """The next timers by (due, entity and name), strictly after a position, future ones included."""
        ...

    async def load_retries(self, after: tuple[int, str], limit: int) -> list[RetryRow]:
        """The next retries by (due, id)."""
        ...

    async def load_effects(self, provider: str, lane: int, after: tuple[int, str], limit: int) -> list[EffectRow]:
        """The next pending effects of a provider in a lane by (due, id)."""
        ...

    async def load_effect(self, effect: str) -> EffectRow | None:
        """One effect, parked ones included."""
        ...

    async def count_death(self, message_id: str, at_ms: int) -> None:
        """Add one to the deaths of the message whose turn was being taken, durably."""
        ...

    async def prune(self, before_ms: int, limit: int) -> int:
        """Remove some client keys made before a time, and the deaths of messages that no process has died of since;
        how many keys went."""
        ...

    async def checkpoint(self, above_bytes: int) -> int:
        """Copy the WAL into the file if it is larger than that; the bytes it holds afterwards."""
        ...

    def readers(self) -> Sequence[int]:
        """The ids of the processes that hold a snapshot of the file now, as far as the system tells."""
        ...

    async def close(self, *, clean: bool) -> None:
        """Close the file; `clean` marks that a stop ended its work."""
        ...


class Slot(Protocol):
    """Names the message whose turn is being taken, where a later process finds it (PROTOCOL 6)."""

    def name(self, address: Address, message: str) -> None:
        """This turn begins."""
        ...

    def clear(self) -> None:
        """No turn is being taken."""
        ...

    def read(self) -> tuple[Address, str] | None:
        """The turn during which the last process died, if it died in one."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Store(Protocol):
    """A data directory: the journals of its partitions."""

    def slot(self) -> Slot:
        """The directory's slot."""
        ...

    def opened(self, positions: Mapping[Address, Opened]) -> None:
        """All journals are open: compare the files with each other and record their generations (PROTOCOL 13).
        Raises FileOutOfStep."""
        ...

    def journal(self, address: Address) -> Journal:
        """A new journal on that partition's file, not yet open."""
        ...

    def taken(self, address: Address) -> Mapping[Stream, int]:
        """The inbox of a partition that this program does not have, as an earlier one left it; empty if none did."""
        ...

    def free_bytes(self) -> int:
        """What is left of the disk."""
        ...
