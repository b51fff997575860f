"""Twilio's client keeps the contract of channels, against the twin."""

from collections.abc import AsyncIterator, Set

import pytest

from sagamore.actors.notifications.channel import Channel
from sagamore.actors.providers.twilio import TwilioSms
from sagamore.engine.testing.clock import ManualClock
from tests.notifications.contract.suite import Behaviour, Bench, ChannelContract, Taken
from tests.notifications.twins.twilio_twin import ACCOUNT, SECRET, SENDER, TwilioTwin


class TwilioBench:
    channel: Channel
    in_flight_max, retry_after_ms = 4, 3_000
    may_differ: Set[str] = frozenset()

    def __init__(self) -> None:
        self.twin = TwilioTwin()
        self.secrets: tuple[str, ...] = (
            SECRET,
            self.twin.authorization,
            self.twin.authorization.removeprefix("Basic "),
        )

    def address(self, n: int) -> str:
        return f"+1415{n:07}"

    def parts(self, text: str) -> dict[str, str]:
        return {"text": text}

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
    bench = TwilioBench()
    await bench.come_back()
    bench.channel = TwilioSms(ACCOUNT, SECRET, sender=SENDER, base_url=bench.twin.url, connections_max=4)
    bench.channel.open(ManualClock())
    yield bench
    await bench.channel.close()
    await bench.vanish()
    assert bench.twin.errors == []


class TestTwilioSms(ChannelContract):
    pass
