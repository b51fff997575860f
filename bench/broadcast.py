"""A broadcast to 1,000,000 users: how long until the first of them is reached, and memory while it runs.

Goal: that a broadcast begins at once and in flat memory, whatever the size of its audience. The clock runs from the
call of `broadcast` to the first call of the provider, which answers at once; memory is the most that was resident in
the half minute after that, less what was resident before, after a thousand deliveries. Users and members are written
into the files before (`waiting.py`), since joining is not what is asked. Non-goal: how long the whole takes; that is
what `deliveries` says. Caveat: SQLite's page cache, 2 MB a file, is in it.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from bench.deliveries import deliver
from bench.figure import Figure
from bench.memory import MB, resident_bytes
from bench.notifying import OFFER, Sender, ended, open_shop
from bench.waiting import AUDIENCE, write_audience
from sagamore.actors.notifications.channel import Outgoing
from sagamore.actors.notifications.door import Event

MEMBERS = 1_000_000
BESIDE = 1_000
SECONDS = 30
SECONDS_MIN = 1


async def run(scale: float) -> list[Figure]:
    """Both."""
    members, seconds = max(5_000, int(MEMBERS * scale)), max(SECONDS_MIN, SECONDS * scale)
    event = Event(event_type=OFFER, user_id="", data={"order_id": "", "carrier": "Royal Mail", "code": "SUMMER"})
    with tempfile.TemporaryDirectory() as name:
        folder, channel = Path(name), Sender()
        async with open_shop(folder, [channel]):
            pass
        write_audience(folder / "shop", channel.name, members)
        async with open_shop(folder, [channel]) as shop:
            await deliver(shop, BESIDE)
            first: asyncio.Future[float] = asyncio.get_running_loop().create_future()

            def on_sent(_: Outgoing) -> None:
                if not first.done():
                    first.set_result(time.perf_counter())

            channel.on_sent = on_sent
            before, started = resident_bytes(), time.perf_counter()
            await shop.notifications.broadcast(AUDIENCE, event)
            began_s = await first - started
            most = before
            while time.perf_counter() < started + seconds:
                await asyncio.sleep(0.1)
                most = max(most, resident_bytes())
            note = f"{ended(shop) - BESIDE:,} sent in {seconds:.0f} s"
    return [
        Figure(f"a broadcast to {members:,}, first delivery", began_s, "s", 1, 0.2, "less", note=note),
        Figure(f"a broadcast to {members:,}, memory", (most - before) / MB, "MB more", 50, 50, "less", note=note),
    ]
