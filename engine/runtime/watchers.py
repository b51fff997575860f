"""Live streams: committed changes of one entity, pushed to whoever watches it.

A change is pushed in dispatch, so a watcher never sees what a crash could take back. Each watcher has a bounded queue;
one that falls behind loses the oldest changes, never the newest: states are snapshots, so the newest tells all.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from sagamore.engine.envelope import Address
from sagamore.engine.message import State


class Watcher:
    """One reader's queue of one entity's states; a context manager that leaves the registry."""

    def __init__(self, leave: Callable[["Watcher"], None], changes_max: int) -> None:
        self._leave = leave
        self._changes: deque[State | None] = deque(maxlen=changes_max)
        self._changed = asyncio.Event()

    def push(self, state: State | None) -> None:
        """A committed state."""
        self._changes.append(state)
        self._changed.set()

    async def next(self) -> State | None:
        """The next state; None if the entity was removed."""
        while not self._changes:
            self._changed.clear()
            await self._changed.wait()
        return self._changes.popleft()

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, *_: object) -> None:
        self._leave(self)


class Watchers:
    """All watchers, by partition and entity."""

    def __init__(self, changes_max: int) -> None:
        self._changes_max = changes_max
        self._watchers: dict[Address, dict[str, set[Watcher]]] = {}

    def watch(self, address: Address, key: str) -> Watcher:
        """Watch one entity; use it in a `with`."""

        def leave(watcher: Watcher) -> None:
            watchers = self._watchers[address][key]
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[address][key]

        watcher = Watcher(leave, self._changes_max)
        self._watchers.setdefault(address, {}).setdefault(key, set()).add(watcher)
        return watcher

    def watched(self, address: Address) -> Mapping[str, object]:
        """The watched keys of a partition."""
        return self._watchers.get(address, {})

    def push(self, address: Address, key: str, state: State | None) -> None:
        """An entity's committed change."""
        for watcher in self._watchers[address][key]:
            watcher.push(state)

    def statistics(self) -> int:
        """How many there are."""
        return sum(len(watchers) for by_key in self._watchers.values() for watchers in by_key.values())
