"""One message handled: what a handler may read, and the intentions it leaves behind.

Nothing here acts. The shell loads the entities that the message names, calls `handle(state, message, turn)` and makes
what the turn collected durable together with the new states, in one commit (DESIGN 3, promise 2). Records are written
as JSON by that commit, all of a batch at once; what cannot be written fails its turn alone (PROTOCOL 6).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from sagamore.engine.envelope import BULK_LANE, NORMAL_LANE, Address, address_of, kind_of
from sagamore.engine.errors import InvalidInput
from sagamore.engine.ids import derived_id
from sagamore.engine.message import Message, Record, State, encode
from sagamore.engine.text import storable


class Routes(Protocol):
    """Where messages go; pure, fixed when the engine is composed."""

    def partition(self, kind: str, key: str) -> int:
        """The partition of `kind` that owns `key`."""
        ...

    def address(self, kind: str, message: Message) -> Address:
        """The partition of `kind` that owns the entity `message` is for."""
        ...

    def subscribers(self, event: type[Message]) -> tuple[str, ...]:
        """The kinds that get this event."""
        ...

    def check_effect(self, kind: str, provider: str, policy: str) -> None:
        """Raises UnknownKind if an actor of that kind cannot start effects there, or not under that policy."""
        ...


class Intention(msgspec.Struct, frozen=True, gc=False):
    """Something the turn wants done once it is durable."""


class Sent(Intention, frozen=True, gc=False):
    """A message to another actor, or to this one."""

    receiver: Address
    lane: int
    message: Message


class Replied(msgspec.Struct, frozen=True, gc=False):
    """The answer to whoever asked; `kept` is what a later ask with the same key is answered with."""

    answer: Record
    kept: Record


class TimerSet(Intention, frozen=True, gc=False):
    """A timer to set or to move: it is known by its entity and its name, and its message comes back when it is due."""

    entity: str
    name: str
    due_ms: int
    message: Message


class TimerCancelled(Intention, frozen=True, gc=False):
    """The timer of that entity and name, if there is one, never fires."""

    entity: str
    name: str


class EffectStarted(Intention, frozen=True, gc=False):
    """A call to a provider, made after the commit."""

    id: str
    entity: str
    provider: str
    operation: str
    request: str
    key: str
    policy: str
    lane: int
    deadline_ms: int


class EffectWithdrawn(Intention, frozen=True, gc=False):
    """Do not call if no attempt can have started; then the outcome is `withdrawn`, else the real one comes."""

    id: str


class EffectSettled(Intention, frozen=True, gc=False):
    """A person said what became of a parked effect: forget it."""

    id: str


class AlertRaised(Intention, frozen=True, gc=False):
    """A durable condition; raised again it keeps its `since` and counts."""

    name: str
    subject: str
    advice: str


class AlertCleared(Intention, frozen=True, gc=False):
    """The condition is over."""

    name: str
    subject: str


class Buried(Intention, frozen=True, gc=False):
    """A message to this actor given up on: a dead letter, for a person to replay or discard."""

    body: bytes
    reason: str


class Resent(Intention, frozen=True, gc=False):
    """A dead letter on its way back: the original message under its original id, or word that it was given up."""

    receiver: Address
    message_id: str
    correlation: str
    body: bytes
    letter: str
    given_up: bool


class Turn(msgspec.Struct, eq=False):
    """Given to `handle`. `now_ms` is Unix milliseconds, one value for the batch, never backwards."""

    address: Address
    partition: int
    entity: str
    _load: Callable[[str], Any]
    _routes: Routes
    now_ms: int
    message_id: str
    correlation: str
    _sent_at_ms: int
    sender: Address = ""
    attempt: int = 1
    steady_ms: int = 0
    """Milliseconds since `boot`, one value for the batch; a step of the wall clock does not move it."""
    boot: str = ""
    intentions: list[Intention] = []
    notes: list[str | msgspec.Struct] = []
    replied: Replied | None = None
    saved: dict[str, State | None] = {}
    _ids_made: int = 0

    @property
    def now(self) -> datetime:
        """The time of the batch, aware, UTC."""
        return datetime.fromtimestamp(self.now_ms / 1000, UTC)

    def new_id(self, prefix: str, partition: int | None = None) -> str:
        """An id that entities of this partition (or another of some kind) can bear; the same one when the turn is taken
        again."""
        self._ids_made += 1
        home = self.partition if partition is None else partition
        return derived_id(prefix, self._sent_at_ms, home, self.message_id, self._ids_made)

    def load(self, key: str) -> Any:
        """Another entity that the message names; None if absent. Raises KeyError if `entity()` did not name it."""
        return self.saved[key] if key in self.saved else self._load(key)

    def save(self, key: str, state: State | None) -> None:
        """Write (or with None remove) another entity that the message names."""
        self._load(key)
        self.saved[key] = state

    def partition_of(self, kind: str, key: str) -> int:
        """Which partition of `kind` owns `key`."""
        return self._routes.partition(kind, key)

    def send(self, kind: str, message: Message, *, partition: int | None = None, lane: int = NORMAL_LANE) -> None:
        """Send a message; taken exactly once, in order per sender, receiver and lane unless it has to be retried.
        Raises NotEncodable; InvalidInput for another lane than NORMAL_LANE and BULK_LANE."""
        if lane not in (NORMAL_LANE, BULK_LANE):
            raise InvalidInput("lane", lane, f"{NORMAL_LANE} or {BULK_LANE}")
        address = self._routes.address(kind, message) if partition is None else address_of(kind, partition)
        self.intentions.append(Sent(address, lane, message))

    def publish(self, event: Message, *, lane: int = NORMAL_LANE) -> None:
        """Send an event to every subscription of its type."""
        for kind in self._routes.subscribers(type(event)):
            self.send(kind, event, lane=lane)

    def reply(self, answer: Record, *, kept: Record | None = None) -> None:
        """Answer the command. `kept`, by default the answer itself, is stored under the idempotency key."""
        self.replied = Replied(answer, answer if kept is None else kept)

    def schedule(
        self, name: str, message: Message, *, at_ms: int | None = None, after: timedelta | None = None, entity: str = ""
    ) -> None:
        """Set or move the timer `name` of this entity, or of another that the message names: `message` comes back at
        `at_ms` or `after` now."""
        if (at_ms is None) == (after is None):
            raise TypeError("schedule() takes at_ms or after")
        due_ms = at_ms if at_ms is not None else self.now_ms + int((after or timedelta()).total_seconds() * 1000)
        self.intentions.append(TimerSet(entity or self.entity, name, due_ms, message))

    def cancel(self, name: str) -> None:
        """Stop this entity's timer `name`, if it is set."""
        self.intentions.append(TimerCancelled(self.entity, name))

    def start(
        self, provider: str, operation: str, request: msgspec.Struct, *, key: str, policy: str = "",
        lane: int = NORMAL_LANE, deadline_ms: int = 0,
    ) -> str:  # fmt: skip
        """Start an effect and return its id. `key` goes to the provider with every attempt; `policy` names one of the
        actor's `effect_policies`, `deadline_ms` (Unix ms) may end it earlier than that. Raises UnknownKind if there is
        no such provider, or no such policy."""
        self._routes.check_effect(kind_of(self.address), provider, policy)
        effect = self.new_id("eff")
        text = encode(request).decode()
        self.intentions.append(
            EffectStarted(effect, self.entity, provider, operation, text, key, policy, lane, deadline_ms)
        )
        return effect

    def withdraw(self, effect: str) -> None:
        """Ask that an effect never starts; an `EffectOutcome` says whether that was in time."""
        self.intentions.append(EffectWithdrawn(effect))

    def settle(self, effect: str) -> None:
        """Forget a parked effect: a person said what became of it."""
        self.intentions.append(EffectSettled(effect))

    def note(self, note: str | msgspec.Struct) -> None:
        """Add a line, or a fact, to the history row of this turn."""
        self.notes.append(note)

    def raise_alert(self, name: str, subject: str, advice: str) -> None:
        """Raise a durable alert about `subject`; `advice` says what to do."""
        self.intentions.append(AlertRaised(name, subject, advice))

    def clear_alert(self, name: str, subject: str) -> None:
        """Clear an alert, if it is raised."""
        self.intentions.append(AlertCleared(name, subject))

    def bury(self, message: Message, reason: str) -> None:
        """Make a dead letter of a message to this actor: a person's replay brings it back, once."""
        self.intentions.append(Buried(encode(message), storable(reason)))

    def resend(self, receiver: Address, message_id: str, correlation: str, body: bytes, letter: str) -> None:
        """The dead-letter actor's: send a buried message again, under its own id."""
        self.intentions.append(Resent(receiver, message_id, correlation, body, letter, given_up=False))

    def give_up(self, receiver: Address, message_id: str, correlation: str, body: bytes, letter: str) -> None:
        """The dead-letter actor's: tell the receiver that a person discarded a message."""
        self.intentions.append(Resent(receiver, message_id, correlation, body, letter, given_up=True))
