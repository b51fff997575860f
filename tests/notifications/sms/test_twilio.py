"""Twilio's API as it is documented: what is asked of it, and what each of its answers means."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from sagamore.actors.notifications.channel import Outgoing, permanent, sent
from sagamore.actors.providers.http_client import Answer
from sagamore.actors.providers.twilio import TwilioSms, outcome_of
from sagamore.engine.effect import Call, Declined, NotReached, Outcome, Succeeded, Throttled, Unknown
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import encode
from sagamore.engine.testing.clock import ManualClock
from tests.notifications.twins.http_twin import Reply
from tests.notifications.twins.twilio_twin import ACCOUNT, SECRET, SENDER, SERVICE, TwilioTwin, error

NOW_MS = 1_700_000_000_000
KEY = "SK" + "00112233445566778899aabbccddeeff"


@asynccontextmanager
async def twilio(twin: TwilioTwin | None = None, **options: Any) -> AsyncIterator[tuple[TwilioTwin, TwilioSms]]:
    twin = twin or TwilioTwin()
    await twin.come_back()
    options = {"secret": SECRET, "sender": SENDER, "base_url": twin.url, **options}
    channel = TwilioSms(ACCOUNT, **options)
    channel.open(ManualClock(NOW_MS))
    try:
        yield twin, channel
    finally:
        await channel.close()
        await twin.vanish()


async def send(channel: TwilioSms, text: str = "Hello", to: str = "+14155550100", expires_at_ms: int = 0) -> Outcome:
    outgoing = Outgoing("dlv_1_1", "user", to, "ORDER_CREATED", "orders", (("text", text),), NOW_MS, expires_at_ms)
    return await channel.call(Call("eff_1", "send", encode(outgoing), outgoing.delivery, "ntf_1", 1))


def form(twin: TwilioTwin) -> dict[str, str]:
    return dict(parse_qsl(twin.ledger[-1].content["body"]))


async def test_a_message_is_asked_for_as_twilio_documents_it() -> None:
    async with twilio() as (twin, channel):
        text = "Order 1 & 2: 50 % off + räder\n😀"
        assert await send(channel, text) == sent(f"SM{0:032x}", "queued")
        assert form(twin) == {"To": "+14155550100", "From": SENDER, "Body": text}
        assert twin.errors == []


async def test_a_messaging_service_is_a_sender_and_an_api_key_a_secret() -> None:
    async with twilio(TwilioTwin(KEY, "of the key"), sender=SERVICE, api_key_sid=KEY, secret="of the key") as (
        twin,
        it,
    ):
        assert isinstance(await send(it), Succeeded)
        assert form(twin)["MessagingServiceSid"] == SERVICE and "From" not in form(twin)


@pytest.mark.parametrize(
    ("left_ms", "validity_s"), [(90_999, 90), (1_000, 1), (1, 1), (-5_000, 1), (36_000_000, 36_000), (10**9, 36_000)]
)
async def test_twilio_queues_a_message_no_longer_than_it_is_worth_sending(left_ms: int, validity_s: int) -> None:
    async with twilio() as (twin, channel):
        assert isinstance(await send(channel, expires_at_ms=NOW_MS + left_ms), Succeeded)
        assert form(twin)["ValidityPeriod"] == str(validity_s)


@pytest.mark.parametrize(
    ("callback", "asked"),
    [
        ("https://shop.example/sms/", "https://shop.example/sms/?delivery=dlv_1_1"),
        ("https://shop.example/sms?a=b", "https://shop.example/sms?a=b&delivery=dlv_1_1"),
    ],
)
async def test_what_becomes_of_a_message_is_reported_with_the_deliverys_id(callback: str, asked: str) -> None:
    async with twilio(status_callback=callback) as (twin, channel):
        assert isinstance(await send(channel), Succeeded)
        assert form(twin)["StatusCallback"] == asked


DEAD = {
    21211: "Invalid 'To' Phone Number", 21214: "'To' phone number cannot be reached",
    21217: "Phone number does not appear to be valid", 21265: "'To' number cannot be a Short Code",
    21266: "'To' and 'From' number cannot be the same", 21610: "Attempt to send to unsubscribed recipient",
    21614: "'To' number is not a valid mobile number", 21635: "'To' number cannot be a landline",
}  # fmt: skip
REFUSED = {
    21212: "Invalid From Number", 21408: "No permission for the region",
    21602: "Message body is required.", 21603: "A 'From' phone number is required.", 21604: "A 'To' is required.",
    21606: "The 'From' number is not capable of SMS", 21608: "The number is unverified",
    21609: "Invalid StatusCallback",
    21612: "The 'To' number is not currently reachable", 21617: "The body exceeds the 1600 character limit",
    21619: "A text message body or media urls must be specified.", 21703: "The Messaging Service has no phone numbers",
    30034: "Message from an unregistered number", 90007: "Invalid validity period",
}  # fmt: skip


@pytest.mark.parametrize("code", DEAD)
async def test_a_number_that_nothing_will_reach_is_dead(code: int) -> None:
    async with twilio() as (twin, channel):
        twin.script(error(400, code, DEAD[code]))
        assert await send(channel) == permanent(str(code), DEAD[code], dead_address=True)


async def test_what_twilio_says_is_kept_short_storable_and_without_the_number() -> None:
    async with twilio() as (twin, channel):
        twin.script(error(400, 21614, "'To' number +14155550100 \0 is not mobile." + " very" * 1_000))
        outcome = await send(channel)
        assert isinstance(outcome, Declined) and "'To' number the number" in outcome.answer
        assert "14155550100" not in outcome.answer and "u0000" not in outcome.answer and len(outcome.answer) < 400


@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize("code", REFUSED)
async def test_a_message_that_is_refused_leaves_its_number_alone(code: int, status: int) -> None:
    async with twilio() as (twin, channel):
        twin.script(error(status, code, REFUSED[code]))
        assert await send(channel) == permanent(str(code), REFUSED[code])


async def test_a_request_that_twilio_cannot_read_is_permanent_and_spares_the_account() -> None:
    async with twilio() as (twin, channel):
        twin.script(error(400, 20001, "Invalid parameter"))
        assert await send(channel) == permanent("20001", "Invalid parameter")


@pytest.mark.parametrize(
    "reply",
    [
        error(401, 20003, "Authenticate"), error(403, 20005, "Account not active"), error(403, 20403, "Forbidden"),
        error(404, 20404, "The requested resource was not found"), Reply(401, b""), Reply(403, b"<html>"),
    ],
)  # fmt: skip
async def test_an_account_that_is_refused_is_our_matter_and_the_message_waits(reply: Reply) -> None:
    async with twilio() as (twin, channel):
        twin.script(reply)
        outcome = await send(channel)
        assert isinstance(outcome, NotReached) and "account" in outcome.reason and SECRET not in outcome.reason


@pytest.mark.parametrize(
    ("reply", "wait_ms"),
    [
        (error(429, 20429, "Too Many Requests"), 1_000), (error(429, 20429, "Too Many", {"Retry-After": "7"}), 7_000),
        (error(429, 20429, "Too Many", {"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}), 30_000),
        (Reply(429, b""), 1_000),
        (error(400, 20429, "Too Many Requests"), 1_000), (error(400, 21611, "The queue is full"), 1_000),
    ],
)  # fmt: skip
async def test_too_many_is_throttled_until_twilio_says(reply: Reply, wait_ms: int) -> None:
    async with twilio() as (twin, channel):
        twin.script(reply)
        assert await send(channel) == Throttled(wait_ms)


@pytest.mark.parametrize(
    "reply",
    [
        error(500, 20500, "Internal Server Error"), error(503, 20503, "Unavailable"), Reply(502, b"<html>bad gateway"),
        Reply(201, b"<html>"), Reply(201, {}), Reply(204, b""), Reply(302, b""), Reply(404, b"<html>not found"),
        Reply(408, b""), Reply(400, b"[]"), Reply(400, {"code": None}),
    ],
)  # fmt: skip
async def test_whatever_may_have_been_sent_is_unknown(reply: Reply) -> None:
    async with twilio() as (twin, channel):
        twin.script(reply)
        outcome = await send(channel)
        assert isinstance(outcome, Unknown) and outcome.reason.startswith(str(reply.status))


async def test_silence_is_unknown_once_the_time_is_up() -> None:
    async with twilio(timeout_ms=100) as (twin, channel):
        twin.script("stall")
        assert isinstance(await send(channel), Unknown)
        assert twin.ledger == []


async def test_a_wrong_secret_and_a_wrong_path_are_not_reached() -> None:
    async with twilio(secret="another") as (twin, channel):
        assert isinstance(await send(channel), NotReached)
        assert twin.errors == ["authorization"]
    async with twilio(TwilioTwin()) as (twin, _):
        channel = TwilioSms(ACCOUNT, SECRET, sender=SENDER, base_url=f"{twin.url}/other")
        channel.open(ManualClock(NOW_MS))
        assert isinstance(await send(channel), NotReached)
        await channel.close()
        assert twin.errors == ["path"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"account_sid": "AC1"}, "account_sid"), ({"account_sid": KEY}, "account_sid"),
        ({"api_key_sid": "1"}, "api_key_sid"), ({"account_sid": "AC/" + "0" * 31}, "account_sid"),
        ({"secret": ""}, "secret"), ({"secret": "line\nend"}, "secret"),
        ({"sender": ""}, "sender"), ({"base_url": "api.twilio.com"}, "base_url"),
        ({"status_callback": "x"}, "status_callback"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_work_is_refused_by_its_name(changed: dict[str, str], field: str) -> None:
    make: Callable[..., TwilioSms] = TwilioSms
    options = {"account_sid": ACCOUNT, "secret": SECRET, "sender": SENDER, **changed}
    with pytest.raises(InvalidInput) as refused:
        make(**options)
    assert refused.value.field == field
    assert not changed.get("secret") or changed["secret"] not in f"{refused.value} {refused.value.value}"


def test_a_refusal_reads_as_the_channels_actor_reads_it() -> None:
    answer = Answer(400, {}, msgspec.json.encode({"code": 21610, "message": "stopped", "status": 400}))
    outcome = outcome_of(answer, NOW_MS, "+14155550100")
    assert isinstance(outcome, Declined)
    assert msgspec.json.decode(outcome.answer) == {"code": "21610", "message": "stopped", "dead_address": True}
