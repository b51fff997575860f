"""A partition's committed entities in memory: a bounded number, the longest unchanged go first.

Ids rise, so most of those that a batch names for the first time need no read. Per prefix a mark tells which: every
stored entity above it is in the cache. It begins at the highest id on disk, and an id that is evicted raises it.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable

from sagamore.engine.ids import ID_DIGITS
from sagamore.engine.message import State

PREFIXES_MAX = 64  # of a partition's ids; keys with more only cost reads


class Cache(OrderedDict[str, State]):
    """By key, in the order of their last changes; a plain dict looks for its first key behind all that went."""

    def __init__(self, entities_max: int) -> None:
        super().__init__()
        self._entities_max = entities_max
        self._marks: dict[str, str] = {}

    def is_absent(self, key: str) -> bool:
        """Whether `key`, which is not cached, is known not to be on disk either."""
        prefix, _, digits = key.rpartition("_")
        return len(digits) == ID_DIGITS and key > self._marks.get(prefix, key)

    async def mark(self, keys: Iterable[str], highest_key: Callable[[str], Awaitable[str]]) -> None:
        """Begin to mark the prefixes of these keys; `highest_key` reads the highest stored one of a prefix."""
        for key in keys:
            prefix, _, digits = key.rpartition("_")
            if prefix not in self._marks and len(digits) == ID_DIGITS and len(self._marks) < PREFIXES_MAX:
                self._marks[prefix] = await highest_key(prefix)

    def keep(self, key: str, state: State | None) -> None:
        """What a commit has made of an entity; None removes it."""
        if state is None:
            self.pop(key, None)
        else:
            self[key] = state
            self.move_to_end(key)

    def trim(self) -> None:
        """Evict what is too many."""
        while len(self) > self._entities_max:
            key, _ = self.popitem(last=False)
            prefix = key.rpartition("_")[0]
            if key > self._marks.get(prefix, key):
                self._marks[prefix] = key
