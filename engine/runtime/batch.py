"""What the turns of one batch add up to: an overlay over the committed state, which one commit makes durable.

A turn adds to the batch when its handler has returned. Nothing here is seen by anyone before the commit is on disk (the
output gate).
"""

import asyncio
from typing import Any

import msgspec

from sagamore.engine.dead_letters import DEAD_LETTERS, Bury
from sagamore.engine.dead_letters import Attempt as FailedAttempt
from sagamore.engine.effect import EffectRow
from sagamore.engine.envelope import NORMAL_LANE, Address, Envelope, Parcel, Stream
from sagamore.engine.ids import derived_id
from sagamore.engine.message import Record, State, size_of, tag_of, written
from sagamore.engine.ports import AlertRow, ClientKeyRow, Commit, HistoryRow, IndexChange, RetryRow, TimerRow
from sagamore.engine.turn import (
    AlertCleared,
    AlertRaised,
    Buried,
    EffectSettled,
    EffectStarted,
    EffectWithdrawn,
    Intention,
    Resent,
    Sent,
    TimerCancelled,
    TimerSet,
    Turn,
)

Answer = Record | BaseException | None


class Batch:
    """`turn` is the number of the last turn taken; messages are numbered when the batch is sealed."""

    def __init__(self, address: Address, now_ms: int, steady_ms: int, turn: int) -> None:
        self.address = address
        self.now_ms, self.steady_ms = now_ms, steady_ms
        self.turn = self.turn_before = turn
        # read for this batch
        self.loaded: dict[str, Any] = {}
        self.kept_keys: dict[str, ClientKeyRow] = {}
        self.effect_rows: dict[str, EffectRow | None] = {}
        # to be committed
        self.states: dict[str, State | None] = {}
        self.inbox: dict[Stream, int] = {}
        self.outgoing: dict[Stream, list[Envelope]] = {}
        self.timers: dict[tuple[str, str], TimerRow | None] = {}
        self.retries: dict[str, RetryRow | None] = {}
        self.effects: dict[str, EffectRow | None] = {}
        self.client_keys: dict[str, ClientKeyRow] = {}
        self.history: list[HistoryRow] = []
        self.alerts: dict[tuple[str, str], AlertRow | None] = {}
        # to be released by the commit
        self.parcels: list[Parcel] = []
        self.replies: list[tuple[asyncio.Future[Record | None], Answer]] = []
        self.acknowledge: set[Stream] = set()
        self.rewind: set[Stream] = set()
        self.withdrawals: list[str] = []
        self.undeliverable: dict[Stream, int] = {}

    def absorb(self, turn: Turn, message_type: str, trace: str, known_alerts: dict[tuple[str, str], AlertRow]) -> None:
        """Add a turn that succeeded."""
        self.turn += 1
        self.states |= turn.saved
        for n, intention in enumerate(turn.intentions):
            if isinstance(intention, Sent):
                envelope = Envelope(
                    0, f"{self.address}:{self.turn}.{n}", turn.correlation, self.now_ms, intention.message, trace=trace
                )
                self.send(intention.receiver, intention.lane, envelope)
            else:
                self._absorb_rare(n, intention, turn, trace, known_alerts)
        row = HistoryRow(
            self.turn, turn.correlation, self.now_ms, turn.entity, message_type, turn.message_id, turn.attempt,
            tuple(turn.notes),
        )  # fmt: skip
        self.history.append(row)

    def _absorb_rare(
        self, n: int, intention: Intention, turn: Turn, trace: str, known_alerts: dict[tuple[str, str], AlertRow]
    ) -> None:
        match intention:
            case TimerSet():
                self.timers[intention.entity, intention.name] = TimerRow(
                    intention.entity, intention.name, intention.due_ms, turn.correlation,
                    f"{self.address}:{self.turn}", intention.message,
                )  # fmt: skip
            case TimerCancelled():
                self.timers[intention.entity, intention.name] = None
            case EffectStarted():
                self.effects[intention.id] = EffectRow(
                    intention.id, intention.entity, turn.correlation, intention.provider, intention.operation,
                    intention.key, intention.policy, intention.request, self.now_ms, self.turn, self.now_ms,
                    trace=trace, lane=intention.lane, deadline_ms=intention.deadline_ms,
                )  # fmt: skip
            case EffectWithdrawn():
                self.withdrawals.append(intention.id)
            case EffectSettled():
                self.effects[intention.id] = None
            case AlertRaised():
                key = (intention.name, intention.subject)
                before = self.alerts.get(key) if key in self.alerts else known_alerts.get(key)
                since_ms, count = (self.now_ms, 0) if before is None else (before.since_ms, before.count)
                self.alerts[key] = AlertRow(*key, since_ms, count + 1, intention.advice)
            case AlertCleared():
                self.alerts[intention.name, intention.subject] = None
            case Resent():
                envelope = Envelope(
                    0, intention.message_id, intention.correlation, self.now_ms, msgspec.Raw(intention.body),
                    dead_letter=intention.letter, given_up=intention.given_up, trace=trace,
                )  # fmt: skip
                self.send(intention.receiver, NORMAL_LANE, envelope)
            case Buried():
                letter = derived_id("dl", self.now_ms, turn.partition, turn.message_id, n + 1)
                envelope = Envelope(
                    0, f"{self.address}:{self.turn}.{n}", turn.correlation, self.now_ms, msgspec.Raw(intention.body)
                )
                self.bury(letter, self.address, envelope, (intention.reason,))
            case _:
                raise TypeError(f"{type(intention).__name__} is no intention the engine knows")

    def send(self, receiver: Address, lane: int, envelope: Envelope) -> None:
        """Queue an envelope behind the others of its stream."""
        queue = self.outgoing.get((receiver, lane))
        if queue is None:
            queue = self.outgoing[receiver, lane] = []
        queue.append(envelope)

    def bury(
        self,
        letter: str,
        sender: Address,
        envelope: Envelope,
        errors: tuple[str, ...],
        *,
        effect: str = "",
        receiver: Address = "",
    ) -> None:
        """Send a message (or a parked effect) of this partition, or of a `receiver` that does not exist, to the
        dead-letter actor."""
        body = written(envelope.body)
        message = Bury(
            letter, receiver or self.address, sender, envelope.id, envelope.correlation, type_of(body), body.decode(),
            tuple(FailedAttempt(self.now_ms, error) for error in errors), effect, envelope.given_up,
        )  # fmt: skip
        buried = Envelope(0, f"{envelope.id}.dead", envelope.correlation, self.now_ms, message)
        self.send(f"{DEAD_LETTERS}/0", NORMAL_LANE, buried)

    def tell_story(self, envelope: Envelope, entity: str, note: str) -> None:
        """Add a turn that left no change, for example one that raised, to its story."""
        self.turn += 1
        row = HistoryRow(
            self.turn, envelope.correlation, self.now_ms, entity, type_of(written(envelope.body)), envelope.id,
            envelope.attempt, (note,),
        )  # fmt: skip
        self.history.append(row)

    def seal(
        self, next_numbers: dict[Stream, int], acknowledged: dict[Stream, int], indexes: list[IndexChange]
    ) -> Commit:
        """Number the messages and put everything into one commit."""
        for stream, queue in self.outgoing.items():
            first = next_numbers.get(stream, 1)
            for n, envelope in enumerate(queue, first):
                envelope.seq = n
            self.parcels.append(Parcel(*stream, first, first + len(queue) - 1, self.now_ms, tuple(queue)))
        return Commit(
            self.turn, self.states, indexes, self.inbox, self.parcels, acknowledged, self.timers, self.retries,
            self.effects, list(self.client_keys.values()), self.history, self.alerts, self.undeliverable,
        )  # fmt: skip

    def guessed_bytes(self) -> int:
        """What the batch comes to on disk, if of each kind of row all are as large as the last."""
        kinds: tuple[Any, ...] = (
            self.states.values(), self.history, self.client_keys.values(), self.effects.values(), self.timers.values(),
            self.retries.values(), *self.outgoing.values(),
        )  # fmt: skip
        return sum(len(rows) * size_of(next(reversed(rows))) for rows in kinds if rows)

    @property
    def empty(self) -> bool:
        """Nothing to commit."""
        return not (
            self.history or self.inbox or self.effects or self.timers or self.retries or self.outgoing or self.alerts
        )


def type_of(body: bytes) -> str:
    """The stored type of a message, for people; empty if it has none."""
    try:
        return tag_of(body)
    except msgspec.MsgspecError:
        return ""
