"""One partition: a task, a bounded mailbox, one file. Its loop is five steps:

    take a batch from the mailbox; load the entities it names; take the turns; commit; dispatch what the commit released

Everything that touches the file's connection happens in this loop, one thing after the other, so no read can race a
commit. A partition that dies takes its mailbox, cache, cursors and futures with it; nothing else refers to them.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from sagamore.engine.actor import Actor
from sagamore.engine.envelope import Address
from sagamore.engine.errors import Closed, CommitRefused, EntityDamaged, NotEncodable, OutcomeUnknown
from sagamore.engine.message import Codec, State
from sagamore.engine.ports import Journal, Opened, Scheduled
from sagamore.engine.runtime.batch import Batch
from sagamore.engine.runtime.cache import Cache
from sagamore.engine.runtime.committed import Committed
from sagamore.engine.runtime.effects import Effects
from sagamore.engine.runtime.environment import Environment
from sagamore.engine.runtime.gate import Gate
from sagamore.engine.runtime.loader import Loader
from sagamore.engine.runtime.mailbox import (
    AttemptEnded,
    Command,
    Delivery,
    Item,
    Mailbox,
    MailboxStatistics,
    MarkAttempt,
    ParkEffect,
    Undeliverable,
)
from sagamore.engine.runtime.poison import Poison
from sagamore.engine.runtime.relay import Relay, RelayStatistics
from sagamore.engine.runtime.reminders import Reminders
from sagamore.engine.runtime.turns import TurnTaker
from sagamore.engine.runtime.upkeep import Upkeep


class PartitionStatistics(msgspec.Struct, frozen=True):
    """What a partition has done since it opened, and holds now."""

    mailbox: MailboxStatistics
    relay: RelayStatistics
    batches: int
    turns: int
    cached: int
    cache_misses: int
    effects_under_way: int
    wal_bytes: int


class Partition:
    """One incarnation of a partition, from `open` to its death or stop."""

    def __init__(self, address: Address, actor: Actor[Any, Any], journal: Journal, environment: Environment) -> None:
        self.address = address
        self.actor = actor
        self.journal = journal
        self._env = environment
        self._limits, self._clock = environment.limits, environment.clock
        self.mailbox = Mailbox(self._limits)
        self._effects = Effects(address, actor, environment.pools, self._clock, self.mailbox, journal)
        self._waiting_for_room: deque[tuple[Address, int]] = deque()
        self._commands: list[Command] = []
        self._wake = asyncio.Event()
        self._alarm: Scheduled | None = None
        self._flush_alarm: Scheduled | None = None
        self._flush_wanted = self._stopping = False
        self._batches = 0
        self._items_max = self._limits.batch_messages_max

    async def open(self) -> Opened:
        """Read the position from the file. Raises DirectoryError."""
        opened = await self.journal.open()
        self.opened = opened
        self.turn = opened.turn
        self._now_ms = self._clock.now_ms()
        self.upkeep = Upkeep(self.address, self.journal, self._limits, self._now_ms)
        self.relay = Relay(self.address, opened, self._env.peer, self._now_ms)
        self._reminders = Reminders(self.journal, opened, self.mailbox, self._clock, self._limits, self._wake.set)
        await self._effects.open(opened.effects, opened.taken_turn)
        alerts = {(alert.name, alert.subject): alert for alert in opened.alerts}
        cache = Cache(self._limits.cache_entities_max)
        self.committed = Committed(
            opened.inbox, cache, alerts, opened.deaths, self._reminders.retries, self._reminders.timers
        )
        self.gate = Gate(
            self.address, self.actor, self._env, self.committed, self.relay, self._reminders, self._effects,
            self.mailbox,
        )  # fmt: skip
        poison = Poison(self.address, self._env.slot, self.committed.deaths, self._limits.deaths_max)
        self._loader = Loader(self.address, self.actor, self.journal, cache, poison, self._limits)
        answers = Codec(dict.fromkeys((*self.actor.state_types, *self.actor.message_types, *self.actor.replies)))
        self._taker = TurnTaker(
            self.address, self.actor, self._env.routes, answers, self._clock, self._limits, poison, self._effects,
            self.committed,
        )  # fmt: skip
        return opened

    # --- what others call ---

    def receive(self, lane: int, deliveries: Sequence[Delivery]) -> int:
        """Messages of another partition's relay: how many fitted."""
        taken = self.mailbox.offer(lane, deliveries)
        if taken:
            self._wake.set()
        return taken

    def tell_when_room(self, sender: Address, lane: int) -> None:
        """Wake that sender's relay when the lane has room."""
        self._waiting_for_room.append((sender, lane))

    def room_made(self, receiver: Address, lane: int) -> None:
        """A receiver that had no room has some."""
        self.relay.room(receiver, lane)
        self._wake.set()

    def acknowledged(self, receiver: Address, lane: int, number: int) -> None:
        """A receiver has committed this partition's messages up to `number`."""
        self.relay.acknowledged(receiver, lane, number, self._clock.now_ms())
        self._flush_soon()

    def _flush_soon(self) -> None:
        """An idle partition deletes what is acknowledged too."""
        if self._flush_alarm is None and self.relay.has_deletable:
            at_ms = self._clock.now_ms() + self._limits.acknowledge_idle_ms
            self._flush_alarm = self._clock.call_at(at_ms, self._flush)

    def rewind(self, receiver: Address, lane: int, number: int) -> None:
        """A receiver wants the message after `number` next."""
        self.relay.rewind(receiver, lane, number)
        self._wake.set()

    def ask(self, command: Command) -> bool:
        """A client's command; False if its lane is full."""
        if not self.mailbox.put_command(command):
            return False
        self._wake.set()
        return True

    def hear(self, news: AttemptEnded | ParkEffect | MarkAttempt) -> None:
        """A pool's news of an effect, or the mark that it waits for."""
        if isinstance(news, MarkAttempt):
            self.mailbox.put_control(news)
        else:
            self.mailbox.put_hint(news)
        self._wake.set()

    def look_again(self) -> None:
        """There may be messages to hand over or to delete."""
        self._flush_soon()
        self._wake.set()

    def _flush(self) -> None:
        self._flush_alarm, self._flush_wanted = None, True
        self._wake.set()

    async def read(self, key: str) -> State | None:
        """An entity as last committed. Raises EntityDamaged."""
        return self.committed.cache.get(key) or await self._loader.read(key)

    # --- the loop ---

    async def run(self) -> None:
        """Take batches until told to stop. Whatever it raises is the death of this incarnation."""
        await self._tell_watchers()
        while True:
            await self._until_work()
            await self._refill()
            items = self.mailbox.take(self._items_max)
            self._tell_waiting()
            if items or self._flush_wanted:
                await self._process(items)
            if self._stopping:
                await self._take_ends()
                return

    async def _tell_watchers(self) -> None:
        """The last incarnation's last commit may have been written though nobody was told."""
        for key in tuple(self._env.watched(self.address)):
            with contextlib.suppress(EntityDamaged):
                state = await self.read(key)
                if state is not None and key in self._env.watched(self.address):
                    self._env.changed(self.address, key, state)

    async def _take_ends(self) -> None:
        """What calls came to before the stop is kept; all else that waits is on somebody's disk."""
        while ends := self.mailbox.take_ends(self._items_max):
            await self._process(ends)

    async def _until_work(self) -> None:
        while not (len(self.mailbox) or self._flush_wanted or self._stopping or self._anything_on_disk()):
            self._wake.clear()
            self._set_alarm()
            await self._wake.wait()

    def _anything_on_disk(self) -> bool:
        now_ms = self._clock.now_ms()
        due_ms = self._next_due_ms()
        return bool(self.relay.spilled) or (due_ms is not None and due_ms <= now_ms)

    def _next_due_ms(self) -> int | None:
        due = (self._reminders.next_due_ms(), self._effects.next_due_ms())
        return min((ms for ms in due if ms is not None), default=None)

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        due_ms = self._next_due_ms()
        self._alarm = None if due_ms is None else self._clock.call_at(due_ms, self._wake.set)

    async def _refill(self) -> None:
        """Bring what is due, and what has room elsewhere, from disk."""
        now_ms = self._clock.now_ms()
        for stream in self.relay.spilled:
            if self._env.exists(stream[0]):
                await self.relay.refill(stream, self.journal)
            elif envelopes := await self.relay.read(stream, self.journal):
                self.relay.hand_over_to_nobody(stream, envelopes[-1].seq)
                self.mailbox.put_control(Undeliverable(*stream, tuple(envelopes)))
        await self._reminders.refill(now_ms)
        await self._effects.refill(now_ms, self._limits.due_rows_max)

    def _tell_waiting(self) -> None:
        """The batch made room: wake the relays that wait for it, in turn."""
        for _ in range(len(self._waiting_for_room)):
            sender, lane = self._waiting_for_room.popleft()
            if self.mailbox.room(lane) <= 0:
                self._waiting_for_room.append((sender, lane))
            elif (peer := self._env.peer(sender)) is not None:
                peer.room_made(self.address, lane)

    async def _process(self, items: Sequence[Item], refused: Exception | None = None) -> None:
        """The five steps, for the items of one batch; one that was `refused` alone fails like a turn that raises."""
        self._commands = [item for item in items if type(item) is Command]
        self._now_ms = max(self._now_ms, self._clock.now_ms())
        batch = Batch(self.address, self._now_ms, self._clock.steady_ms(), self.turn)
        works = await self._loader.load(batch, items)
        self.mailbox.put_back(items[len(works) :])
        if refused is not None:
            works[0].error = refused
        taken = self._taker.take(batch, works)
        self.mailbox.put_back(items[taken : len(works)])
        try:
            written_bytes = await self._commit(batch)
        except (CommitRefused, NotEncodable) as error:
            if refused is not None:
                raise
            await self._find_culprit(items[:taken], error)
            return
        self._items_max = self._next_items_max(taken, len(works), written_bytes)
        self._batches += 1
        self.turn = batch.turn
        self.gate.release(batch)
        self._commands = []
        self._flush_soon()
        await self.upkeep.after_batch(self._now_ms)

    def _next_items_max(self, taken: int, read: int, written_bytes: int) -> int:
        """How many items the next batch may have: what is not taken need not be read either, and a large commit keeps
        the disk, and whoever waits for it, too long."""
        if taken < read:
            return taken
        if written_bytes > self._limits.batch_bytes_max:
            return max(1, taken * self._limits.batch_bytes_max // written_bytes)
        return min(self._items_max * 2, self._limits.batch_messages_max)

    async def _find_culprit(self, items: Sequence[Item], error: Exception) -> None:
        """The content of a batch was refused: the next ones are half as large, until one alone is refused."""
        if not items:
            raise error
        if len(items) == 1:
            await self._process(items, error)
        else:
            self.mailbox.put_back(items)
            self._items_max = len(items) // 2

    # --- commit ---

    async def _commit(self, batch: Batch) -> int:
        """Make it durable; the bytes it came to."""
        self._flush_wanted = False
        deletable = self.relay.take_deletable()
        if batch.empty and not deletable:
            return 0
        commit = batch.seal(self.relay.next_numbers, deletable, self.committed.index_changes(batch, self.actor.indexed))
        try:
            return await self.journal.commit(commit)
        except (CommitRefused, NotEncodable):
            self.relay.put_back_deletable(deletable)
            raise

    # --- the end ---

    def stop(self) -> None:
        """Finish the batch under way, delete what is acknowledged, return from `run`."""
        self._stopping = self._flush_wanted = True
        self._wake.set()

    async def flush(self) -> None:
        """Every partition has taken its last batch: delete what the others have acknowledged since this one did."""
        if self.relay.has_deletable:
            await self._process(())

    def abandon(self, error: BaseException | None) -> None:
        """This incarnation is over: whoever waits for an answer is told what is known."""
        for alarm in (self._alarm, self._flush_alarm):
            if alarm is not None:
                alarm.cancel()
        for item in (*self._commands, *self.mailbox.drain()):
            if isinstance(item, Command) and not item.future.done():
                if error is None:
                    item.future.set_exception(Closed("the engine stopped before this command was taken"))
                else:
                    item.future.set_exception(OutcomeUnknown(self.address, item.key))

    def statistics(self) -> PartitionStatistics:
        """A snapshot."""
        return PartitionStatistics(
            self.mailbox.statistics(), self.relay.statistics(self._clock.now_ms()), self._batches, self.turn,
            len(self.committed.cache), self._loader.misses, self._effects.under_way, self.upkeep.wal_bytes,
        )  # fmt: skip
