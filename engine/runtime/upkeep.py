"""What a partition does for its file between two batches: its WAL is moved into it when that has grown, and old client
keys and deaths are forgotten (PROTOCOL 14, 17). Of no other kind of row is any ever removed.
"""

from sagamore.engine.envelope import Address
from sagamore.engine.limits import Limits
from sagamore.engine.ports import Journal

PRUNE_EVERY_MS = 60_000  # old keys are looked for so often; while there are many, after every batch


class Upkeep:
    """Of one partition's file."""

    def __init__(self, address: Address, journal: Journal, limits: Limits, now_ms: int) -> None:
        self._address, self._journal, self._limits = address, journal, limits
        self._prune_at_ms = now_ms
        self.wal_bytes = 0

    async def after_batch(self, now_ms: int) -> None:
        """The commit of a batch is on disk."""
        self.wal_bytes = await self._journal.checkpoint(self._limits.checkpoint_wal_bytes)
        if now_ms >= self._prune_at_ms:
            before_ms, most = now_ms - self._limits.client_key_ttl_ms, self._limits.prune_rows_max
            gone = await self._journal.prune(before_ms, most)
            self._prune_at_ms = now_ms + (PRUNE_EVERY_MS if gone < most else 0)

    def wal_problem(self) -> str:
        """Who keeps the WAL from being checked in, if it has grown too large; else empty."""
        if self.wal_bytes <= self._limits.wal_bytes_alert:
            return ""
        kept = f"{self._address}: {self.wal_bytes >> 20} MB of WAL"
        readers = ", ".join(map(str, self._journal.readers()))
        if not readers:
            return f"{kept} wait to be checked in after the next batch"
        return f"{kept} cannot be checked in while process {readers} reads; end that reader"
