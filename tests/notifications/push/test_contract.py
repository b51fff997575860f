"""FCM's client keeps the contract of channels, against the twin."""

from collections.abc import AsyncIterator, Set

import pytest

from sagamore.actors.notifications.channel import Channel
from sagamore.actors.providers.fcm import FcmPush
from sagamore.engine.testing.clock import ManualClock
from tests.notifications.contract.suite import Behaviour, Bench, ChannelContract, Taken
from tests.notifications.twins.fcm_twin import FcmTwin, account

NOW_MS = 1_700_000_000_000


class FcmBench:
    channel: Channel
    in_flight_max, retry_after_ms = 4, 5_000
    may_differ: Set[str] = frozenset()

    def __init__(self) -> None:
        self.twin = FcmTwin(lambda: NOW_MS)
        pem: str = account("")["private_key"]
        self.secrets: tuple[str, ...] = ("PRIVATE KEY", *pem.splitlines()[1:-1], "ya29.token", "Bearer ", "eyJ")

    def address(self, n: int) -> str:
        return f"device-{n}:APA91b"

    def parts(self, text: str) -> dict[str, str]:
        return {"title": "Order", "body": text}

    def script(self, behaviour: Behaviour) -> None:
        self.twin.script(behaviour)

    def ledger(self) -> list[Taken]:
        return [Taken(taken.address, taken.content) for taken in self.twin.ledger]

    def waiting(self) -> int:
        return self.twin.waiting

    def connections(self) -> int:
        return self.twin.connections()

    async def vanish(self) -> None:
        await self.twin.vanish()

    async def come_back(self) -> None:
        await self.twin.come_back()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = FcmBench()
    await bench.come_back()
    bench.channel = FcmPush(account(bench.twin.url), base_url=bench.twin.url, connections_max=4)
    bench.channel.open(ManualClock(NOW_MS))
    yield bench
    await bench.channel.close()
    await bench.vanish()
    assert bench.twin.errors == []


class TestFcmPush(ChannelContract):
    pass
