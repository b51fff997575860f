"""The outbox relay of one partition: committed messages on their way, in order, until the receiver has committed them.

Per stream (receiver, lane) three numbers tell everything:

    acknowledged ≤ handed < next        rows up to `acknowledged` may be deleted, those up to `handed` are in the
                                        receiver's mailbox or beyond, the rest wait on disk

A fresh parcel goes over from memory only if it is the next of its stream; else it stays on disk behind its elders and
is read when the receiver has room. When either side opens, both go on after the receiver's committed number
(PROTOCOL 1, 2). The relay knows addresses and envelopes, never actors: it is the seam to other processes.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from sagamore.engine.envelope import Address, Envelope, Parcel, Stream
from sagamore.engine.ports import Journal, Opened
from sagamore.engine.runtime.mailbox import Delivery

PARCELS_READ_MAX = 4  # at most four batches' messages in memory between a read and the receiver's mailbox


class Receiver(Protocol):
    """The other side, as the relay sees it."""

    def receive(self, lane: int, deliveries: Sequence[Delivery]) -> int:
        """Take as many as fit; how many that was."""
        ...

    def tell_when_room(self, sender: Address, lane: int) -> None:
        """Wake the sender's relay once there is room in that lane."""
        ...


class _Stream(msgspec.Struct):
    next: int = 1
    handed: int = 0
    acknowledged: int = 0
    blocked: bool = False
    """The receiver has no room; it will say when."""
    oldest_ms: int = 0
    """When the stream last moved: the oldest message still waiting is hardly older."""


class RelayStatistics(msgspec.Struct, frozen=True):
    """Messages stored and not acknowledged, those of them not yet handed over, and the age of the oldest."""

    backlog: int
    spilled: int
    oldest_age_ms: int


class Relay:
    """The sending side of a partition."""

    def __init__(
        self, address: Address, opened: Opened, peer: Callable[[Address], Receiver | None], now_ms: int
    ) -> None:
        self._address = address
        self._peer = peer
        self._streams: dict[Stream, _Stream] = {}
        self._deletable: set[Stream] = set()
        for stream, number in opened.next_numbers.items():
            acknowledged, nobody = opened.acknowledged.get(stream, 0), opened.undeliverable.get(stream, 0)
            if nobody > acknowledged:  # dead letters already, whose rows are not yet deleted
                acknowledged = nobody
                self._deletable.add(stream)
            self._streams[stream] = _Stream(number, acknowledged, acknowledged, oldest_ms=now_ms)

    @property
    def next_numbers(self) -> dict[Stream, int]:
        """The number that the next message of each stream gets."""
        return {stream: s.next for stream, s in self._streams.items()}

    def next_number(self, stream: Stream) -> int:
        """The number that the next message of a stream gets."""
        known = self._streams.get(stream)
        return 1 if known is None else known.next

    def take_deletable(self) -> dict[Stream, int]:
        """What the next commit may delete, per stream the highest acknowledged number."""
        deletable = {stream: self._streams[stream].acknowledged for stream in self._deletable}
        self._deletable.clear()
        return deletable

    def put_back_deletable(self, streams: Iterable[Stream]) -> None:
        """The commit that should have deleted these was refused."""
        self._deletable.update(streams)

    @property
    def has_deletable(self) -> bool:
        """Whether an idle flush would delete anything."""
        return bool(self._deletable)

    def release(self, parcels: Sequence[Parcel], now_ms: int) -> None:
        """A commit made these durable: hand over what is next in its stream."""
        for parcel in parcels:
            stream = (parcel.receiver, parcel.lane)
            state = self._streams.setdefault(stream, _Stream())
            if state.acknowledged == state.next - 1:
                state.oldest_ms = now_ms
            state.next = parcel.last + 1
            if state.handed == parcel.first - 1 and not state.blocked:
                self._offer(stream, state, parcel.envelopes)

    def acknowledged(self, receiver: Address, lane: int, number: int, now_ms: int) -> None:
        """The receiver has committed everything up to `number`."""
        stream = (receiver, lane)
        state = self._streams[stream]
        if number > state.acknowledged:
            state.acknowledged, state.oldest_ms = number, now_ms
            state.handed = max(state.handed, number)
            self._deletable.add(stream)

    def rewind(self, receiver: Address, lane: int, number: int) -> None:
        """The receiver wants the message after `number` next."""
        state = self._streams[receiver, lane]
        state.handed, state.blocked = max(number, state.acknowledged), False

    def reset(self, receiver: Address, committed: dict[int, int], now_ms: int) -> None:
        """The receiver (or this side) has opened: go on after its committed number of each lane."""
        for (address, lane), state in self._streams.items():
            if address == receiver:
                self.acknowledged(receiver, lane, committed.get(lane, 0), now_ms)
                state.handed, state.blocked = committed.get(lane, 0), False

    def room(self, receiver: Address, lane: int) -> None:
        """The receiver has room again."""
        state = self._streams.get((receiver, lane))
        if state is not None:
            state.blocked = False

    @property
    def spilled(self) -> list[Stream]:
        """Streams with rows on disk that the receiver has not refused lately."""
        return [stream for stream, s in self._streams.items() if s.handed < s.next - 1 and not s.blocked]

    async def refill(self, stream: Stream, journal: Journal) -> None:
        """Read the elders of a stream from disk and hand them over."""
        state = self._streams[stream]
        handed = state.handed
        envelopes = await self.read(stream, journal)
        if state.handed == handed:  # else an acknowledgement or a handshake came in between: read again
            self._offer(stream, state, envelopes)

    async def read(self, stream: Stream, journal: Journal) -> list[Envelope]:
        """The next of a stream that are on disk and not handed over."""
        handed = self._streams[stream].handed
        parcels = await journal.load_parcels(stream, handed, PARCELS_READ_MAX)
        return [envelope for parcel in parcels for envelope in parcel.envelopes if envelope.seq > handed]

    def hand_over_to_nobody(self, stream: Stream, number: int) -> None:
        """Messages up to `number` go to no mailbox: their address does not exist."""
        self._streams[stream].handed = number

    def _offer(self, stream: Stream, state: _Stream, envelopes: Sequence[Envelope]) -> None:
        receiver = self._peer(stream[0])
        if receiver is None:
            state.blocked = True  # its opening resets this stream
            return
        lane = stream[1]
        taken = receiver.receive(lane, [Delivery(self._address, lane, envelope) for envelope in envelopes])
        state.handed += taken
        if taken < len(envelopes):
            state.blocked = True
            receiver.tell_when_room(self._address, lane)

    def statistics(self, now_ms: int) -> RelayStatistics:
        """A snapshot."""
        backlog = sum(s.next - 1 - s.acknowledged for s in self._streams.values())
        spilled = sum(s.next - 1 - s.handed for s in self._streams.values())
        waiting = [s.oldest_ms for s in self._streams.values() if s.acknowledged < s.next - 1]
        return RelayStatistics(backlog, spilled, now_ms - min(waiting, default=now_ms))
