"""E-mail over SMTP keeps the contract of channels."""

import base64
from collections.abc import AsyncIterator

import pytest

from sagamore.actors.providers.smtp import SmtpEmail
from tests.notifications.contract.suite import Behaviour, ChannelContract, Taken
from tests.notifications.email.server import GONE, REPLIES, STALL, MailServer

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
USER, PASSWORD = "shop", "correct horse"


class SmtpBench:
    in_flight_max = 4
    retry_after_ms = 0
    may_differ: frozenset[str] = frozenset()
    secrets = (PASSWORD, base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode().rstrip("="))

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self.channel = SmtpEmail(
            "127.0.0.1", server.port, sender="Shop <shop@example.com>", tls="none", username=USER, password=PASSWORD,
            connections_max=self.in_flight_max,
        )  # fmt: skip

    def address(self, n: int) -> str:
        return f"user-{n}@example.com"

    def parts(self, text: str) -> dict[str, str]:
        return {"subject": "News", "text": text, "html": f"<p>{text}</p>"}

    def script(self, behaviour: Behaviour) -> None:
        if behaviour == "dead_address":
            self.server.script({"RCPT": REPLIES[behaviour]})
        elif behaviour == "accept":
            self.server.script({})
        else:
            self.server.script({"DATA": {"drop": GONE, "stall": STALL}.get(behaviour) or REPLIES[behaviour]})

    def ledger(self) -> list[Taken]:
        return self.server.ledger()

    def waiting(self) -> int:
        return self.server.stalled

    def connections(self) -> int:
        return len(self.server.open)

    async def vanish(self) -> None:
        await self.server.stop()

    async def come_back(self) -> None:
        await self.server.start()


@pytest.fixture
async def bench() -> AsyncIterator[SmtpBench]:
    server = MailServer(password=PASSWORD)
    await server.start()
    bench = SmtpBench(server)
    yield bench
    await bench.channel.close()
    await bench.vanish()


class TestSmtpEmail(ChannelContract):
    pass
