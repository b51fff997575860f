"""Orders confirmed a second, what share of the floor that is, row writes and bytes on disk an order.

Goal: the rate at which one process takes orders through the whole saga, every turn durable. Non-goals: latency (see
`latency`), a real provider's time. Caveats: client, engine and provider share one event loop and two cores; what others
do on the machine is in every pass, so rate and floor are each the best of three. The floor is recorded in a pass of its
own, since keeping every commit in memory slows the run that is recorded.
"""

import tempfile
from pathlib import Path

from bench.figure import Figure
from bench.floor import recording
from bench.shop import confirm, open_shop

ORDERS = 10_000  # a pass
PASSES = 3


async def run(scale: float) -> list[Figure]:
    """`scale` 1 is the real size."""
    orders = max(200, int(ORDERS * scale))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop"
        async with open_shop(path) as shop:
            await confirm(shop, orders)
            seconds = min([await confirm(shop, orders) for _ in range(PASSES)])
            with recording() as recorded:
                await confirm(shop, orders)
        size = sum(file.stat().st_size for file in path.iterdir())
        floor_s = min(recorded.replay_s(Path(folder) / f"floor-{n}") for n in range(PASSES))
    rate, floor = orders / seconds, orders / floor_s
    return [
        Figure("orders confirmed", rate, "orders/s", 4_000, 10_000, floor=floor),
        Figure("share of the floor", rate / floor, "", 0.4, 0.8),
        Figure("row writes", recorded.rows() / orders, "rows/order", note="aim 16"),
        Figure("bytes on disk", size / (orders * (PASSES + 2)), "bytes/order", 6_000, 3_000, "less"),
    ]
