"""Where a message goes: from its actor's kind and its entity's key to a partition, by a hash that never changes.

A key that is an id minted by that actor carries its partition. Any other key is hashed with BLAKE2b, whose name the
directory's manifest records: Python's own `hash()` differs from process to process.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from sagamore.engine.actor import Actor
from sagamore.engine.envelope import Address, address_of
from sagamore.engine.errors import UnknownKind
from sagamore.engine.ids import is_id, partition_of_id
from sagamore.engine.message import Message

HASH_NAME = "blake2b-64"


def stable_hash(key: str) -> int:
    """64 bits of BLAKE2b over the key's UTF-8."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")


class ActorRoutes:
    """Routes over a fixed set of actors."""

    def __init__(
        self,
        actors: Iterable[Actor[Any, Any]],
        partition_counts: Mapping[str, int],
        providers: Iterable[str] | None = None,
    ) -> None:
        self.actors = {actor.kind: actor for actor in actors}
        self.partition_counts = dict.fromkeys(self.actors, 1) | dict(partition_counts)
        self._providers = None if providers is None else frozenset(providers)
        self._subscribers: dict[type[Message], tuple[str, ...]] = {}
        for actor in self.actors.values():
            for event in actor.subscribes:
                self._subscribers[event] = (*self._subscribers.get(event, ()), actor.kind)

    def partition(self, kind: str, key: str) -> int:
        """The partition of `kind` that owns `key`. Raises UnknownKind."""
        count = self.count(kind)
        if count == 1:
            return 0
        mints = self.actor(kind).mints
        if mints and is_id(key, mints):
            return partition_of_id(key) % count
        return stable_hash(key) % count

    def address(self, kind: str, message: Message) -> Address:
        """The partition of `kind` that owns the entity `message` is for. Raises UnknownKind."""
        if self.count(kind) == 1:
            return address_of(kind, 0)
        keys = self.actor(kind).entity(message)
        return address_of(kind, self.partition(kind, keys if isinstance(keys, str) else keys[0]))

    def count(self, kind: str) -> int:
        """How many partitions a kind has. Raises UnknownKind, naming those there are."""
        try:
            return self.partition_counts[kind]
        except KeyError:
            raise UnknownKind("kind", kind, f"this program has {', '.join(sorted(self.actors))}") from None

    def subscribers(self, event: type[Message]) -> tuple[str, ...]:
        """The kinds that get this event, in the order in which the actors were composed."""
        return self._subscribers.get(event, ())

    def check_effect(self, kind: str, provider: str, policy: str) -> None:
        """Raises UnknownKind if there is no such provider (without a list of them every name will do), or if the actor
        has no such policy."""
        if self._providers is not None and provider not in self._providers:
            raise UnknownKind("provider", provider, f"this program has {', '.join(sorted(self._providers)) or 'none'}")
        policies = self.actor(kind).effect_policies
        if policy not in policies:
            raise UnknownKind("policy", policy, f"{kind} has {', '.join(map(repr, sorted(policies)))}")

    def actor(self, kind: str) -> Actor[Any, Any]:
        """The actor of a kind. Raises UnknownKind, naming those there are."""
        try:
            return self.actors[kind]
        except KeyError:
            raise UnknownKind("kind", kind, f"this program has {', '.join(sorted(self.actors))}") from None
