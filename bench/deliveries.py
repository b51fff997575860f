"""Deliveries a second, one provider call each: at once, and by a provider that takes 50 ms.

Goal: the way of an event from `publish` through its channel's actor and a call until its notification is DONE, every
step durable; from the first publish to the last delivery's end. Events are published while others are sent, 512 clients
at a time, so publishing is in the figure. Non-goals: the network (see `http_deliveries`), latency. Caveats: clients,
engine and provider share one event loop and two cores, so each rate is the best of three; the floor, all commits of a
pass written again by plain `sqlite3`, is recorded in a pass of its own. 512 calls of 50 ms could be 10,240 a second.
"""

import tempfile
import time
from pathlib import Path

from bench.figure import Figure
from bench.floor import recording
from bench.notifying import Sender, ended, in_parallel, open_shop, publish, until_sent
from sagamore import Sagamore

DELIVERIES = 10_000  # a pass
PASSES = 3
SLOW_MS = 50
IN_FLIGHT = 512


async def run(scale: float) -> list[Figure]:
    """`scale` 1 is the real size."""
    deliveries = max(500, int(DELIVERIES * scale))
    at_once = await _measured(Sender(), deliveries)
    slow = await _measured(Sender(takes_ms=SLOW_MS, in_flight_max=IN_FLIGHT), deliveries)
    name = f"deliveries through a provider of {SLOW_MS} ms"
    return [
        Figure("deliveries", at_once[0], "deliveries/s", 2_500, 8_000, floor=at_once[1]),
        Figure(name, slow[0], "deliveries/s", 2_000, 5_000, floor=slow[1]),
    ]


async def _measured(channel: Sender, deliveries: int) -> tuple[float, float]:
    """The rate and its floor."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with open_shop(folder, [channel]) as shop:
            await deliver(shop, deliveries)
            seconds = min([await deliver(shop, deliveries) for _ in range(PASSES)])
            with recording() as recorded:
                await deliver(shop, deliveries)
        floor_s = min(recorded.replay_s(folder / f"floor-{n}") for n in range(PASSES))
    return deliveries / seconds, deliveries / floor_s


async def deliver(shop: Sagamore, deliveries: int) -> float:
    """Publish so many events, each of which becomes one delivery; the seconds until the last was sent."""
    before, started = ended(shop), time.perf_counter()
    await in_parallel(lambda n: publish(shop, n), deliveries)
    await until_sent(shop, before + deliveries)
    return time.perf_counter() - started
