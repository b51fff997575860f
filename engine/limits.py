"""Every bound of the engine, with its reason, in one frozen record.

Relations between them are checked when a record is made, so that a wrong setting fails at the door.
"""

import msgspec

from sagamore.engine.errors import InvalidInput
from sagamore.engine.policy import DAY_MS, MINUTE_MS, SECOND_MS

MESSAGE_BYTES_MAX = 1 << 19  # an order of 1,000 lines is 120 kB


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The defaults suit one shop on two cores; a host changes what it measures."""

    mailbox_messages_max: int = 1024
    """Per lane of a mailbox: four batches, so that a partition never waits for its senders under load."""
    batch_messages_max: int = 256
    """Where group commit stops paying: 275,000 rows a second at 256 a commit, hardly more above."""
    batch_entities_max: int = 1_000
    batch_bytes_max: int = 1 << 20
    """Keeps a commit to a few milliseconds of disk. Some turns are weighed, the others taken to come to as much; a
    batch that came to more makes the next one smaller."""
    batch_turns_ms: int = 5
    """Turns share the event loop with everyone else; 5 ms is what a neighbour may wait."""
    inside_share: int = 3
    """Of four places of a batch inside traffic has three, clients one: what is accepted finishes first."""
    cache_entities_max: int = 20_000
    """Per partition; about 40 MB of orders."""
    due_rows_max: int = 256
    """Timers, retries, effects and spilled parcels are read from disk so many at a time."""
    key_characters_max: int = 255
    """An idempotency key, as the strictest providers have it."""

    acknowledge_idle_ms: int = 50
    """An idle partition deletes acknowledged rows after so long; a busy one does it with its next commit."""
    backlog_messages_max: int = 20_000
    """Messages waiting on a partition's disk for others, beyond which clients are refused: seconds of work."""
    backlog_age_max_ms: int = 30 * SECOND_MS
    free_disk_bytes_min: int = 64 << 20
    """Kept so that what is accepted can still finish."""
    retry_after_ms: int = 200
    """What a refused client is told when nothing better is known."""

    checkpoint_wal_bytes: int = 4 << 20
    """Above it a passive checkpoint, for which the next batch waits, since both are one connection's: 10 ms here."""
    wal_bytes_alert: int = 64 << 20
    """Above it health says who reads, and so keeps the WAL from being checked in."""

    restarts_max: int = 5
    restarts_period_ms: int = MINUTE_MS
    """More deaths of one partition than this and it stays down."""
    deaths_max: int = 3
    """A message that was being taken at so many deaths of the process becomes a dead letter."""
    overdue_spread_ms: int = 2 * SECOND_MS
    """What fell due while nobody ran is spread over this long after a start."""
    stop_timeout_ms: int = 30 * SECOND_MS
    """Calls in flight get so long when the engine stops; then they are unknown."""
    client_key_ttl_ms: int = 30 * DAY_MS
    prune_rows_max: int = 200
    """Old keys go in small batches, so that no commit notices."""
    watcher_changes_max: int = 64
    """A reader of live changes that is further behind is told so and ended."""

    def __post_init__(self) -> None:
        for field in self.__struct_fields__:
            limit = getattr(self, field)
            if type(limit) is not int or limit < 1:
                raise InvalidInput(field, limit, "a whole number, at least 1")
        if self.batch_messages_max > self.mailbox_messages_max:
            raise InvalidInput("batch_messages_max", self.batch_messages_max, "at most mailbox_messages_max")
        if self.checkpoint_wal_bytes >= self.wal_bytes_alert:
            raise InvalidInput("checkpoint_wal_bytes", self.checkpoint_wal_bytes, "less than wal_bytes_alert")
