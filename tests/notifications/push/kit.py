"""The twin of FCM and a client of it, with a clock that stands still until a test moves it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sagamore.actors.notifications.channel import Outgoing
from sagamore.actors.providers.fcm import FcmPush
from sagamore.engine.effect import Call, Outcome
from sagamore.engine.message import encode
from tests.notifications.twins.fcm_twin import FcmTwin, account

NOW_MS = 1_700_000_000_000
TOKEN = "device-1:APA91b"


class Time:
    def __init__(self) -> None:
        self.at_ms = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms


@asynccontextmanager
async def fcm(time: Time | None = None, **options: Any) -> AsyncIterator[tuple[FcmTwin, FcmPush]]:
    time = time or Time()
    twin = FcmTwin(time.now_ms)
    await twin.come_back()
    source = options.pop("account", account(twin.url))
    channel = FcmPush(source, **{"base_url": twin.url, **options})
    channel.open(time)  # type: ignore[arg-type]  # no more is asked of it
    try:
        yield twin, channel
    finally:
        await channel.close()
        await twin.vanish()


async def send(
    channel: FcmPush, to: str = TOKEN, expires_at_ms: int = 0, delivery: str = "dlv_1_1", **parts: str
) -> Outcome:
    rendered = tuple(({"title": "Title", "body": "Body"} | parts).items())
    outgoing = Outgoing(delivery, "user", to, "ORDER_CREATED", "orders", rendered, NOW_MS, expires_at_ms)
    return await channel.call(Call("eff_1", "send", encode(outgoing), delivery, "ntf_1", 1))
