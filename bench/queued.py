"""Resident memory with 1,000,000 queued deliveries, whose provider hangs: what waits, waits on disk.

Goal: that memory does not grow with the queue. A shop is opened, sends a thousand, and its memory is read; it is
closed, the queue is written into its files (`waiting.py`), it is opened again and told of a thousand more events, and
memory is read while all places of the provider are taken and everything else waits. Non-goal: filling the queue, which
`deliveries` measures. Caveat: SQLite's page cache, 2 MB a file, is in it.
"""

import tempfile
from pathlib import Path

from bench.deliveries import deliver
from bench.figure import Figure
from bench.memory import MB, resident_bytes
from bench.notifying import Hanging, Sender, ended, in_parallel, open_shop, publish
from bench.waiting import write_waiting

QUEUED = 1_000_000
BESIDE = 1_000


async def run(scale: float) -> list[Figure]:
    """Growth of the resident set."""
    queued = max(5_000, int(QUEUED * scale))
    with tempfile.TemporaryDirectory() as name:
        folder, hanging = Path(name), Hanging()
        async with open_shop(folder, [Sender()]) as shop:
            await deliver(shop, BESIDE)
            before = resident_bytes()
        write_waiting(folder / "shop", hanging.name, queued)
        async with open_shop(folder, [hanging]) as shop:
            await in_parallel(lambda n: publish(shop, n), BESIDE)
            grown = (resident_bytes() - before) / MB
            under_way, sent = shop.statistics().engine.pools[hanging.name].in_flight, ended(shop)
            hanging.let_go.set()
    if under_way < hanging.capabilities.in_flight_max or sent:
        raise RuntimeError(f"{under_way} calls hang and {sent} deliveries were sent: this is not the queue meant")
    return [Figure(f"memory with {queued:,} queued deliveries", grown, "MB more", 150, 50, "less")]
