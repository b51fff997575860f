"""The effects of one partition, between its disk and the pools: which may be called, and what an end changes.

A row's way: started by a turn, pending on disk, taken by its provider's pool if that has room for this partition (else
read later, 256 rows at a time, so that a million pending ones cost no memory), ended by a verdict that removes it in
the commit of the turn that hears of it. An end without a verdict is committed as a later time to try again.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from msgspec.structs import replace

from sagamore.engine.actor import Actor
from sagamore.engine.effect import (
    ATTEMPTS_LOGGED_MAX,
    Declined,
    EffectOutcome,
    EffectRow,
    EffectState,
    NotReached,
    Succeeded,
    Throttled,
    Unknown,
    Verdict,
)
from sagamore.engine.envelope import LANES, Address, Envelope, partition_of
from sagamore.engine.errors import UnknownKind
from sagamore.engine.ids import derived_id
from sagamore.engine.policy import EffectPolicy
from sagamore.engine.ports import Clock, Journal
from sagamore.engine.resolution import Step, after_nothing_found, deadline_of
from sagamore.engine.runtime.agenda import Cursor
from sagamore.engine.runtime.batch import Batch
from sagamore.engine.runtime.mailbox import AttemptEnded, Mailbox, ParkEffect
from sagamore.engine.runtime.pool import Pool


class Effects:
    """One partition's effects."""

    def __init__(
        self, address: Address, actor: Actor[Any, Any], pools: Mapping[str, Pool], clock: Clock, mailbox: Mailbox,
        journal: Journal,
    ) -> None:  # fmt: skip
        self._address, self._policies = address, actor.effect_policies
        self._pools, self._clock, self._mailbox, self._journal = pools, clock, mailbox, journal
        self._cursors: dict[tuple[str, int], Cursor[EffectRow]] = {}
        self._opened_ms = clock.now_ms()
        self._taken_turn = 0

    async def open(self, pending: Mapping[str, int], taken_turn: int) -> None:
        """Go on from disk. After an unclean end every effect already there counts as taken (PROTOCOL 3)."""
        self._opened_ms = self._clock.now_ms()
        self._taken_turn = taken_turn
        for pool in self._pools.values():
            for end in pool.adopt(self._address)[1]:
                if await self._is_written(end):
                    pool.forget(self._address, end.row.id)
        for provider, pool in self._pools.items():  # without a pause, so that no end comes in between and is missed
            held, ended = pool.adopt(self._address)
            for lane in LANES:
                self._cursor(provider, lane, anything=pending.get(provider, 0) > 0)
            for row in held.values():
                self._cursor_of(row).under_way[row.id] = row
            for end in ended:
                self._mailbox.put_hint(end)

    async def _is_written(self, ended: AttemptEnded | ParkEffect) -> bool:
        """An end that the last incarnation had in its hands is news, unless its last commit was written after all."""
        row, stored = ended.row, await self._journal.load_effect(ended.row.id)
        if stored is None or stored.state == "parked":
            return True
        return (stored.attempts, stored.due_ms, stored.told) != (row.attempts, row.due_ms, row.told)

    def _cursor(self, provider: str, lane: int, *, anything: bool = False) -> Cursor[EffectRow]:
        cursor = self._cursors.get((provider, lane))
        if cursor is None:
            load = partial(self._journal.load_effects, provider, lane)
            cursor = Cursor(load, lambda row: (row.due_ms, row.id), anything=anything)
            self._cursors[provider, lane] = cursor
        return cursor

    def _cursor_of(self, row: EffectRow) -> Cursor[EffectRow]:
        return self._cursor(row.provider, row.lane)

    # --- what changes a row: called for the items of a batch ---

    def ended(self, batch: Batch, ended: AttemptEnded) -> tuple[EffectRow, EffectOutcome] | None:
        """An attempt or look-up ended: keep what it changes; the news for the entity, if there is any."""
        row = ended.row
        if row.id not in self._cursor_of(row).under_way or row.id in batch.effects:
            return None
        attempts, took_ms = row.attempts + ended.called, ended.ended_ms - ended.began_ms
        match ended.outcome:
            case Succeeded(answer):
                return self._verdict(batch, row, "succeeded", answer, attempts, took_ms)
            case Declined(answer):
                return self._verdict(batch, row, "refused", answer, attempts, took_ms)
            case None:
                return self._nothing_found(batch, row, ended.began_ms)
            case Throttled(retry_after_ms):
                due_ms, deadline_ms = batch.now_ms + retry_after_ms, deadline_of(row, self._policy(row))
                if batch.now_ms < deadline_ms:
                    due_ms = min(due_ms, deadline_ms)
                batch.effects[row.id] = replace(row, due_ms=due_ms)
                return None
            case NotReached(reason):
                self._try_later(batch, ended, state=row.state, heard=reason)
                return None
            case Unknown(reason):
                self._try_later(batch, ended, state="uncertain", heard=reason)
                news = EffectOutcome(
                    row.id, row.entity, row.operation, "unknown", reason, attempts, row.uncertain + 1, took_ms
                )  # fmt: skip
                return None if row.told else (row, news)

    def _verdict(
        self, batch: Batch, row: EffectRow, verdict: Verdict, answer: str, attempts: int, took_ms: int = 0
    ) -> tuple[EffectRow, EffectOutcome]:
        batch.effects[row.id] = None
        outcome = EffectOutcome(
            row.id, row.entity, row.operation, verdict, answer, attempts, row.uncertain, took_ms, row.log
        )  # fmt: skip
        return row, outcome

    def _nothing_found(self, batch: Batch, row: EffectRow, looked_ms: int) -> tuple[EffectRow, EffectOutcome] | None:
        policy, capabilities = self._policy(row), self._pools[row.provider].capabilities
        step = after_nothing_found(row, capabilities, policy, looked_ms)
        if step is Step.PARK:
            return self.park(batch, row)
        if isinstance(step, int):
            batch.effects[row.id] = replace(row, due_ms=step)
        else:
            batch.effects[row.id] = replace(row, due_ms=batch.now_ms, state="pending")
        return None

    def _try_later(self, batch: Batch, ended: AttemptEnded, *, state: EffectState, heard: str) -> None:
        row, policy = ended.row, self._policy(ended.row)
        attempts = row.attempts + (ended.called or state == "uncertain")  # a look-up without an answer counts too
        due_ms = batch.now_ms + policy.backoff.delay_ms(max(attempts, 1), self._clock.random_fraction())
        if row.deadline_ms > batch.now_ms:
            due_ms = min(due_ms, row.deadline_ms)
        unknown = type(ended.outcome) is Unknown
        call = f"attempt {attempts}" if ended.called else "look-up"
        what = f"{'unknown' if unknown else 'not reached'} after {ended.ended_ms - ended.began_ms} ms: {heard}"
        batch.effects[row.id] = replace(
            row, attempts=attempts, state=state, due_ms=due_ms, last_end_ms=ended.ended_ms, last_heard=heard,
            told=row.told or state == "uncertain", uncertain=row.uncertain + (unknown and ended.called),
            log=(*row.log, f"{call}: {what}")[-ATTEMPTS_LOGGED_MAX:],
        )  # fmt: skip
        news = EffectOutcome(row.id, row.entity, row.operation, "unknown")
        cause = f"{self._address}:{row.turn}.{row.id}"
        envelope = Envelope(0, cause, row.correlation, batch.now_ms, news, attempt=max(attempts, 1))
        batch.tell_story(
            envelope, row.entity,
            f"{row.provider} {row.operation}, {call}: {what}; tried again in {due_ms - batch.now_ms} ms",
        )  # fmt: skip

    def park(self, batch: Batch, row: EffectRow) -> tuple[EffectRow, EffectOutcome] | None:
        """Nothing more can be done without a person."""
        if row.id in batch.effects:
            return None
        maybe_sent = row.state != "pending"
        parked = replace(row, state="parked", maybe_sent=maybe_sent)
        batch.effects[row.id] = parked
        silent = "an attempt may have reached the provider" if maybe_sent else "no attempt reached the provider"
        heard = row.last_heard or silent
        if self._policy(row).ends:  # a call that a death cut off was counted by nobody
            known = replace(row, uncertain=max(row.uncertain, int(maybe_sent)))
            return self._verdict(batch, known, "exhausted", heard, row.attempts)
        letter = derived_id("dl", row.created_ms, partition_of(self._address), row.id, 0)
        outcome = EffectOutcome(
            row.id, row.entity, row.operation, "parked", heard, row.attempts, row.uncertain
        )  # fmt: skip
        envelope = Envelope(0, row.id, row.correlation, batch.now_ms, outcome)
        batch.bury(letter, self._address, envelope, (heard,), effect=row.id)
        return parked, outcome

    def mark(self, batch: Batch, row: EffectRow) -> None:
        """From this commit on an attempt may have started, if the pool still waits for that."""
        if row.id not in batch.effects and self._pools[row.provider].awaits_mark(self._address, row.id):
            batch.effects[row.id] = replace(row, state="marked", last_end_ms=batch.now_ms)

    def withdraw(self, batch: Batch, effect: str) -> tuple[EffectRow, EffectOutcome] | None:
        """Take an effect back if no attempt can ever have started."""
        row = batch.effect_rows.get(effect)
        if row is None or effect in batch.effects:
            return None
        if row.attempts or row.state != "pending" or row.turn <= self._taken_turn:
            return None
        if effect in self._cursor_of(row).under_way and not self._pools[row.provider].take_back(self._address, effect):
            return None
        return self._verdict(batch, row, "withdrawn", "", 0)

    def parked(self, batch: Batch, effect: str) -> EffectRow | None:
        """The row that a person's replay is about, unless it has been settled. Raises UnknownKind if its provider is
        gone."""
        row = batch.effect_rows.get(effect)
        if row is None or row.state != "parked" or effect in batch.effects:
            return None
        if row.provider not in self._pools:
            raise UnknownKind("provider", row.provider, f"this program has {', '.join(self._pools) or 'none'}")
        return row

    def retry(self, batch: Batch, row: EffectRow) -> None:
        """It has all its attempts again; its key's lifetime does not start anew."""
        if row.id not in batch.effects:  # else the entity has settled it on hearing of the replay
            state: EffectState = "uncertain" if row.maybe_sent else "pending"
            batch.effects[row.id] = replace(row, state=state, attempts=0, due_ms=batch.now_ms)

    # --- after the commit, and between batches ---

    def release(self, batch: Batch) -> None:
        """The commit is on disk: call what was started, read the others when they are due."""
        for effect, row in batch.effects.items():
            if row is not None and row.state == "marked":
                self._pools[row.provider].marked(self._address, effect)
                continue
            for (provider, _), cursor in self._cursors.items():
                if cursor.under_way.pop(effect, None) is not None:
                    self._pools[provider].forget(self._address, effect)
            if row is not None and row.state != "parked":
                cursor = self._cursor_of(row)
                if row.turn > batch.turn_before and self._pools[row.provider].room(self._address, row.lane) > 0:
                    self._begin(row)
                else:
                    cursor.note(row.due_ms, effect)

    async def refill(self, now_ms: int, rows_max: int) -> None:
        """Read effects that are due, as many as their pools have room for."""
        for (provider, lane), cursor in self._cursors.items():
            room = self._pools[provider].room(self._address, lane)
            if room > 0 and cursor.due(now_ms):
                for row in await cursor.read(now_ms, min(room, rows_max)):
                    self._begin(self._as_known(row))

    def _as_known(self, row: EffectRow) -> EffectRow:
        """A row as it is to be taken after a death: an attempt may have happened that nobody has heard of."""
        keyed = self._pools[row.provider].capabilities.takes_key
        if row.state == "marked" or (keyed and row.turn <= self._taken_turn):
            last_end_ms, uncertain = max(row.last_end_ms, self._opened_ms), row.uncertain + (row.state == "marked")
            return replace(row, state="uncertain", last_end_ms=last_end_ms, uncertain=uncertain)
        return row

    def _begin(self, row: EffectRow) -> None:
        self._cursor_of(row).under_way[row.id] = row
        self._pools[row.provider].take(self._address, row, self._policy(row))

    def _policy(self, row: EffectRow) -> EffectPolicy:
        """The default for a row whose policy a later release has taken away."""
        return self._policies.get(row.policy) or EffectPolicy()

    def next_due_ms(self) -> int | None:
        """When to look again, as far as the pools have room."""
        due = [
            cursor.next_due_ms
            for (provider, lane), cursor in self._cursors.items()
            if cursor.next_due_ms is not None and self._pools[provider].room(self._address, lane) > 0
        ]
        return min(due, default=None)

    @property
    def under_way(self) -> int:
        """Effects in memory."""
        return sum(len(cursor.under_way) for cursor in self._cursors.values())
