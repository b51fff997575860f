"""Who floods delays nobody else: one user's thousands wait in that user's line."""

import asyncio
import statistics
import time
from pathlib import Path

from sagamore import Overloaded, Sagamore, Settings
from sagamore.actors.notifications.channel import Channel, Outgoing, sent
from sagamore.actors.notifications.door import Event
from sagamore.engine.effect import Call, Capabilities, Outcome
from tests.torture.notifications.events import SETTINGS

FLOOD = 3_000
OTHERS = 150
EVERY_S = 0.01
TAKES_S = 0.02
P99_S = 1.0


class Chat(Channel, name="chat"):
    """Takes its time, and has few places."""

    capabilities = Capabilities(takes_key=True, in_flight_max=16)

    def __init__(self) -> None:
        self.arrived_s: dict[str, float] = {}
        self.all_arrived = asyncio.Event()
        self.flooded = 0

    async def send(self, outgoing: Outgoing, _: Call) -> Outcome:
        """Note when it came."""
        await asyncio.sleep(TAKES_S)
        if outgoing.user_id == "flood":
            self.flooded += 1
        else:
            self.arrived_s[outgoing.user_id] = time.monotonic()
            if len(self.arrived_s) == OTHERS:
                self.all_arrived.set()
        return sent()


async def publish(shop: Sagamore, user: str, n: int) -> None:
    event = Event(event_type="PING", user_id=user, channels=("chat",), data={"n": n})
    while True:
        try:
            await shop.notifications.publish(event, idempotency_key=f"{user} {n}")
            return
        except Overloaded as error:
            await asyncio.sleep(error.retry_after_ms / 1_000)


async def test_a_user_who_is_sent_thousands_delays_nobody_else(tmp_path: Path) -> None:
    chat = Chat()
    settings = Settings(notifications=type(SETTINGS)(event_types=SETTINGS.event_types, categories=SETTINGS.categories))
    async with Sagamore.open(tmp_path / "shop", settings, channels=[chat]) as shop:
        users = [f"u{n}" for n in range(OTHERS)]
        await asyncio.gather(*(shop.users.set(user, addresses=[("chat", "a")]) for user in (*users, "flood")))
        numbers = iter(range(FLOOD))

        async def flood() -> None:
            for n in numbers:
                await publish(shop, "flood", n)

        floods = [asyncio.create_task(flood()) for _ in range(64)]
        published_s: dict[str, float] = {}
        telling = []
        for user in users:
            await asyncio.sleep(EVERY_S)
            published_s[user] = time.monotonic()
            telling.append(asyncio.create_task(publish(shop, user, 0)))
        await asyncio.gather(*telling)
        async with asyncio.timeout(30):
            await chat.all_arrived.wait()
        assert chat.flooded < FLOOD  # it goes on all the while
        took_s = [chat.arrived_s[user] - published_s[user] for user in users]
        p99_s = statistics.quantiles(took_s, n=100)[98]
        print(
            f"p50 {statistics.median(took_s):.3f} s, p99 {p99_s:.3f} s, {chat.flooded} of {FLOOD} to the one who floods"
        )
        for task in floods:
            task.cancel()
        assert p99_s < P99_S
