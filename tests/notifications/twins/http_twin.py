"""A provider of messages on loopback, as its vendor documents it: strict about what it is asked, scripted in what it
does, with a ledger of all that it took. Its vendors' parts are in `twilio_twin.py` and `fcm_twin.py`."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec
from aiohttp import web

LOOPBACK = "127.0.0.1"
Behaviour = Literal["accept", "refuse", "dead_address", "unable", "throttle", "drop", "stall"]


class Taken(msgspec.Struct, frozen=True):
    """One message: for whom, and all that came; headers by their names in lower case, the raw body as `body`."""

    address: str
    content: Mapping[str, str]


class Reply(Exception):
    """An answer that is no message taken; `body` is the vendor's JSON, or bytes to be sent as they are."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}

    def response(self) -> web.Response:
        raw = self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)
        return web.Response(status=self.status, body=raw, headers=self.headers, content_type="application/json")


class HttpTwin:
    """The server and its script. `errors` holds what it refused because it was not asked as documented."""

    replies: ClassVar[Mapping[Behaviour, Reply]]
    """The vendor's answers to `refuse`, `dead_address`, `unable` and `throttle`."""

    def __init__(self) -> None:
        self.ledger: list[Taken] = []
        self.errors: list[str] = []
        self.waiting = 0
        self.port = 0
        self._behaviour: Behaviour | Reply = "accept"
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def script(self, behaviour: Behaviour | Reply) -> None:
        """From now on; a Reply is given as it is."""
        self._behaviour = behaviour
        self._changed.set()
        self._changed = asyncio.Event()

    def connections(self) -> int:
        """Open now."""
        server = self._runner.server if self._runner else None
        return len(server.connections) if server else 0

    async def come_back(self) -> None:
        """Listen, at the same port as before."""
        runner = web.AppRunner(
            self.application(), access_log=None, handler_cancellation=True, shutdown_timeout=0, keepalive_timeout=60
        )  # fmt: skip
        await runner.setup()
        site = web.TCPSite(runner, LOOPBACK, self.port, reuse_address=True)
        await site.start()
        self._runner, self.port = runner, runner.addresses[0][1]

    async def vanish(self) -> None:
        """Close all connections, listen no more."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def application(self) -> web.Application:
        """The vendor's routes."""
        raise NotImplementedError

    def wrong(self, reply: Reply, what: str) -> Reply:
        """The vendor's error for a request that is not as documented."""
        self.errors.append(what)
        return reply

    async def take(self, request: web.Request, address: str, answer: Reply) -> web.Response:
        """Do with a message, read and found right, as the script says."""
        content = {name.lower(): value for name, value in request.headers.items() if name.lower() != "host"}
        content["body"] = await request.text()
        while self._behaviour == "stall":
            self.waiting += 1
            try:
                await self._changed.wait()
            finally:
                self.waiting -= 1
        if isinstance(self._behaviour, Reply):
            return self._behaviour.response()
        if self._behaviour in self.replies:
            return self.replies[self._behaviour].response()
        self.ledger.append(Taken(address, content))
        if self._behaviour == "drop" and request.transport is not None:
            request.transport.abort()
        return answer.response()
