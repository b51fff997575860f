"""The HTTP client against servers that break, lead astray or never end: what may have happened is unknown."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from sagamore.actors.orders.payment_provider import CaptureRequest, VoidRequest
from sagamore.actors.providers.http_payments import ANSWER_BYTES_MAX, HttpPayments
from sagamore.engine.effect import Declined, Unknown
from tests.payments.contract.suite import answered, charge, refund

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[HttpPayments]:
    """A client of a server that answers every request so."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        with suppress(ConnectionError):
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    provider = HttpPayments(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield provider
    finally:
        await provider.close()
        server.close()
        await server.wait_closed()


def saying(head: bytes, body: bytes = b"") -> Answer:
    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 " + head + b"\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()

    return say


async def test_a_connection_that_breaks_is_unknown() -> None:
    async with answering(lambda *_: asyncio.sleep(0)) as provider:
        assert isinstance(await provider.charge(charge(), "key_1"), Unknown)


async def test_half_an_answer_is_unknown() -> None:
    async with answering(saying(b"200 OK\r\nContent-Length: 1000", b'{"id":"pay_1",')) as provider:
        assert isinstance(await provider.charge(charge(), "key_1"), Unknown)


async def test_a_redirect_is_not_followed_and_unknown_whether_it_leads_to_a_payment_or_nowhere() -> None:
    paid = b'{"id":"pay_1","reference":"ord_2","status":"captured","amount":1250,"captured":1250,"refunded":0}'
    async with answering(saying(b"200 OK\r\nContent-Length: %d" % len(paid), paid)) as elsewhere:
        for status in (b"303 See Other", b"307 Temporary Redirect"):
            for place in (f"{elsewhere.base_url}/v1/payments/pay_1", "http://no-such-host.invalid/"):
                head = status + b"\r\nContent-Length: 0\r\nLocation: " + place.encode()
                async with answering(saying(head)) as provider:
                    assert isinstance(await provider.charge(charge(), "key_1"), Unknown)


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    written = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while written < 100 * ANSWER_BYTES_MAX:
            writer.write(b" " * 65_536)
            await writer.drain()
            written += 65_536

    async with answering(flood) as provider:
        outcome = await provider.charge(charge(), "key_1")
    assert isinstance(outcome, Unknown) and "more than" in outcome.reason
    assert written < 10 * ANSWER_BYTES_MAX


async def test_what_is_refused_at_the_door_leaves_an_authorisation_as_it_was() -> None:
    refusal = b'{"code":"invalid_request","message":"no"}'
    async with answering(saying(b"400 Bad Request\r\nContent-Length: %d" % len(refusal), refusal)) as provider:
        captured = await provider.capture(CaptureRequest("ord_1", 1, "px_1", 1250, "GBP"), "key_1")
        voided = await provider.void(VoidRequest("ord_1", 1, "px_1"), "key_2")
        refunded = await provider.refund(refund("px_1", 400), "key_3")
    assert [answered(outcome, Declined).status for outcome in (captured, voided, refunded)] == [
        "authorised", "authorised", "refused",
    ]  # fmt: skip
