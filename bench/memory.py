"""Resident memory with 1,000,000 pending effects: what waits for a provider waits on disk.

Goal: that memory does not grow with the effects. An actor starts them as fast as it can against a provider that
answers none for a day; memory is read after the first thousand and at the end. Caveat: SQLite's page cache, 2 MB a
file, is in it.
"""

import asyncio
import tempfile
from pathlib import Path

from bench.figure import Figure
from sagamore import Actor, Message, Sagamore, State, Turn
from sagamore.engine.effect import Call, Capabilities, Outcome, Throttled
from sagamore.engine.policy import DAY_MS

EFFECTS = 1_000_000
EFFECTS_PER_TURN = 10
MB = 1 << 20


class Start(Message, tag="bench.start", version=1):
    """Start some effects."""

    batch: str


class Started(State, tag="bench.started", version=1):
    """Nothing to remember."""

    count: int = 0


class Request(Message, tag="bench.request", version=1):
    """About what a charge is."""

    order_id: str
    amount: int
    currency: str
    method: str


class Starter(Actor[Started, Start], kind="starter"):
    """Starts effects."""

    def entity(self, message: Start) -> str:
        """One entity a hundred batches."""
        return message.batch[-2:]

    def handle(self, state: Started, message: Start, turn: Turn) -> Started:
        """Ten at a time."""
        for n in range(EFFECTS_PER_TURN):
            request = Request(f"{message.batch}/{n}", 1250, "GBP", "pm_card")
            turn.start("never", "charge", request, key=f"{message.batch}/{n}")
        return Started(state.count + EFFECTS_PER_TURN)


class Never:
    """Puts everything off."""

    name = "never"
    capabilities = Capabilities(takes_key=True, in_flight_max=256)

    async def call(self, call: Call) -> Outcome:
        """Tomorrow."""
        return Throttled(DAY_MS)

    async def look_up(self, call: Call) -> Outcome | None:
        """Not asked."""
        return None


async def run(scale: float) -> list[Figure]:
    """Growth of the resident set."""
    effects = max(5_000, int(EFFECTS * scale))
    with tempfile.TemporaryDirectory() as folder:
        async with Sagamore.open(Path(folder) / "shop", actors=[Starter()], providers=[Never()]) as shop:
            numbers = iter(range(effects // EFFECTS_PER_TURN))

            async def client(most: int) -> None:
                for _, n in zip(range(most), numbers, strict=False):
                    await shop.ask("starter", Start(f"batch-{n}"))

            await asyncio.gather(*(client(10) for _ in range(64)))
            before = resident_bytes()
            await asyncio.gather(*(client(effects) for _ in range(64)))
            grown = (resident_bytes() - before) / MB
    return [Figure(f"memory with {effects:,} pending effects", grown, "MB more", 150, 50, "less")]


def resident_bytes() -> int:
    """What this process has in memory."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))
