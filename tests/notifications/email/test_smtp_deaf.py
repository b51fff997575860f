"""Relays that do not even read: whoever is done with one is done at once."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from sagamore.actors.providers.smtp import SmtpEmail
from sagamore.engine.effect import NotReached, Outcome, Succeeded
from tests.notifications.contract.suite import eventually, held
from tests.notifications.email.server import STALL, MailServer
from tests.notifications.email.test_smtp import channel, send

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def relay(talk: Talk) -> AsyncIterator[int]:
    """The port of a server that talks so and then neither reads nor says anything until the end."""
    at_end = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talk(reader, writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await at_end.wait()
        writer.transport.abort()

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # or the kernel would take all of a message
    server = await asyncio.start_server(serve, sock=listening)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        at_end.set()
        server.close()
        await server.wait_closed()


async def up_to_data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for reply in (b"220 deaf", b"250 deaf", b"250 sender", b"250 recipient", b"354 go on"):
        writer.write(reply + b"\r\n")
        if not reply.startswith(b"354"):
            await reader.readline()


async def test_a_message_that_nobody_reads_holds_no_file_after_its_time_is_up() -> None:
    async with relay(up_to_data) as port:
        email = SmtpEmail("127.0.0.1", port, sender="shop@example.com", tls="none")
        before = held()[1]
        task = asyncio.create_task(send(email, text="=" * (512 << 10), html="=" * (512 << 10)))
        await eventually(lambda: _unsent_bytes(email) > 0, "a message that is half sent")
        assert held()[1] == before + 2
        task.cancel()
        await asyncio.wait([task])
        await eventually(lambda: held()[1] == before + 1, "the end of our side's file")
        await email.close()


@pytest.mark.parametrize("tls", ["implicit", "none"])
async def test_closing_does_not_wait_for_a_relay_that_never_greets(tls: str) -> None:
    async with relay(lambda reader, writer: asyncio.sleep(0)) as port:
        email = SmtpEmail("127.0.0.1", port, sender="shop@example.com", tls=tls)  # type: ignore[arg-type]
        before = held()
        task: asyncio.Task[Outcome] = asyncio.create_task(send(email))
        await eventually(lambda: held()[1] >= before[1] + 2, "the connection")
        await email.close()
        assert isinstance(await asyncio.wait_for(task, 10), NotReached)
        await eventually(lambda: held()[1] == before[1] + 1, "the end of our side's file")


async def test_closing_does_not_wait_for_the_answer_to_quit() -> None:
    server = MailServer()
    await server.start()
    email = channel(server)
    assert isinstance(await send(email), Succeeded)
    server.script({"QUIT": STALL})
    before = held()[1]
    await email.close()
    await eventually(lambda: held()[1] == before - 2, "the end of both sides' files")
    await server.stop()


def _unsent_bytes(email: SmtpEmail) -> int:
    transports = [connection.transport for connection in email._connections._in_use]
    return sum(cast(asyncio.WriteTransport, transport).get_write_buffer_size() for transport in transports if transport)
