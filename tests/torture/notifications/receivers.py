"""The receivers of the torture of notifications: real HTTP servers in the judge's process, which outlives every death.

Each keeps the log by which everything is judged: what arrived when, and what it took. One that knows keys does a key
once and repeats its answer. One call in twelve goes wrong (the shop's own process adds one in fifty that meets a port
where nobody listens):

    2 %      422, refused for good; one in twenty of them says that the address is dead
    2.5 %    taken, then 500
    2.5 %    taken, then the connection is dropped
    0.5 %    503, and not taken
    1 %      429, come back in 100 ms
"""

import json
import time
from collections import Counter
from random import Random

from aiohttp import web

from tests.torture.notifications.arrivals import Arrival

RETRY_AFTER_MS = 100
FAULTS = (
    ("", 200), ("refused", 422), ("error_after", 500), ("dropped", 0), ("error_before", 503), ("throttled", 429),
)  # fmt: skip
SHARES = (91.5, 2, 2.5, 2.5, 0.5, 1)


class Receiver:
    """One channel's."""

    def __init__(self, name: str, keyed: bool, seed: int) -> None:
        self.name, self.keyed = name, keyed
        self.arrivals: list[Arrival] = []
        self.copies: Counter[str] = Counter()
        """Per delivery how often it was taken."""
        self.refused: set[str] = set()
        self.faults: Counter[str] = Counter()
        self.breaches: list[str] = []
        self._answers: dict[str, tuple[int, str]] = {}
        self._bodies: dict[str, int] = {}
        self._chance = Random(f"{seed} {name}")
        self._runner: web.ServerRunner | None = None

    async def listen(self) -> int:
        """The port."""
        self._runner = web.ServerRunner(web.Server(self._take, access_log=None))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def close(self) -> None:
        """Hang up."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.BaseRequest) -> web.StreamResponse:
        body, key = await request.read(), request.headers["Idempotency-Key"]
        outgoing = json.loads(body)
        delivery = outgoing["delivery"]
        self.arrivals.append(Arrival(time.monotonic() * 1_000, outgoing["user_id"], delivery))
        if self._bodies.setdefault(key, hash(body)) != hash(body):
            self.breaches.append(f"{self.name}: {key} came with other bytes than before")
        if not self.keyed:
            status, text = self._do(delivery)
        elif key in self._answers:
            status, text = self._answers[key]
        else:
            status, text = self._do(delivery)
            if status in (200, 422, 500, 0):
                self._answers[key] = (422, text) if status == 422 else (200, text)
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 200, text=text)

    def _do(self, delivery: str) -> tuple[int, str]:
        """The status, 0 for none, and the body."""
        fault, status = self._chance.choices(FAULTS, SHARES)[0]
        if fault:
            self.faults[fault] += 1
        if status == 422:
            self.refused.add(delivery)
            return status, "dead" if self._chance.random() < 0.05 else "no"
        if status in (200, 500, 0):
            self.copies[delivery] += 1
        return status, "taken"


def receivers(kinds: dict[str, bool], seed: int) -> dict[str, Receiver]:
    """One for each channel; True knows keys."""
    return {name: Receiver(name, keyed, seed) for name, keyed in kinds.items()}
