"""One order alone, from `place` to CONFIRMED: six commits one after the other, each with its sync.

Goal: what a customer waits for in a quiet shop. Non-goal: latency under load. Caveat: the disk's sync is most of it;
the floor is six one-row commits of plain `sqlite3`.
"""

import sqlite3
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bench.figure import Figure
from bench.shop import open_shop, place

ORDERS = 300
COMMITS = 6


async def run(scale: float) -> list[Figure]:
    """The median."""
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_shop(Path(folder) / "shop") as shop:
            for n in range(max(20, int(ORDERS * scale))):
                started = time.perf_counter()
                order = await place(shop, n)
                await shop.orders.wait(order, timeout=timedelta(seconds=10))
                taken.append((time.perf_counter() - started) * 1000)
        floor_ms = _commit_ms(Path(folder)) * COMMITS
    return [Figure("one order alone, p50", statistics.median(taken), "ms", 6, 3, "less", floor_ms)]


def _commit_ms(folder: Path) -> float:
    connection = sqlite3.connect(folder / "floor.sqlite", isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(x);")
    taken = []
    for n in range(100):
        started = time.perf_counter()
        connection.execute("INSERT INTO t VALUES (?)", (n,))
        taken.append((time.perf_counter() - started) * 1000)
    connection.close()
    return statistics.median(taken)
