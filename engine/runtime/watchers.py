"""Live streams: committed changes of one entity, pushed to whoever watches it.

A change is pushed in dispatch, so a watcher never sees what a crash could take back. Each watcher keeps a bounded
number of changes; one that falls behind loses the oldest, never the newest: a state is a snapshot, so the newest tells
all. When the engine stops, whoever still waits is told.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from sagamore.engine.envelope import Address
from sagamore.engine.errors import Closed
from sagamore.engine.message import State

Seen = Callable[[State | None], None]
Ended = Callable[[Closed], None]


class Watcher:
    """One reader's queue of one entity's states; a context manager that leaves the registry."""

    def __init__(self, watchers: "Watchers", address: Address, key: str, changes_max: int) -> None:
        self._watchers, self._address, self._key = watchers, address, key
        self._changes: deque[State | None] = deque(maxlen=changes_max)
        self._changed = asyncio.Event()
        self._closed: Closed | None = None

    def _push(self, state: State | None) -> None:
        self._changes.append(state)
        self._changed.set()

    def _end(self, closed: Closed) -> None:
        self._closed = closed
        self._changed.set()

    async def next(self) -> State | None:
        """The next state; None if the entity was removed. Raises Closed when the engine has stopped and all changes
        are read."""
        while not self._changes:
            if self._closed is not None:
                raise self._closed
            self._changed.clear()
            await self._changed.wait()
        return self._changes.popleft()

    def __enter__(self) -> "Watcher":
        self._watchers.enter(self._address, self._key, self._push, self._end)
        return self

    def __exit__(self, *_: object) -> None:
        self._watchers.leave(self._address, self._key, self._push)


class Watchers:
    """All watchers, by partition and entity."""

    def __init__(self, changes_max: int) -> None:
        self._changes_max = changes_max
        self._watchers: dict[Address, dict[str, dict[Seen, Ended]]] = {}

    def watch(self, address: Address, key: str) -> Watcher:
        """Watch one entity; use it in a `with`."""
        return Watcher(self, address, key, self._changes_max)

    def enter(self, address: Address, key: str, seen: Seen, ended: Ended) -> None:
        """Call `seen` with each committed state of the entity, until `leave`; `ended` if the engine stops first."""
        self._watchers.setdefault(address, {}).setdefault(key, {})[seen] = ended

    def leave(self, address: Address, key: str, seen: Seen) -> None:
        """No more."""
        by_key = self._watchers[address]
        del by_key[key][seen]
        if not by_key[key]:
            del by_key[key]

    def watched(self, address: Address) -> Mapping[str, object]:
        """The watched keys of a partition."""
        return self._watchers.get(address, {})

    def push(self, address: Address, key: str, state: State | None) -> None:
        """An entity's committed change."""
        for seen in tuple(self._watchers[address][key]):
            seen(state)

    def close(self) -> None:
        """Nothing is committed any more."""
        for by_key in self._watchers.values():
            for watching in by_key.values():
                for ended in watching.values():
                    ended(Closed("the engine stopped while this was watched"))

    def statistics(self) -> int:
        """How many there are."""
        return sum(len(watchers) for by_key in self._watchers.values() for watchers in by_key.values())
