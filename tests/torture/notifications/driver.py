"""The process that is killed: `python -m tests.torture.notifications.driver '{…}'`, with the fields of `Orders`.

Runs a shop as a host does, tells the events that are left, lets everything come to its end and stops cleanly; unless it
is killed before. Prints a line when it is open, when all has been told, and when it has finished. Its wall clock is
another one in every life. Retries come fast, nothing else differs from what a host would choose.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

from sagamore import Sagamore, Settings
from sagamore.actors.notifications.deliveries import DeliveriesActor
from sagamore.engine.breaker import BreakerPolicy
from sagamore.engine.policy import Backoff, EffectPolicy
from sagamore.engine.runtime.clock import SystemClock
from tests.torture.driver import die_at
from tests.torture.ledger import ClientLedger
from tests.torture.notifications.channels import channels
from tests.torture.notifications.events import SETTINGS
from tests.torture.notifications.publishers import Publishers

LOOK_EVERY_S = 0.1
FINISH_S = 600
FAST = EffectPolicy(
    timeout_ms=2_000, attempts_max=3, backoff=Backoff(first_ms=40, most_ms=300), resend_uncertain=True, ends=True
)


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge says to one life."""

    directory: str
    seed: int
    life: int
    events: int
    users: int
    ports: dict[str, int]
    closed_port: int
    shift_ms: int
    """How wrong the wall clock is in this life."""
    quiet_until_ms: int
    die_at: int = 0
    die_before: bool = False


class ShiftedClock(SystemClock):
    """A wall clock that is wrong."""

    def __init__(self, shift_ms: int) -> None:
        super().__init__()
        self._shift_ms = shift_ms

    def now_ms(self) -> int:
        """Unix milliseconds, shifted."""
        return super().now_ms() + self._shift_ms


async def run(orders: Orders) -> None:
    """One life."""
    directory, clock = Path(orders.directory), ShiftedClock(orders.shift_ms)
    settings = Settings(
        notifications=SETTINGS, breaker=BreakerPolicy(cooldown_ms=200), partitions={"notifications": 2, "chat": 2}
    )
    composed = channels(orders.ports, orders.closed_port, f"{orders.seed} {orders.life}")
    ledger = ClientLedger(directory / "clients.jsonl")
    try:
        async with Sagamore.open(directory / "shop", settings, channels=composed, clock=clock) as shop:
            publishers = Publishers(shop, ledger, orders.seed, orders.events, orders.users, clock)
            await publishers.set_up(orders.quiet_until_ms)
            print("open", flush=True)
            await publishers.publish_all()
            print("told", flush=True)
            async with asyncio.timeout(FINISH_S):
                await _rest(shop, ledger)
        print("finished", flush=True)
    finally:
        ledger.close()


async def _rest(shop: Sagamore, ledger: ClientLedger) -> None:
    """Until nothing is to come."""
    running = [id_ for id_ in ledger.placed.values() if id_.startswith("bc_")]
    while running:
        running = [id_ for id_ in running if (await shop.notifications.get_broadcast(id_)).status == "RUNNING"]
        await asyncio.sleep(LOOK_EVERY_S)
    for status in ("SCHEDULED", "ACTIVE"):
        while found := (await shop.notifications.list(status=status, limit=1)).items:
            await shop.notifications.wait(found[0].id)


def main() -> None:
    """Run one life."""
    orders = msgspec.json.decode(sys.argv[1], type=Orders)
    DeliveriesActor.effect_policies = {"counted": FAST, "never": msgspec.structs.replace(FAST, resend_uncertain=False)}
    if orders.die_at:
        die_at(orders.die_at, orders.die_before)
    asyncio.run(run(orders))


if __name__ == "__main__":
    main()
