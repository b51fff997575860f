"""What a batch reads before its turns: its messages, decoded, and the entities they name, one read for all the misses.

What cannot be read is not the end of the batch: the message, or the entity, carries its error to the turn, which fails
alone.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from sagamore.engine.actor import Actor
from sagamore.engine.dead_letters import RetryEffect
from sagamore.engine.effect import EffectOutcome
from sagamore.engine.envelope import Address
from sagamore.engine.errors import EntityDamaged
from sagamore.engine.limits import Limits
from sagamore.engine.message import Body, Codec, Message, State
from sagamore.engine.ports import Journal
from sagamore.engine.runtime.batch import Batch
from sagamore.engine.runtime.cache import Cache
from sagamore.engine.runtime.mailbox import (
    Command,
    Delivery,
    Item,
    MarkAttempt,
    RetryDue,
    TimerDue,
    Undeliverable,
    WithdrawEffect,
)
from sagamore.engine.runtime.poison import Poison, name_of, name_of_state
from sagamore.engine.runtime.turns import Work
from sagamore.engine.text import error_text


class Loader:
    """Reads for one partition. `cache` holds committed states only."""

    def __init__(
        self, address: Address, actor: Actor[Any, Any], journal: Journal, cache: Cache, poison: Poison,
        limits: Limits,
    ) -> None:  # fmt: skip
        self._address, self._actor, self._journal, self._cache = address, actor, journal, cache
        self._poison = poison
        self._entities_max = limits.batch_entities_max
        self._states = Codec(actor.state_types)
        self._messages = Codec((*actor.message_types, EffectOutcome, RetryEffect))
        self.misses = 0

    async def load(self, batch: Batch, items: Sequence[Item]) -> list[Work]:
        """Decode the messages and read the entities they name, one read for all that are not cached. Fewer works than
        items: the batch has as many entities as it may."""
        try:
            works = [self._read_item(item) for item in items]
        finally:
            self._poison.clear()
        missing: dict[str, None] = {}
        for n, work in enumerate(works):
            if work.effect:
                row = batch.effect_rows[work.effect] = await self._journal.load_effect(work.effect)
                work.keys = () if row is None else (row.entity,)
            for key in work.keys:
                if key not in self._cache and not self._cache.is_absent(key):
                    missing[key] = None
            if len(missing) >= self._entities_max:
                works = works[: n + 1]
                break
        if missing:
            self.misses += len(missing)
            await self._cache.mark(missing, self._journal.highest_key)
            for key, stored in (await self._journal.load(list(missing))).items():
                batch.loaded[key] = self._decode_state(key, stored)
        used = [c.kept_key for work in works if type(c := work.item) is Command and not c.fresh_key]
        if used:
            batch.kept_keys = await self._journal.load_client_keys(used)
        return works

    def _read_item(self, item: Item) -> Work:
        if isinstance(item, Delivery):  # most are
            return self._decode(item, item.envelope.body)
        match item:
            case Command(message):
                return self._name(item, message)
            case TimerDue(row):
                return self._decode(item, row.body)
            case RetryDue(row):
                return self._decode(item, row.envelope.body)
            case WithdrawEffect(effect):
                return Work(item, effect=effect)
            case Undeliverable() | MarkAttempt():
                return Work(item)
            case _:
                return Work(item, keys=(item.row.entity,))

    def _decode(self, item: Delivery | TimerDue | RetryDue, body: Body) -> Work:
        if not isinstance(body, msgspec.Raw):
            return self._name(item, body)
        try:
            self._poison.name(name_of(item))  # `upcast` is the record's own code
            message = self._messages.decode(bytes(body))
        except Exception as error:
            return Work(item, error=error)
        return self._name(item, message)

    def _name(self, item: Command | Delivery | TimerDue | RetryDue, message: Message) -> Work:
        if type(message) is RetryEffect:
            return Work(item, message, effect=message.effect)
        if type(message) is EffectOutcome:
            return Work(item, message, (message.entity,))
        try:
            self._poison.name(name_of(item))
            found = self._actor.entity(message)
            if isinstance(found, str):
                return Work(item, message, (found,))
            keys = tuple(found)
            if not keys or not all(isinstance(key, str) for key in keys):
                raise TypeError(f"entity() of {self._actor.kind} returned {found!r}; a key, or a tuple of keys")
        except Exception as error:  # the actor's own code: its message fails like a turn that raises
            return Work(item, message, error=error)
        return Work(item, message, keys)

    def _decode_state(self, key: str, stored: bytes) -> Any:
        try:
            self._poison.name(name_of_state(key, self._actor.state_types))  # `upcast` is the record's own code
            return self._states.decode(stored)
        except Exception as error:
            return EntityDamaged(self._address, key, error_text(error))
        finally:
            self._poison.clear()

    async def read(self, key: str) -> State | None:
        """One entity as last committed, past the cache. Raises EntityDamaged."""
        stored = (await self._journal.load((key,))).get(key)
        state: State | EntityDamaged | None = None if stored is None else self._decode_state(key, stored)
        if isinstance(state, EntityDamaged):
            raise state
        return state
