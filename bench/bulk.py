"""How long a transactional message takes while 100,000 bulk messages wait at its channel: the 99th percentile.

Goal: that what is urgent does not stand behind what is not. The bulk deliveries are written into the files
(`waiting.py`) and are sent all the while, through the same 64 places of the same provider, which takes 5 ms; events
come beside them, 100 a second, and are timed from the call of `publish` until the provider has answered. Some bulk ones
must be left at the end, or the benchmark fails. The floor is the same without any bulk. Non-goal: a rate limit that is
reached; then both lanes wait for the provider's windows.
"""

import asyncio
import tempfile
from pathlib import Path

from bench.figure import Figure
from bench.notifying import Sender, ended, open_shop, p99, sent_within_ms
from bench.waiting import write_waiting

BULK = 100_000
EVENTS = 1_000
EVERY_MS = 10
TAKES_MS = 5


async def run(scale: float) -> list[Figure]:
    """In seconds."""
    bulk, events = max(2_000, int(BULK * scale)), max(20, int(EVENTS * scale))
    with tempfile.TemporaryDirectory() as name:
        folder, channel = Path(name), Sender(takes_ms=TAKES_MS)
        async with open_shop(folder, [channel]) as shop:
            alone_s = p99(await sent_within_ms(shop, channel, events, every_ms=EVERY_MS)) / 1000
        write_waiting(folder / "shop", channel.name, bulk)
        async with open_shop(folder, [channel]) as shop:
            while not ended(shop):  # noqa: ASYNC110 - a counter has no event
                await asyncio.sleep(0.002)
            seconds = p99(await sent_within_ms(shop, channel, events, every_ms=EVERY_MS)) / 1000
            left = bulk + events - ended(shop)
    if left <= 0:
        raise RuntimeError("all bulk messages were sent before the last event: nothing was measured")
    figure = f"transactional p99 while {bulk:,} bulk messages wait"
    return [Figure(figure, seconds, "s", 2, 0.2, "less", alone_s, note=f"{left:,} were left")]
