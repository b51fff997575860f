"""What the HTTP client of the providers calls not reached, unknown and answered, against sockets that misbehave."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import pytest
import trustme

from sagamore.actors.providers.http_client import ANSWER_BYTES_MAX, RETRY_AFTER_MAX_MS, Answer, HttpClient, base_url_of
from sagamore.engine.effect import NotReached, Unknown
from sagamore.engine.errors import InvalidInput

Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NOW_MS = 1_700_000_000_000  # Tue, 14 Nov 2023 22:13:20 GMT


@asynccontextmanager
async def serving(server: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await server(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    async with listening:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def client(**options: Any) -> AsyncIterator[HttpClient]:
    made = HttpClient(**options)
    try:
        yield made
    finally:
        await made.close()


def saying(answer: bytes) -> Server:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return server


async def test_an_answer_is_an_answer_whatever_its_status() -> None:
    head = b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno"
    async with serving(saying(head)) as url, client() as http:
        answer = await http.send("POST", url, content=b"x")
    assert isinstance(answer, Answer) and (answer.status, answer.body) == (503, b"no")
    assert answer.retry_after_ms(NOW_MS, 1) == 7_000 and answer.shown == "503 no"


async def test_no_listener_and_no_name_are_not_reached() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with client() as http:
            refused = await http.send("POST", f"http://127.0.0.1:{taken.getsockname()[1]}/secret", content=b"x")
            unnamed = await http.send("POST", "http://name.invalid/secret", content=b"x")
    for outcome in (refused, unnamed):
        assert isinstance(outcome, NotReached) and "secret" not in outcome.reason


async def test_a_certificate_nobody_vouches_for_is_not_reached() -> None:
    heard: list[bytes] = []

    async def server(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    async with serving(server, tls) as url, client() as http:
        assert isinstance(await http.send("POST", url, content=b"x"), NotReached)
    assert b"".join(heard) == b""


async def test_a_connection_that_breaks_after_the_request_is_unknown() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with serving(server) as url, client() as http:
        assert isinstance(await http.send("POST", url, content=b"x"), Unknown)


async def test_a_kept_connection_that_the_server_closed_is_unknown_and_the_request_is_not_sent_again() -> None:
    requests = 0

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")
        requests += 1

    async with serving(server) as url, client() as http:
        assert isinstance(await http.send("POST", url), Answer)
        second = await http.send("POST", url)
    assert isinstance(second, Unknown) and "ServerDisconnectedError" in second.reason
    assert requests == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)  # fmt: skip
async def test_half_an_answer_and_no_http_are_unknown(answer: bytes) -> None:
    async with serving(saying(answer)) as url, client() as http:
        outcome = await http.send("POST", f"{url}/secret", content=b"x")
    assert isinstance(outcome, Unknown) and "secret" not in outcome.reason


async def test_silence_after_the_request_is_unknown_once_the_time_is_up() -> None:
    async def server(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(server) as url, client(timeout_ms=100) as http:
        assert await http.send("POST", url, content=b"x") == Unknown("TimeoutError: no answer in time")


async def test_silence_before_the_connection_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagamore.actors.providers.http_client.CONNECT_TIMEOUT_MS", 100)

    async def server(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()  # never says hello

    async with serving(server) as url, client() as http:
        outcome = await http.send("POST", f"{url.replace('http', 'https')}/secret", content=b"x")
    assert outcome == NotReached("ConnectionTimeoutError: no connection within 100 ms")


async def test_a_redirect_is_an_answer_and_nobody_else_is_asked() -> None:
    async with serving(saying(b"never")) as other:
        head = f"HTTP/1.1 307 Go\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n".encode()
        async with serving(saying(head)) as url, client() as http:
            answer = await http.send("POST", url, content=b"x")
    assert isinstance(answer, Answer) and answer.status == 307


async def test_nothing_of_an_answer_is_kept_or_unpacked() -> None:
    heads: list[bytes] = []
    packed = gzip.compress(b"x" * 1_000_000)

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            head = f"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}"
            writer.write(head.encode() + b"\r\n\r\n" + packed)

    async with serving(server) as url, client() as http:
        for _ in range(2):
            answer = await http.send("GET", url.replace("127.0.0.1", "localhost"))
            assert isinstance(answer, Answer) and answer.body == packed
    assert len(heads) == 2 and b"cookie" not in heads[1].lower()


async def test_an_answer_without_end_is_unknown_or_cut_as_it_was_asked_for() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" " * 65_536)
            await writer.drain()

    async with serving(server) as url, client() as http, client(cut=True) as cutting:
        unknown = await http.send("POST", url)
        cut = await cutting.send("POST", url)
    assert unknown == Unknown(f"200 with more than {ANSWER_BYTES_MAX} bytes")
    assert isinstance(cut, Answer) and len(cut.body) == ANSWER_BYTES_MAX


async def test_a_connector_of_ones_own_opens_the_connections() -> None:
    async with serving(saying(OK)) as url, client(connector=partial(aiohttp.UnixConnector, "/nowhere")) as http:
        assert isinstance(await http.send("POST", url), NotReached)


@pytest.mark.parametrize(
    ("value", "wait_ms"),
    [
        ("30", 30_000), ("Tue, 14 Nov 2023 22:14:20 GMT", 60_000), ("Tue, 14 Nov 2023 22:14:20 -0000", 60_000),
        ("", 500), ("0", 500), ("-5", 500), ("1.5", 500), ("soon", 500), ("Tue, 14 Nov 2023 22:13:19 GMT", 500),
        ("Tue, 14 Nov 99999999999999999999 22:13:19 GMT", 500), ("9" * 5_000, 500), ("²", 500),
        ("999999999", RETRY_AFTER_MAX_MS), ("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_MAX_MS),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_and_never_for_ever(value: str, wait_ms: int) -> None:
    assert Answer(429, {"Retry-After": value}, b"").retry_after_ms(NOW_MS, 500) == wait_ms


def test_a_base_url_is_http() -> None:
    assert base_url_of("base_url", "http://127.0.0.1:1/") == "http://127.0.0.1:1"
    with pytest.raises(InvalidInput, match="base_url"):
        base_url_of("base_url", "ftp://127.0.0.1")
