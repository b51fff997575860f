"""Taking the turns of a batch: what each kind of item in the mailbox means, and what becomes of one that fails.

Everything here is synchronous and acts on the batch only. A turn that raises is undone alone: a client gets the error,
an accepted message leaves the line and is retried, and after its policy's attempts it goes to the dead-letter actor.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from sagamore.engine.actor import Actor
from sagamore.engine.dead_letters import DEAD_LETTERS, RetryEffect
from sagamore.engine.effect import EffectOutcome, EffectRow
from sagamore.engine.envelope import Address, Envelope, partition_of
from sagamore.engine.errors import EntityDamaged, KeyReused
from sagamore.engine.ids import derived_id, is_id
from sagamore.engine.limits import Limits
from sagamore.engine.message import Codec, Message
from sagamore.engine.ports import ClientKeyRow, Clock, RetryRow
from sagamore.engine.read_back import read_back
from sagamore.engine.runtime.batch import Answer, Batch
from sagamore.engine.runtime.committed import Committed
from sagamore.engine.runtime.effects import Effects
from sagamore.engine.runtime.mailbox import (
    AttemptEnded,
    Command,
    Delivery,
    Item,
    MarkAttempt,
    ParkEffect,
    RetryDue,
    TimerDue,
    Undeliverable,
    WithdrawEffect,
)
from sagamore.engine.runtime.poison import Poison, id_of_timer, name_of_accepted
from sagamore.engine.text import error_text
from sagamore.engine.turn import Routes, Turn

WEIGHED_EVERY = 32  # turns of a batch, and after 2, 4, 8 and 16: a look costs some microseconds


class Work(msgspec.Struct):
    """An item, read: its message and the entities it names, or why it cannot be."""

    item: Item
    message: Message | None = None
    keys: tuple[str, ...] = ()
    error: Exception | None = None
    effect: str = ""
    """An effect whose row it needs."""


class TurnTaker:
    """Takes the turns of one partition's batches."""

    def __init__(
        self, address: Address, actor: Actor[Any, Any], routes: Routes, codec: Codec, clock: Clock, limits: Limits,
        poison: Poison, effects: Effects, committed: Committed,
    ) -> None:  # fmt: skip
        self._address, self._partition = address, partition_of(address)
        self._actor, self._routes, self._codec = actor, routes, codec
        self._clock, self._limits, self._poison = clock, limits, poison
        self._effects, self._committed = effects, committed
        self._takers: dict[type[Item], Callable[[Batch, Work, Any], None]] = {
            Delivery: self._take_delivery,
            Command: self._take_command,
            TimerDue: self._take_timer,
            RetryDue: self._take_retry,
            AttemptEnded: lambda batch, work, ended: self._take_outcome(batch, work, effects.ended(batch, ended)),
            ParkEffect: lambda batch, work, item: self._take_outcome(batch, work, effects.park(batch, item.row)),
            WithdrawEffect: lambda batch, work, item: self._take_outcome(
                batch, work, effects.withdraw(batch, item.effect)
            ),
            MarkAttempt: lambda batch, _, item: effects.mark(batch, item.row),
            Undeliverable: self._bury_all,
        }

    def take(self, batch: Batch, works: Sequence[Work]) -> int:
        """Take turns until all are taken, their time is up or their bytes are many; how many were."""
        started_ms, most = self._clock.elapsed_ms(), len(works)
        try:
            for n, work in enumerate(works):
                if n > 1 and (n % WEIGHED_EVERY == 0 or n & (n - 1) == 0):
                    most = n * self._limits.batch_bytes_max // max(batch.guessed_bytes(), 1)
                if n and (n >= most or self._clock.elapsed_ms() - started_ms >= self._limits.batch_turns_ms):
                    return n
                self._takers[type(work.item)](batch, work, work.item)
        finally:
            self._poison.clear()
        return len(works)

    # --- the kinds of items ---

    def _take_delivery(self, batch: Batch, work: Work, delivery: Delivery) -> None:
        envelope, stream = delivery.envelope, (delivery.sender, delivery.lane)
        last = batch.inbox.get(stream)
        if last is None:
            last = self._committed.inbox.get(stream, 0)
        if envelope.seq == last + 1:
            batch.inbox[stream] = envelope.seq
            batch.acknowledge.add(stream)
            self._accepted(batch, work, delivery.sender, envelope, ())
        elif envelope.seq <= last:
            batch.acknowledge.add(stream)
        else:
            batch.rewind.add(stream)

    def _take_retry(self, batch: Batch, work: Work, due: RetryDue) -> None:
        row = due.row
        if self._committed.retries.get(row.id) is row and row.id not in batch.retries:
            batch.retries[row.id] = None
            self._accepted(batch, work, row.sender, row.envelope, row.errors)

    def _take_timer(self, batch: Batch, work: Work, due: TimerDue) -> None:
        row = due.row
        key = (row.entity, row.name)
        if self._committed.timers.get(row.id) is row and key not in batch.timers:
            batch.timers[key] = None
            envelope = Envelope(0, id_of_timer(row), row.correlation, row.due_ms, row.body)
            self._accepted(batch, work, self._address, envelope, ())

    def _take_outcome(self, batch: Batch, work: Work, outcome: tuple[EffectRow, EffectOutcome] | None) -> None:
        if outcome is None:
            return
        row, message = outcome
        envelope = Envelope(
            0, self._outcome_id(row, message), row.correlation, batch.now_ms, message, trace=row.trace
        )  # fmt: skip
        self._accepted(batch, Work(work.item, message, (row.entity,), work.error), self._address, envelope, ())

    def _outcome_id(self, row: EffectRow, outcome: EffectOutcome) -> str:
        return f"{self._address}:{row.turn}.{row.id}.{outcome.verdict}.{row.attempts}"

    def _take_command(self, batch: Batch, work: Work, command: Command) -> None:
        key = command.kept_key
        known = batch.client_keys.get(key) or batch.kept_keys.get(key)
        try:
            self._poison.name(key)
            if known is not None:
                batch.replies.append((command.future, self._known_answer(known, command)))
                return
            turn = self._turn(batch, work, command.id, work.keys[0] if work.keys else "", command.at_ms, "", 1)
            batch.absorb(turn, _type(work.message), command.trace, self._committed.alerts)
        except Exception as error:  # the client's to know: a command that raises is answered and not kept
            batch.replies.append((command.future, error))
            return
        answer, kept = (None, None) if turn.replied is None else (turn.replied.answer, turn.replied.kept)
        batch.replies.append((command.future, answer))
        batch.client_keys[key] = ClientKeyRow(key, command.body_hash, batch.now_ms, kept)

    def _bury_all(self, batch: Batch, _: Work, undeliverable: Undeliverable) -> None:
        receiver, lane = undeliverable.receiver, undeliverable.lane
        for envelope in undeliverable.envelopes:
            letter = envelope.dead_letter or self._letter(batch, envelope)
            error = f"{receiver} does not exist in this program"
            batch.tell_story(envelope, "", f"given up: {error}; dead letter {letter}")
            batch.bury(letter, self._address, envelope, (error,), receiver=receiver)
            batch.undeliverable[receiver, lane] = envelope.seq

    def _letter(self, batch: Batch, envelope: Envelope) -> str:
        return derived_id("dl", batch.now_ms, self._partition, envelope.id, 0)

    def _known_answer(self, known: ClientKeyRow, command: Command) -> Answer:
        if known.body_hash != command.body_hash:
            return KeyReused(command.key)
        if not isinstance(known.answer, msgspec.Raw):
            return known.answer
        answer = bytes(known.answer)
        return None if answer == b"null" else self._codec.decode(answer)

    # --- one turn ---

    def _turn(
        self, batch: Batch, work: Work, message_id: str, correlation: str, at_ms: int, sender: Address, attempt: int,
        *, given_up: bool = False,
    ) -> Turn:  # fmt: skip
        if work.error is not None:
            raise work.error
        keys = work.keys

        def load(key: str) -> Any:
            if key not in keys:
                raise KeyError(f"{self._actor.kind}.entity() did not name {key!r}")
            return self._state(batch, key)

        turn = Turn(
            self._address, self._partition, keys[0], load, self._routes, batch.now_ms, message_id, correlation,
            at_ms, sender, attempt, batch.steady_ms, self._clock.boot,
        )  # fmt: skip
        before = self._state(batch, keys[0])
        handle = self._actor.given_up if given_up else self._actor.handle
        try:
            after = handle(before, work.message, turn)
        except (SystemExit, asyncio.CancelledError) as error:  # not ours: it would end the asking client, or the loop
            raise RuntimeError(f"the handler raised {error!r}") from error
        if after is not before and keys[0] not in turn.saved:
            turn.saved[keys[0]] = after
        if self._actor.reads_back:
            read_back(turn, self._actor)
        return turn

    def _state(self, batch: Batch, key: str) -> Any:
        """The entity as the turns before this one left it."""
        if key in batch.states:
            state: Any = batch.states[key]
        elif (state := self._committed.cache.get(key)) is None:
            state = batch.loaded.get(key)
        if isinstance(state, EntityDamaged):
            raise state
        return self._actor.absent() if state is None and self._actor.absent is not None else state

    def _accepted(self, batch: Batch, work: Work, sender: Address, envelope: Envelope, errors: tuple[str, ...]) -> None:
        """Take an accepted message: what it leads to, a retry or a dead letter."""
        try:
            self._poison.name(name_of_accepted(envelope))
            if type(work.message) is RetryEffect:
                self._retry_effect(batch, work, envelope, work.message.effect)
                return
            turn = self._turn(
                batch, work, envelope.id, self._story(work, envelope), envelope.at_ms, sender, envelope.attempt,
                given_up=envelope.given_up,
            )  # fmt: skip
            batch.absorb(turn, _type(work.message), envelope.trace, self._committed.alerts)
        except Exception as error:  # undone alone; ends in a retry or a dead letter
            self._failed(batch, work, sender, envelope, (*errors, error_text(error)))

    def _story(self, work: Work, envelope: Envelope) -> str:
        """Whoever sends to an entity with an id, which has a story of its own, what follows is part of that."""
        first, mints = work.keys[0] if work.keys else "", self._actor.mints
        return first if mints and is_id(first, mints) else envelope.correlation

    def _retry_effect(self, batch: Batch, work: Work, envelope: Envelope, effect: str) -> None:
        """The entity hears of it before the effect is tried: it must not be settled as if nothing were under way."""
        if work.error is not None:
            raise work.error
        row = self._effects.parked(batch, effect)
        if row is None:
            batch.tell_story(envelope, "", f"effect {effect} has been settled and is not tried again")
            return
        outcome = EffectOutcome(row.id, row.entity, row.operation, "retried")
        heard = Work(work.item, outcome, work.keys)
        turn = self._turn(
            batch, heard, self._outcome_id(row, outcome), row.correlation, batch.now_ms, self._address,
            envelope.attempt,
        )  # fmt: skip
        batch.absorb(turn, _type(outcome), envelope.trace, self._committed.alerts)
        self._effects.retry(batch, row)
        batch.tell_story(envelope, "", f"effect {effect} is tried again")

    def _failed(self, batch: Batch, work: Work, sender: Address, envelope: Envelope, errors: tuple[str, ...]) -> None:
        entity = work.keys[0] if work.keys else ""
        policy = self._actor.turn_policy
        hopeless = work.message is None or self._poison.is_deadly(name_of_accepted(envelope))
        last = self._actor.kind == DEAD_LETTERS  # nowhere to go from there, so it is tried for ever
        if not last and (hopeless or envelope.attempt >= policy.attempts_max):
            letter = envelope.dead_letter or self._letter(batch, envelope)
            batch.tell_story(envelope, entity, f"given up: {errors[-1]}; dead letter {letter}")
            batch.bury(letter, sender, envelope, errors, effect=work.effect)
            return
        wait_ms = policy.backoff.delay_ms(envelope.attempt, self._clock.random_fraction())
        batch.tell_story(envelope, entity, f"failed: {errors[-1]}; tried again in {wait_ms} ms")
        again = msgspec.structs.replace(envelope, attempt=envelope.attempt + 1)
        batch.retries[envelope.id] = RetryRow(sender, batch.now_ms + wait_ms, errors, again)


def _type(message: Message | None) -> str:
    return "" if message is None else type(message).__type__
