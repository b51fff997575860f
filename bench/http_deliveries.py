"""Deliveries over HTTP, as a share of what a bare aiohttp client reaches against the same server.

Goal: what durability costs beside a network call. A channel posts each delivery as JSON to a server on loopback that is
a process of its own (`receiver.py`); the bare client posts the same bodies, as many at once, through a session of the
same kind, and does nothing else. Non-goals: TLS, a real provider's time and its checks. Caveats: server, client, engine
and disk share two cores, so the two are measured by turns, and each is the best of three.
"""

import tempfile
from pathlib import Path

import aiohttp
import msgspec

from bench.deliveries import deliver
from bench.figure import Figure
from bench.notifying import Sender, in_parallel, open_shop
from bench.receiver import receiver
from sagamore.actors.notifications.channel import Outgoing, sent
from sagamore.engine.effect import Call, Outcome, Unknown

DELIVERIES = 5_000  # a pass
PASSES = 3
IN_FLIGHT = 64


class Posting(Sender):
    """Posts."""

    def __init__(self, url: str) -> None:
        super().__init__(in_flight_max=IN_FLIGHT)
        self._url = url
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT))
        self.body = b""

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """The delivery as it is."""
        self.body = call.request
        async with self._session.post(self._url, data=call.request, headers={"Idempotency-Key": call.key}) as response:
            answer = msgspec.json.decode(await response.read())
            return sent(answer["id"]) if response.status == 200 else Unknown(f"status {response.status}")

    async def post_again(self, n: int) -> None:
        """The last delivery, and nothing but the call."""
        async with self._session.post(self._url, data=self.body, headers={"Idempotency-Key": str(n)}) as response:
            msgspec.json.decode(await response.read())

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()


async def run(scale: float) -> list[Figure]:
    """`scale` 1 is the real size."""
    deliveries = max(300, int(DELIVERIES * scale))
    async with receiver() as url:
        channel = Posting(url)
        with tempfile.TemporaryDirectory() as folder:
            async with open_shop(Path(folder), [channel]) as shop:
                await deliver(shop, deliveries)
                passes = []
                for _ in range(PASSES):
                    bare_s = await in_parallel(channel.post_again, deliveries, clients=IN_FLIGHT)
                    passes.append((bare_s, await deliver(shop, deliveries)))
    bare, ours = (deliveries / min(seconds) for seconds in zip(*passes, strict=True))
    note = f"{ours:,.0f} of {bare:,.0f} calls/s"
    return [Figure("deliveries over HTTP", ours / bare, "of a bare client", 0.15, 0.4, note=note)]
