"""What a partition has in memory of what is on its disk; a commit's success, and nothing else, changes it."""

from collections.abc import Sequence

import msgspec

from sagamore.engine.envelope import Address
from sagamore.engine.message import State
from sagamore.engine.ports import AlertRow, IndexChange, RetryRow, TimerRow
from sagamore.engine.runtime.batch import Batch
from sagamore.engine.runtime.cache import Cache


class Committed(msgspec.Struct):
    """One partition's."""

    inbox: dict[tuple[Address, int], int]
    cache: Cache
    alerts: dict[tuple[str, str], AlertRow]
    deaths: dict[str, int]
    retries: dict[str, RetryRow]
    """Retries read from disk and due, whose rows are still there."""
    timers: dict[str, TimerRow]

    def keep(self, batch: Batch) -> None:
        """The commit of this batch is on disk."""
        self.inbox |= batch.inbox
        for key, loaded in batch.loaded.items():
            if isinstance(loaded, State):
                self.cache[key] = loaded
        for key, changed in batch.states.items():
            self.cache.keep(key, changed)
        self.cache.trim()
        for name_and_subject, alert in batch.alerts.items():
            self.alerts.pop(name_and_subject, None)
            if alert is not None:
                self.alerts[name_and_subject] = alert

    def before(self, key: str, batch: Batch) -> State | None:
        """An entity as it is on disk while a batch that read it is not."""
        return self.cache.get(key) or batch.loaded.get(key)

    def index_changes(self, batch: Batch, fields: Sequence[str]) -> list[IndexChange]:
        """What of the declared fields the batch changes."""
        changes: list[IndexChange] = []
        for key, after in batch.states.items() if fields else ():
            before = self.before(key, batch)
            for field in fields:
                old, new = getattr(before, field, None), getattr(after, field, None)
                if old != new:
                    changes.append(IndexChange(field, key, _index_value(old), _index_value(new)))
        return changes


def _index_value(value: object) -> str | None:
    return None if value in (None, "") else str(value)
