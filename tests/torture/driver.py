"""The process that is killed: `python -m tests.torture.driver --dir D --twin URL --seed S --life N`.

Runs the shop as a host does, under the load of `customers.py`, until it is killed. `--finish`: begins nothing new,
brings all that was begun to its end, stops cleanly. `--die-at N --death before|after` kills itself, with SIGKILL, at
that commit of any partition. Prints one line when it is open, another when it has finished.

Retries come fast, so that thousands of deaths fit into minutes; nothing else differs from what a host would choose.
"""

import argparse
import asyncio
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

from sagamore import OrderSettings, Sagamore, Settings
from sagamore.actors.orders import payment_steps
from sagamore.actors.orders.payment_events import PLACE, PaymentEventsActor
from sagamore.actors.orders.payments import PaymentsActor
from sagamore.actors.providers.http_payments import HttpPayments
from sagamore.engine.breaker import BreakerPolicy
from sagamore.engine.policy import Backoff, EffectPolicy
from sagamore.storage.journal import SQLiteJournal
from tests.torture.customers import Customers, deliveries
from tests.torture.ledger import ClientLedger
from tests.torture.people import Operator

AT_ONCE = 24  # orders under way
QUIET_S = 2.0  # nothing happens any more: longer than a refund takes to fail later
FINISH_S = 150
FAST = Backoff(first_ms=40, most_ms=300)


def hurry() -> None:
    """Let what takes minutes take milliseconds."""
    payment_steps.POLL_FIRST_MS = 200
    payment_steps.POLL_MOST_MS = 2_000
    PaymentsActor.effect_policies = {
        "": EffectPolicy(timeout_ms=600, attempts_max=6, backoff=FAST),
        "undo": EffectPolicy(timeout_ms=600, attempts_max=8, backoff=FAST),
        "read": EffectPolicy(timeout_ms=600, attempts_max=3, backoff=FAST, deadline_ms=5_000),
    }


def die_at(at: int, before: bool) -> None:
    """SIGKILL this process at the `at`-th commit."""
    commit = SQLiteJournal.commit
    count = 0

    async def deadly(self: SQLiteJournal, content: Any) -> int:
        nonlocal count
        count += 1
        mine = count
        if mine == at and before:
            os.kill(os.getpid(), signal.SIGKILL)
        written_bytes = await commit(self, content)
        if mine == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return written_bytes

    SQLiteJournal.commit = deadly  # type: ignore[method-assign,assignment]


async def run(directory: Path, twin: str, seed: int, life: int, finish: bool) -> None:
    """One life."""
    chance = random.Random(f"{seed} {life}")
    settings = Settings(
        orders=OrderSettings(
            saga=chance.choice(("pay_first", "reserve_first")),
            capture=chance.choice(("at_once", "on_confirm")),
            action_timeout_ms=chance.choice((1_000, 30_000)),
            hold_time_ms=chance.choice((1_000, 30_000)),
        ),
        partitions={"orders": 2, "inventory": 2},
        breaker=BreakerPolicy(cooldown_ms=200),
    )
    provider = HttpPayments(twin, settle_ms=2_000, events_every_ms=50)
    ledger = ClientLedger(directory / "clients.jsonl")
    try:
        async with Sagamore.open(directory / "shop", settings, payments=provider) as shop:
            print("open", flush=True)
            await deliveries(shop, life)
            customers, operator = Customers(shop, ledger, seed), Operator(shop, twin)
            async with asyncio.TaskGroup() as group:
                people = [group.create_task(operator.work())]
                if not finish:
                    people += [group.create_task(customers.serve()) for _ in range(AT_ONCE)]
                    await asyncio.Event().wait()
                async with asyncio.timeout(FINISH_S):
                    await asyncio.gather(*(customers.finish() for _ in range(AT_ONCE)))
                    await _quiet(shop, operator)
                for task in people:
                    task.cancel()
        print("finished", flush=True)
    finally:
        ledger.close()


async def _quiet(shop: Sagamore, operator: Operator) -> None:
    """Until no letter waits and no event has come for a while."""
    since, heard = time.monotonic(), await shop.read(PaymentEventsActor.kind, PLACE)
    while time.monotonic() - since < QUIET_S:
        now = await shop.read(PaymentEventsActor.kind, PLACE)
        if not operator.idle.is_set() or now != heard:
            since, heard = time.monotonic(), now
        await asyncio.sleep(0.1)


def main() -> None:
    """Run one life."""
    parser = argparse.ArgumentParser("tests.torture.driver")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--twin", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--life", type=int, required=True)
    parser.add_argument("--finish", action="store_true")
    parser.add_argument("--die-at", type=int, default=0)
    parser.add_argument("--death", choices=("before", "after"), default="after")
    arguments = parser.parse_args()
    hurry()
    if arguments.die_at:
        die_at(arguments.die_at, arguments.death == "before")
    asyncio.run(run(arguments.dir, arguments.twin, arguments.seed, arguments.life, arguments.finish))


if __name__ == "__main__":
    main()
