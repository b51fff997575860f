"""The rate with many stored orders, as a share of the rate when empty.

Goal: whether files that grow slow the shop down. 200,000 stored orders by default, 1,000,000 with
`SAGAMORE_BENCH_STORED=1000000`. Caveat: the machine's noise is in both rates, so each is the best of three.
"""

import os
import tempfile
from pathlib import Path

from bench.figure import Figure
from bench.shop import confirm, open_shop

STORED = int(os.environ.get("SAGAMORE_BENCH_STORED", "200000"))
MEASURED = 5_000


async def run(scale: float) -> list[Figure]:
    """Rate when full / rate when empty."""
    stored, measured = max(500, int(STORED * scale)), max(200, int(MEASURED * scale))
    with tempfile.TemporaryDirectory() as folder:
        async with open_shop(Path(folder) / "shop") as shop:
            await confirm(shop, measured)
            empty = max([measured / await confirm(shop, measured) for _ in range(3)])
            await confirm(shop, stored)
            full = max([measured / await confirm(shop, measured) for _ in range(3)])
    name = f"rate with {stored:,} stored orders"
    return [Figure(name, full / empty, "of empty", 0.7, 0.9, note=f"{full:,.0f} of {empty:,.0f} orders/s")]
