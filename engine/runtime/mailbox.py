"""A partition's mailbox: bounded lanes, and the mix of them that makes a batch.

    control     the shell's own: flushes, attempts to log, marks. Few, and bounded by their sources
    inside      messages of other partitions, a lane for normal ones and one for bulk; timers, retries and outcomes
                ride with them (they are hints, bounded by what reads them from disk)
    clients     commands from the edge

A batch takes control first, then inside and clients 3:1, and what one leaves the other takes. Nobody waits to put
something in: the relay is told how much fitted, a client gets Overloaded.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec

from sagamore.engine.effect import EffectRow, Outcome
from sagamore.engine.envelope import Address, Envelope
from sagamore.engine.limits import Limits
from sagamore.engine.message import Message, Record
from sagamore.engine.ports import RetryRow, TimerRow


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A message that the relay handed over."""

    sender: Address
    lane: int
    envelope: Envelope


class Command(msgspec.Struct, frozen=True):
    """A client's command, or a question (`key` empty) that is not kept."""

    message: Message
    id: str
    scope: str
    key: str
    body_hash: str
    fresh_key: bool
    """The engine made the key just now, so it cannot have been used before."""
    at_ms: int
    trace: str
    future: "asyncio.Future[Record | None]"

    @property
    def kept_key(self) -> str:
        """What the key is kept under: no scope and key can be taken for another pair."""
        return stored_key(self.scope, self.key)


def stored_key(scope: str, key: str) -> str:
    """Scope and key as one text; keys are printable, so U+001F ends the scope."""
    return f"{scope}\x1f{key}"


class TimerDue(msgspec.Struct, frozen=True, gc=False):
    """A hint: the timer fires only if its row is still there."""

    row: TimerRow


class RetryDue(msgspec.Struct, frozen=True, gc=False):
    """A hint: the retry is made only if its row is still there."""

    row: RetryRow


class AttemptEnded(msgspec.Struct, frozen=True, gc=False):
    """What an attempt (or a look-up) of an effect came to; a hint too."""

    row: EffectRow
    outcome: Outcome | None
    """None: a look-up found nothing."""
    called: bool
    """A call was made, as against a look-up."""
    began_ms: int
    ended_ms: int


class MarkAttempt(msgspec.Struct, frozen=True, gc=False):
    """Commit that an attempt may have started, for providers that take no key."""

    row: EffectRow


class ParkEffect(msgspec.Struct, frozen=True, gc=False):
    """A hint: an effect for which nothing more can be done without a person."""

    row: EffectRow


class Undeliverable(msgspec.Struct, frozen=True, gc=False):
    """Committed messages to an address that no longer exists."""

    receiver: Address
    lane: int
    envelopes: tuple[Envelope, ...]


class WithdrawEffect(msgspec.Struct, frozen=True, gc=False):
    """Take back an effect that a turn withdrew, if no attempt can have started."""

    effect: str


Hint = TimerDue | RetryDue | AttemptEnded | ParkEffect
Item = Delivery | Command | Hint | MarkAttempt | WithdrawEffect | Undeliverable


class MailboxStatistics(msgspec.Struct, frozen=True):
    """Messages waiting now, most ever, and how many were not taken because a lane was full."""

    waiting: int
    waiting_most: int
    refused: int
    spilled: int


class Mailbox:
    """The lanes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._returned: deque[Item] = deque()
        self._control: deque[Item] = deque()
        self._inside: tuple[deque[Item], deque[Item]] = (deque(), deque())
        self._clients: deque[Item] = deque()
        self._waiting_most = self._refused = self._spilled = 0
        self._inside_due = 0
        """What rounding owes the inside lanes, so that they get their share of small batches too."""

    def __len__(self) -> int:
        return (
            len(self._returned) + len(self._control) + len(self._clients) + len(self._inside[0]) + len(self._inside[1])
        )

    def offer(self, lane: int, deliveries: Sequence[Delivery]) -> int:
        """Take as many as fit, from the front; how many that was."""
        queue = self._inside[lane]
        room = self._limits.mailbox_messages_max - len(queue)
        if room >= len(deliveries):
            queue.extend(deliveries)
            return len(deliveries)
        queue.extend(deliveries[:room])
        self._spilled += len(deliveries) - max(room, 0)
        return max(room, 0)

    def room(self, lane: int) -> int:
        """How many more messages of that lane fit."""
        return self._limits.mailbox_messages_max - len(self._inside[lane])

    def put_hint(self, hint: Hint) -> None:
        """Add a hint; bounded by the cursor or the pool it comes from."""
        self._inside[0].append(hint)

    def put_control(self, item: Item) -> None:
        """Add work of the shell's own; bounded by the pool it comes from."""
        self._control.append(item)

    def put_command(self, command: Command) -> bool:
        """Add a client's command; False if the lane is full."""
        if len(self._clients) >= self._limits.mailbox_messages_max:
            self._refused += 1
            return False
        self._clients.append(command)
        return True

    def take(self, most: int) -> list[Item]:
        """The next batch, at most so many items."""
        self._waiting_most = max(self._waiting_most, len(self))
        batch: list[Item] = []
        _move(self._returned, batch, most)
        _move(self._control, batch, most - len(batch))
        room = most - len(batch)
        share = room
        if self._clients and (self._inside[0] or self._inside[1]):
            places = self._inside_due + room * self._limits.inside_share
            share, self._inside_due = divmod(places, self._limits.inside_share + 1)
        until = len(batch) + max(share, room - len(self._clients))
        for lane in self._inside:
            _move(lane, batch, until - len(batch))
        _move(self._clients, batch, most - len(batch))
        return batch

    def put_back(self, items: Sequence[Item]) -> None:
        """What the batch had no room for comes first in the next one."""
        self._returned.extendleft(reversed(items))

    def take_ends(self, most: int) -> list[Item]:
        """Only what calls came to, at most so many; the rest stays."""
        ends: list[Item] = []
        for queue in (self._returned, self._control, self._inside[0]):
            kept: list[Item] = []
            for item in queue:
                (ends if isinstance(item, AttemptEnded) and len(ends) < most else kept).append(item)
            queue.clear()
            queue.extend(kept)
        return ends

    def drain(self) -> list[Item]:
        """Empty the mailbox: its partition dies or stops."""
        items: list[Item] = []
        for queue in (self._returned, self._control, *self._inside, self._clients):
            items += queue
            queue.clear()
        return items

    def statistics(self) -> MailboxStatistics:
        """A snapshot."""
        return MailboxStatistics(len(self), self._waiting_most, self._refused, self._spilled)


def _move(source: deque[Item], target: list[Item], most: int) -> None:
    if most >= len(source):
        target.extend(source)
        source.clear()
    else:
        target.extend(source.popleft() for _ in range(most))
