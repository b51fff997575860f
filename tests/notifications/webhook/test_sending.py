"""What is posted, and what a receiver's answer means; receivers are real servers on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from sagamore.actors.notifications.channel import Accepted
from sagamore.actors.notifications.channels.webhook import body_of
from sagamore.actors.providers.receivers import BUSY_MS, FAILURES_MAX, PAUSE_FIRST_MS
from sagamore.actors.providers.webhooks import BODY_BYTES_MAX, Webhooks
from sagamore.engine.effect import NotReached, Outcome, Succeeded, Throttled, Unknown
from sagamore.engine.errors import InvalidInput
from sagamore.engine.testing.clock import ManualClock
from tests.notifications.webhook.kit import (
    NOW_MS,
    OLD_SECRET,
    SECRET,
    leading_to,
    outgoing,
    post,
    receiving,
    refusal,
    saying,
    webhooks,
)


@asynccontextmanager
async def channel(**options: Any) -> AsyncIterator[Webhooks]:
    made = webhooks(**options)
    try:
        yield made
    finally:
        await made.close()


async def answered(status: int, text: str = "", **headers: str) -> Outcome:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers=headers)

    async with receiving(handler) as (port, _), channel() as hooks:
        return await post(hooks, f"http://127.0.0.1:{port}/hook?token=t0p")


async def test_the_reference_verifier_takes_each_attempt_and_its_id_and_body_never_change() -> None:
    clock = ManualClock(int(time.time() * 1000))
    async with receiving() as (port, received), channel(secrets=[SECRET, OLD_SECRET], clock=clock) as hooks:
        for attempt in (1, 2):
            assert isinstance(await post(hooks, f"http://127.0.0.1:{port}/in?a=b%2Fc", attempt), Succeeded)
            clock.step(2_000)
    first, second = received
    for request in received:
        for secret in (SECRET, OLD_SECRET):
            assert Webhook(secret).verify(request.body, request.headers) == {
                "type": "ORDER_SHIPPED", "id": "dlv_1", "timestamp": "2023-11-14T22:13:19.995Z", "userId": "ann",
                "version": 2, "data": {"order_id": "ord_1"},
            }  # fmt: skip
    assert first.body == second.body and first.headers["webhook-id"] == second.headers["webhook-id"] == "dlv_1"
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 2
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert (first.path, first.headers["content-type"]) == ("/in?a=b%2Fc", "application/json")
    assert {"cookie", "authorization", "referer"}.isdisjoint(first.headers)


async def test_each_receiver_may_have_secrets_of_its_own() -> None:
    clock = ManualClock(int(time.time() * 1000))
    secrets = {"http://127.0.0.1:%d/a": [SECRET], "http://127.0.0.1:%d/b": [OLD_SECRET]}
    async with receiving() as (port, received):
        known = {url % port: found for url, found in secrets.items()}
        async with channel(secrets=lambda asked: known.get(asked.address, ()), clock=clock) as hooks:
            for url in known:
                await post(hooks, url)
            nobody = refusal(await post(hooks, f"http://127.0.0.1:{port}/c"))
    assert [Webhook(s).verify(r.body, r.headers)["id"] for (s,), r in zip(known.values(), received, strict=True)]
    assert nobody.code == "no_secret" and not nobody.dead_address


def test_a_bad_secret_or_bound_is_refused_at_the_door_and_no_secret_is_in_a_repr() -> None:
    with pytest.raises(InvalidInput, match="secrets"):
        webhooks(secrets=["whsec_short"])
    for field in ("in_flight_max", "receiver_in_flight_max"):
        with pytest.raises(InvalidInput, match=f"^{field} is 0"):
            webhooks(**{field: 0})
    hooks = webhooks()
    assert SECRET[6:] not in repr(hooks) + str(hooks)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_2xx_is_sent(status: int) -> None:
    outcome = await answered(status)
    assert isinstance(outcome, Succeeded)
    assert msgspec.json.decode(outcome.answer, type=Accepted).message == str(status)


async def test_410_ends_the_address() -> None:
    assert refusal(await answered(410, "unsubscribed")).dead_address
    said = refusal(await answered(404, "no such hook"))
    assert (said.code, said.message, said.dead_address) == ("http_404", "404 no such hook", False)


@pytest.mark.parametrize("status", [400, 401, 403, 405, 409, 413, 422, 451])
async def test_another_4xx_is_permanent(status: int) -> None:
    assert refusal(await answered(status)).code == f"http_{status}"


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 599])
async def test_5xx_is_unknown(status: int) -> None:
    assert await answered(status, "oops") == Unknown(f"{status} oops")


@pytest.mark.parametrize("status", [408, 425, 429, 503])
async def test_a_receiver_that_says_when_to_come_back_is_heard(status: int) -> None:
    later = "Tue, 14 Nov 2023 22:14:20 GMT"
    for retry_after, wait_ms in (("7", 7_000), (later, 60_000), ("9999999", 3_600_000)):
        assert await answered(status, **{"Retry-After": retry_after}) == Throttled(wait_ms)


@pytest.mark.parametrize("status", [408, 425, 429])
async def test_not_now_without_a_time_is_an_attempt_that_was_not_taken(status: int) -> None:
    for retry_after in ("", "0", "soon"):
        assert await answered(status, "busy", **{"Retry-After": retry_after}) == NotReached(f"{status} busy")


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
async def test_a_redirect_is_permanent_told_without_its_path_and_not_followed(status: int) -> None:
    async with receiving() as (elsewhere, received):
        location = f"http://127.0.0.1:{elsewhere}/secret?token=t0p"
        said = refusal(await answered(status, Location=location))
    assert received == []
    assert (said.code, said.dead_address) == ("redirected", False)
    assert said.message == f"{status} to http://127.0.0.1:{elsewhere}: redirects are not followed"
    assert "another path" in refusal(await answered(status, Location="/other")).message
    assert "no URL" in refusal(await answered(status, Location="http://[")).message


async def test_what_a_receiver_writes_is_kept_in_short_and_cannot_spoil_a_terminal_or_a_row() -> None:
    said = refusal(await answered(400, "\x1b[31m no\0t\r\nso \ud7ff" + "x" * 10_000))
    assert said.message.startswith("400 [31m no t so ") and len(said.message) <= 210
    assert "t0p" not in said.message


async def test_a_payload_over_the_limit_is_permanent_and_nobody_is_asked() -> None:
    envelope = len(body_of(outgoing("", data='{"text":""}')))
    async with receiving() as (port, received), channel() as hooks:
        url = f"http://127.0.0.1:{port}/"
        fits = '{"text":"%s"}' % ("x" * (BODY_BYTES_MAX - envelope))
        assert isinstance(await post(hooks, url, data=fits), Succeeded)
        said = refusal(await post(hooks, url, data=fits.replace("x", "xx", 1)))
    assert (said.code, len(received), len(received[0].body)) == ("payload_too_large", 1, BODY_BYTES_MAX)
    assert str(BODY_BYTES_MAX) in said.message


def test_the_body_is_the_same_for_the_same_delivery_whatever_is_in_it() -> None:
    data = '{"type":"E/12","z":1.0,"a":9007199254740993,"text":"Zoë \\u2028 <>","none":null,"list":[{"type":"inner"}]}'
    body = body_of(outgoing("", data=data))
    assert body == body_of(outgoing("", data=data))
    said = msgspec.json.decode(body)
    assert (said["version"], said["data"].pop("text"), said["data"]) == (
        12, "Zoë \u2028 <>", {"z": 1.0, "a": 9007199254740993, "none": None, "list": [{"type": "inner"}]}
    )  # fmt: skip
    assert list(said) == ["type", "id", "timestamp", "userId", "version", "data"]
    assert msgspec.json.decode(body_of(outgoing("", data="")))["data"] == {}


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def broken(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")


async def chunked_badly(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")


async def silent_after_its_status(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    await writer.drain()
    await asyncio.get_running_loop().create_future()


async def bomb(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone")


@pytest.mark.parametrize("answer", [endless, broken, silent_after_its_status, bomb])
async def test_a_status_counts_whatever_becomes_of_the_body(answer: Any) -> None:
    async with saying(answer) as url, channel() as hooks:
        outcome = await asyncio.wait_for(post(hooks, url), 10)
    assert isinstance(outcome, Succeeded)


async def nothing(writer: asyncio.StreamWriter) -> None:
    pass


async def rubbish(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")


async def long_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n")


@pytest.mark.parametrize("answer", [nothing, rubbish, long_head, chunked_badly])
async def test_no_answer_or_none_that_can_be_read_is_unknown(answer: Any) -> None:
    async with saying(answer) as url, channel() as hooks:
        assert isinstance(await post(hooks, url), Unknown)


async def test_nobody_there_and_no_such_name_are_not_reached() -> None:
    async with receiving() as (port, _):
        pass

    def unknown(host: str, port: int) -> Any:
        raise OSError(-2, "Name or service not known")

    async with channel(look_up=unknown) as hooks:
        for url in (f"http://127.0.0.1:{port}/?token=t0p", "http://hook.example/?token=t0p"):
            outcome = await post(hooks, url)
            assert isinstance(outcome, NotReached) and "t0p" not in outcome.reason


async def test_a_receiver_that_hangs_holds_its_own_places_and_another_is_served() -> None:
    arrived = asyncio.Semaphore(0)

    async def hang(request: web.Request) -> web.Response:
        if request.host.startswith("slow"):
            arrived.release()
            await asyncio.get_running_loop().create_future()
        return web.Response()

    async with receiving(hang) as (port, _), channel(
        receiver_in_flight_max=2, in_flight_max=3, look_up=leading_to("127.0.0.1")
    ) as hooks:  # fmt: skip
        slow, quick = f"http://slow.example:{port}/", f"http://quick.example:{port}/"
        hanging = [asyncio.ensure_future(post(hooks, slow)) for _ in range(2)]
        for _ in hanging:
            await arrived.acquire()
        assert await post(hooks, slow) == Throttled(BUSY_MS)
        assert isinstance(await post(hooks, quick), Succeeded)
        for task in hanging:
            task.cancel()
        await asyncio.wait(hanging)
        assert isinstance(await post(hooks, quick), Succeeded)


async def test_what_is_cut_off_counts_against_a_receiver_that_hung_and_not_against_one_that_was_waited_for() -> None:
    arrived = asyncio.Semaphore(0)

    async def hang(request: web.Request) -> web.Response:
        if request.host.startswith("slow"):
            arrived.release()
            await asyncio.get_running_loop().create_future()
        return web.Response()

    async with (
        receiving(hang) as (port, _),
        channel(in_flight_max=FAILURES_MAX, look_up=leading_to("127.0.0.1")) as hooks,
    ):
        slow, quick = f"http://slow.example:{port}/", f"http://quick.example:{port}/"
        hanging = [asyncio.ensure_future(post(hooks, slow)) for _ in range(FAILURES_MAX)]
        for _ in hanging:
            await arrived.acquire()
        waiting = [asyncio.ensure_future(post(hooks, quick)) for _ in range(FAILURES_MAX)]
        await asyncio.sleep(0)
        for tasks in (waiting, hanging):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        assert isinstance(await post(hooks, quick), Succeeded)
        assert await post(hooks, slow) == Throttled(PAUSE_FIRST_MS)


async def test_a_receiver_that_fails_is_asked_less_often_at_no_cost_and_another_is_served() -> None:
    well = False

    async def fail(request: web.Request) -> web.Response:
        return web.Response(status=200 if well or request.host.startswith("good") else 500)

    clock = ManualClock(NOW_MS)
    async with receiving(fail) as (port, received), channel(clock=clock, look_up=leading_to("127.0.0.1")) as hooks:
        bad, good = f"http://bad.example:{port}/", f"http://good.example:{port}/"
        for _ in range(FAILURES_MAX):
            assert isinstance(await post(hooks, bad), Unknown)
        assert await post(hooks, bad) == Throttled(PAUSE_FIRST_MS)
        assert isinstance(await post(hooks, good), Succeeded)
        assert len(received) == FAILURES_MAX + 1
        await clock.advance(PAUSE_FIRST_MS)
        well = True
        for _ in range(2):
            assert isinstance(await post(hooks, bad), Succeeded)


async def test_a_closed_channel_calls_nobody() -> None:
    async with receiving() as (port, received), channel() as hooks:
        await post(hooks, f"http://127.0.0.1:{port}/")
        await hooks.close()
        assert await post(hooks, f"http://127.0.0.1:{port}/") == NotReached("the channel is closed")
        assert len(received) == 1


async def test_connections_are_kept_for_a_receiver_that_is_busy_only() -> None:
    gate = asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        await gate.wait()
        return web.Response()

    async with receiving(wait) as (port, received), channel() as hooks:
        url = f"http://127.0.0.1:{port}/"
        several = [asyncio.ensure_future(post(hooks, url)) for _ in range(3)]
        gate.set()
        await asyncio.gather(*several)
        await post(hooks, url)
    assert [request.headers.get("connection") for request in received] == ["close", None, None, "close"]
