"""The load that the notification benchmarks share: parcels on their way, told to users with an address on every
channel, through channels in this process; a template of one part is rendered for each delivery."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sagamore import Overloaded, Sagamore, Settings
from sagamore.actors.notifications.channel import Channel, Outgoing, sent
from sagamore.actors.notifications.door import Event
from sagamore.actors.notifications.event_type import Category, EventType
from sagamore.actors.notifications.notification import delivery_id
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.engine.effect import Call, Capabilities, Outcome
from sagamore.engine.message import Record

CLIENTS = 512  # enough to fill a batch of every partition on the way
USERS = 1_000
PARCEL, OFFER = "PARCEL_SHIPPED", "OFFER_MADE"
TEXT = "Your order {{ order_id }} has left us with {{ carrier }}: {{ code }}"


class Parcel(Record, tag=PARCEL, version=1):
    """Transactional."""

    order_id: str
    carrier: str
    code: str


class Offer(Record, tag=OFFER, version=1):
    """The same in bulk."""

    order_id: str
    carrier: str
    code: str


class Sender(Channel, name="chat", parts=("text",)):
    """Waits so long, and has sent it. `on_sent` hears of each delivery once it is."""

    def __init__(
        self, *, takes_ms: float = 0, in_flight_max: int = 64, name: str = "chat", part: str = "text"
    ) -> None:  # fmt: skip
        self.name, self.parts = name, (part,)  # type: ignore[misc]
        self.takes_s = takes_ms / 1000
        self.capabilities = Capabilities(takes_key=True, in_flight_max=in_flight_max)
        self.on_sent: Callable[[Outgoing], None] = lambda _: None

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """Wait, and say so."""
        if self.takes_s:
            await asyncio.sleep(self.takes_s)
        self.on_sent(outgoing)
        return sent("1")


class Hanging(Sender):
    """Answers nothing until it is let go; a minute is longer than any benchmark."""

    def __init__(self, *, name: str = "chat", part: str = "text") -> None:
        super().__init__(name=name, part=part)
        self.let_go = asyncio.Event()

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """Wait."""
        await self.let_go.wait()
        return await super().send(outgoing, call)


@asynccontextmanager
async def open_shop(folder: Path, channels: Sequence[Channel], *, users: int = USERS) -> AsyncIterator[Sagamore]:
    """A shop in `folder`, whose users have an address on each of the channels."""
    templates = folder / "templates"
    for event_type in (PARCEL, OFFER):
        (templates / event_type / "en").mkdir(parents=True, exist_ok=True)
        for channel in channels:
            (templates / event_type / "en" / f"{channel.name}.{channel.parts[0]}.txt").write_text(TEXT)
    names = tuple(channel.name for channel in channels)
    settings = NotificationSettings(
        event_types=(EventType(Parcel, "parcels", names), EventType(Offer, "offers", names)),
        categories=(Category(name="parcels"), Category(name="offers", bulk=True)),
        templates=(templates,),
    )  # fmt: skip
    async with Sagamore.open(folder / "shop", Settings(notifications=settings), channels=channels) as shop:

        async def user(n: int) -> None:
            await shop.users.set(f"user-{n}", addresses=[(name, f"user-{n}@example.com") for name in names])

        await in_parallel(user, users)
        yield shop


async def in_parallel(
    step: Callable[[int], Coroutine[Any, Any, object]], times: int, *, clients: int = CLIENTS
) -> float:
    """Take a step so many times, so many at once; the seconds from the first to the last."""
    numbers = iter(range(times))

    async def client() -> None:
        for n in numbers:
            await step(n)

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - started


async def publish(shop: Sagamore, n: int, *channels: str, users: int = USERS) -> str:
    """Tell a user of a parcel, coming back as long as the shop says that it has too much to do; the id."""
    data = {"order_id": f"ord-{n:08}", "carrier": "Royal Mail", "code": f"RM{n:09}GB"}
    event = Event(event_type=PARCEL, user_id=f"user-{n % users}", channels=channels, data=data)
    while True:
        try:
            notification = await shop.notifications.publish(event)
        except Overloaded as error:
            await asyncio.sleep(error.retry_after_ms / 1000)
        else:
            return notification.id


def ended(shop: Sagamore) -> int:
    """Deliveries that have ended as SENT; any other end is a fault of the benchmark, and raises."""
    counts = dict(shop.engine.measured("notifications"))
    count = counts.pop("sent", 0)
    if counts:
        raise RuntimeError(f"other ends than SENT: {counts}")
    return count


async def until_sent(shop: Sagamore, deliveries: int) -> None:
    """Until so many deliveries have ended."""
    while ended(shop) < deliveries:  # noqa: ASYNC110 - a counter has no event
        await asyncio.sleep(0.002)


async def sent_within_ms(
    shop: Sagamore, channel: Sender, events: int, *, every_ms: float,
    beside: Callable[[int], Coroutine[Any, Any, object]] | None = None,
) -> list[float]:  # fmt: skip
    """How long each of some events took from the call of `publish` until the channel had sent it. They come at a steady
    pace, whether those before are done or not, so that no stall is left out; `beside` is begun with each of them."""
    ends: dict[str, float] = {}

    def on_sent(outgoing: Outgoing) -> None:
        ends[outgoing.delivery] = time.perf_counter()

    channel.on_sent = on_sent

    async def one(n: int) -> float:
        began = time.perf_counter()
        delivery = delivery_id(await publish(shop, n, channel.name), 1)
        while delivery not in ends:  # noqa: ASYNC110 - it says when, not that
            await asyncio.sleep(0.005)
        return (ends[delivery] - began) * 1000

    begun, others = [], []
    started = time.perf_counter()
    for n in range(events):
        await asyncio.sleep(started + n * every_ms / 1000 - time.perf_counter())
        begun.append(asyncio.create_task(one(n)))
        if beside is not None:
            others.append(asyncio.create_task(beside(n)))
    taken_ms = await asyncio.gather(*begun)
    await asyncio.gather(*others)
    return taken_ms


def p99(taken: Sequence[float]) -> float:
    """The 99th percentile: 1 of 100 took longer."""
    return statistics.quantiles(taken, n=100, method="inclusive")[-1]
