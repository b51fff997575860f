"""Webhooks keep the contract of channels; each address is a receiver of its own."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.notifications.contract.suite import Behaviour, ChannelContract, Taken
from tests.notifications.webhook.kit import SECRET, leading_to, webhooks

STATUS = {"accept": 200, "refuse": 422, "dead_address": 410, "unable": 503, "throttle": 429}
THE_CONNECTIONS_OWN = {"connection", "host"}


class HookBench:
    in_flight_max, retry_after_ms = 3, 7_000
    may_differ = frozenset({"webhook-timestamp", "webhook-signature"})
    secrets = (SECRET, SECRET.removeprefix("whsec_"))

    def __init__(self) -> None:
        self.channel = webhooks(in_flight_max=self.in_flight_max, look_up=leading_to("127.0.0.1"))
        self._taken: list[Taken] = []
        self._stalled = 0
        self._port = 0
        self._runner: web.AppRunner | None = None
        self.script("accept")

    def address(self, n: int) -> str:
        return f"http://hook-{n}.example:{self._port}/in?user={n}"

    def parts(self, text: str) -> dict[str, str]:
        return {"text": text}

    def script(self, behaviour: Behaviour) -> None:
        self._behaviour, self._scripted = behaviour, getattr(self, "_scripted", asyncio.Event())
        self._scripted.set()
        self._scripted = asyncio.Event()

    def ledger(self) -> list[Taken]:
        return self._taken

    def waiting(self) -> int:
        return self._stalled

    def connections(self) -> int:
        server = self._runner and self._runner.server
        return len(server.connections) if isinstance(server, web.Server) else 0

    async def vanish(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None

    async def come_back(self) -> None:
        app = web.Application()
        app.router.add_post("/in", self._take)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._port = self._runner.addresses[0][1]

    async def _take(self, request: web.Request) -> web.Response:
        content = {name.lower(): text for name, text in request.headers.items()}
        content = {name: text for name, text in content.items() if name not in THE_CONNECTIONS_OWN}
        content["body"] = (await request.read()).decode()
        while self._behaviour == "stall":
            self._stalled += 1
            try:
                await self._scripted.wait()
            finally:
                self._stalled -= 1
        if self._behaviour in ("accept", "drop"):
            self._taken.append(Taken(f"http://{request.host}{request.raw_path}", content))
        if self._behaviour == "drop":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        headers = {"Retry-After": "7"} if self._behaviour == "throttle" else {}
        return web.Response(status=STATUS[self._behaviour], headers=headers)


@pytest.fixture
async def bench() -> AsyncIterator[HookBench]:
    bench = HookBench()
    await bench.come_back()
    yield bench
    await bench.channel.close()
    await bench.vanish()


class TestWebhooks(ChannelContract):
    pass
