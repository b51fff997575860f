"""Events accepted a second: published, on disk with the deliveries they become, answered.

Goal: how fast clients get rid of events, 512 of them in flight. Deliveries are not left out: each event becomes one,
which is started at its channel's actor, and the provider, which takes 50 ms for each of 64 calls at once as providers
do, is called behind the answers all the while, by the same loop. The clock stops at the last answer; the note says how
many had been sent by then. All others wait on disk for the provider; they are waited for before the next pass, and
every one must have been sent, or the benchmark fails. Non-goal: a steady state. Where more comes than is sent for long,
the queue grows on disk (see `queued`); with a provider that answers at once a pass is no other than one of
`deliveries`. Caveats: clients, engine and provider share one event loop and two cores, so each figure is the best of
three. The floor is recorded in a pass of its own: all commits until the last answer, written again by plain `sqlite3`;
one-row commits would be the floor of a store that does less.
"""

import tempfile
from pathlib import Path

from bench.figure import Figure
from bench.floor import recording
from bench.notifying import Sender, ended, in_parallel, open_shop, publish, until_sent
from sagamore import Sagamore

EVENTS = 10_000  # a pass
PASSES = 3
TAKES_MS = 50


async def run(scale: float) -> list[Figure]:
    """`scale` 1 is the real size."""
    events = max(500, int(EVENTS * scale))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with open_shop(folder, [Sender(takes_ms=TAKES_MS)]) as shop:
            await _accept(shop, events)
            passes = [await _accept(shop, events) for _ in range(PASSES)]
            with recording() as recorded:
                await in_parallel(lambda n: publish(shop, n), events)
            await until_sent(shop, events * (PASSES + 2))
        floor_s = min(recorded.replay_s(folder / f"floor-{n}") for n in range(PASSES))
    seconds, sent = min(passes)
    note = f"{sent:,} of {events:,} were sent before the last answer"
    return [Figure("events accepted", events / seconds, "events/s", 5_000, 15_000, floor=events / floor_s, note=note)]


async def _accept(shop: Sagamore, events: int) -> tuple[float, int]:
    """The seconds until the last answer, and how many were sent by then."""
    before = ended(shop)
    seconds = await in_parallel(lambda n: publish(shop, n), events)
    sent = ended(shop) - before
    await until_sent(shop, before + events)
    return seconds, sent
