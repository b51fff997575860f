"""A webhook's receiver on loopback that does what it was told, and names that lead where a test says."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from sagamore.actors.notifications.channel import Outgoing, Refusal
from sagamore.actors.providers.webhooks import Webhooks
from sagamore.engine.effect import Call, Declined, Outcome
from sagamore.engine.message import encode
from sagamore.engine.testing.clock import ManualClock

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl2hyCL2pK0BmG"
LOOPBACK = ("127.0.0.0/8", "::1/128")
NOW_MS = 1_700_000_000_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def leading_to(*answers: str | list[str]) -> Callable[[str, int], list[tuple[Any, ...]]]:
    """A look-up that gives each answer once, and the last one for ever; an answer may be several addresses."""
    left = [[answer] if isinstance(answer, str) else answer for answer in answers]

    def look_up(host: str, port: int) -> list[tuple[Any, ...]]:
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [
            (socket.AF_INET6, 1, 6, "", (text, port, 0, 0)) if ":" in text else (socket.AF_INET, 1, 6, "", (text, port))
            for text in addresses
        ]

    return look_up


def webhooks(**options: Any) -> Webhooks:
    """A channel that may call loopback by http, unless a test says otherwise."""
    options = {"clock": ManualClock(NOW_MS), "allow_http": True, "allowed_networks": LOOPBACK, **options}
    clock = options.pop("clock")
    channel = Webhooks(options.pop("secrets", [SECRET]), **options)
    channel.open(clock)
    return channel


def outgoing(
    address: str, delivery: str = "dlv_1", data: str = '{"type":"ORDER_SHIPPED/2","order_id":"ord_1"}'
) -> Outgoing:
    return Outgoing(delivery, "ann", address, "ORDER_SHIPPED", "orders", (), NOW_MS - 5, data=data)


async def post(channel: Webhooks, address: str, attempt: int = 1, **more: Any) -> Outcome:
    request = outgoing(address, **more)
    return await channel.call(Call("eff_1", "send", encode(request), request.delivery, "ntf_1", attempt))


def refusal(outcome: Outcome) -> Refusal:
    assert isinstance(outcome, Declined), outcome
    return msgspec.json.decode(outcome.answer, type=Refusal)


class Received(msgspec.Struct, frozen=True):
    """A request as it came."""

    host: str
    path: str
    headers: dict[str, str]
    body: bytes


@asynccontextmanager
async def receiving(
    handler: Handler | None = None, *, host: str = "127.0.0.1", ssl: Any = None
) -> AsyncIterator[tuple[int, list[Received]]]:
    """A server and its port, and what has come to it."""
    received: list[Received] = []

    async def take(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): text for name, text in request.headers.items()}
        received.append(Received(request.host, request.raw_path, headers, await request.read()))
        return await handler(request) if handler else web.Response()

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", take)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, host, 0, ssl_context=ssl)
    await site.start()
    try:
        yield runner.addresses[0][1], received
    finally:
        await runner.cleanup()


@asynccontextmanager
async def saying(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """A server of few words: reads a request's head and body, then writes what `answer` does. Its URL."""

    talks: set[asyncio.Task[Any]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking = asyncio.current_task()
        assert talking is not None
        talks.add(talking)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        finally:
            for talking in talks:  # a server that closes waits for them, from Python 3.12 on
                talking.cancel()
