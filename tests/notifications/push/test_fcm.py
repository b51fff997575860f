"""FCM's API as it is documented: what is asked of it, and what each of its answers means."""

import json
from typing import Any

import pytest

from sagamore.actors.notifications.channel import CannotSend, permanent, sent
from sagamore.actors.notifications.channels.push import PAYLOAD_BYTES_MAX, PushChannel
from sagamore.engine.effect import Declined, NotReached, Succeeded, Throttled, Unknown
from tests.notifications.push.kit import NOW_MS, TOKEN, fcm, send
from tests.notifications.twins.fcm_twin import PROJECT, UNREGISTERED, FcmTwin, error, invalid
from tests.notifications.twins.http_twin import Reply


def message(twin: FcmTwin) -> Any:
    return json.loads(twin.ledger[-1].content["body"])["message"]


async def test_a_message_is_asked_for_as_fcm_documents_it() -> None:
    async with fcm() as (twin, channel):
        outcome = await send(channel, title="Order 1", body="räder & 😀", link="/orders/1")
        assert outcome == sent(f"projects/{PROJECT}/messages/0:0%31bd1c9631bd1c96")
        assert message(twin) == {
            "token": TOKEN, "notification": {"title": "Order 1", "body": "räder & 😀"},
            "data": {"delivery": "dlv_1_1", "link": "/orders/1"},
            "android": {"collapse_key": "dlv_1_1", "notification": {"tag": "dlv_1_1"}},
            "apns": {"headers": {"apns-collapse-id": "dlv_1_1"}},
            "webpush": {"headers": {"Topic": message(twin)["webpush"]["headers"]["Topic"]},
                        "notification": {"tag": "dlv_1_1"}},
        }  # fmt: skip
        assert twin.errors == []


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("dFh-1_abcdefghijklmnop", "fid"), ("dFh-1_abcdefghijklmnop:APA91b", "token"),
        ("xFh-1_abcdefghijklmnop", "token"), ("dFh-1_abcdefghijklmno", "token"), ("dFh-1_abcdefghijklmnopq", "token"),
    ],
)  # fmt: skip
async def test_an_installation_is_told_from_a_token_by_its_form(address: str, field: str) -> None:
    async with fcm() as (twin, channel):
        assert isinstance(await send(channel, to=address), Succeeded)
        assert {name for name in ("fid", "token") if name in message(twin)} == {field}
        assert twin.ledger[-1].address == address and twin.errors == []


async def test_copies_of_a_delivery_replace_each_other_and_no_other_delivery() -> None:
    async with fcm() as (twin, channel):
        topics = []
        for delivery in ("dlv_1_1", "dlv_1_1", "dlv_1_2", f"dlv_{'9' * 80}_1"):
            assert isinstance(await send(channel, delivery=delivery), Succeeded)
            topics.append(message(twin)["webpush"]["headers"]["Topic"])
        assert topics[0] == topics[1] and len(set(topics)) == 3


@pytest.mark.parametrize(
    ("left_ms", "ttl_s"), [(90_999, 90), (1, 1), (-5_000, 1), (2_419_200_000, 2_419_200), (10**12, 2_419_200)]
)
async def test_a_message_is_kept_for_a_device_no_longer_than_it_is_worth_showing(left_ms: int, ttl_s: int) -> None:
    async with fcm() as (twin, channel):
        assert isinstance(await send(channel, expires_at_ms=NOW_MS + left_ms), Succeeded)
        said = message(twin)
        assert said["android"]["ttl"] == f"{ttl_s}s" and said["webpush"]["headers"]["TTL"] == str(ttl_s)
        assert said["apns"]["headers"]["apns-expiration"] == str((NOW_MS + left_ms) // 1000)


async def test_the_largest_message_that_may_leave_is_taken() -> None:
    def may_leave(body: str) -> bool:
        try:
            PushChannel().check_parts({"title": "", "body": body})
        except CannotSend:
            return False
        return True

    body = '"' * next(length for length in range(PAYLOAD_BYTES_MAX, 0, -1) if may_leave('"' * length))
    async with fcm() as (twin, channel):
        assert isinstance(await send(channel, delivery=f"dlv_{'9' * 32}_20", title="", body=body), Succeeded)
        assert twin.errors == []


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (UNREGISTERED, "UNREGISTERED"),
        (error(403, "PERMISSION_DENIED", "SenderId mismatch", "SENDER_ID_MISMATCH"), "SENDER_ID_MISMATCH"),
        (invalid("Invalid registration token", "message.token"), "INVALID_ARGUMENT"),
        (invalid("The registration token is not a valid FCM registration token"), "INVALID_ARGUMENT"),
        (invalid("Invalid installation", "message.fid"), "INVALID_ARGUMENT"),
        (error(400, "INVALID_ARGUMENT", "Invalid registration", field="message.token"), "INVALID_ARGUMENT"),
    ],
)
async def test_a_token_that_nothing_will_reach_is_dead(reply: Reply, code: str) -> None:
    async with fcm() as (twin, channel):
        twin.script(reply)
        assert isinstance(reply.body, dict)
        assert await send(channel) == permanent(code, reply.body["error"]["message"], dead_address=True)


async def test_a_token_that_is_none_is_dead_at_the_twin_as_well() -> None:
    async with fcm() as (_, channel):
        assert await send(channel, to="!") == permanent("INVALID_ARGUMENT", "Invalid token", dead_address=True)


@pytest.mark.parametrize(
    "reply",
    [
        invalid("Invalid value at 'message.data[0].value'", "message.data[0].value"),
        error(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
        error(400, "FAILED_PRECONDITION", "Something is missing"), error(413, "OUT_OF_RANGE", "Too large"),
    ],
)  # fmt: skip
async def test_a_message_that_is_refused_leaves_its_token_alone(reply: Reply) -> None:
    async with fcm() as (twin, channel):
        twin.script(reply)
        assert isinstance(reply.body, dict)
        said = reply.body["error"]
        assert await send(channel) == permanent(said["status"], said["message"])


async def test_what_fcm_says_is_kept_short_and_storable() -> None:
    async with fcm() as (twin, channel):
        twin.script(error(400, "INVALID_ARGUMENT", "It is \0 wrong." + " very" * 1_000))
        outcome = await send(channel)
        assert isinstance(outcome, Declined) and "u0000" not in outcome.answer and len(outcome.answer) < 400


@pytest.mark.parametrize(
    "reply",
    [
        error(403, "PERMISSION_DENIED", "Permission 'cloudmessaging.messages.create' denied"), Reply(403, b"<html>"),
        error(401, "UNAUTHENTICATED", "Auth error from APNS or Web Push Service", "THIRD_PARTY_AUTH_ERROR"),
        error(404, "NOT_FOUND", "Requested entity was not found."),
    ],
)  # fmt: skip
async def test_a_project_that_is_refused_is_our_matter_and_the_message_waits(reply: Reply) -> None:
    async with fcm() as (twin, channel):
        twin.script(reply)
        outcome = await send(channel)
        assert isinstance(outcome, NotReached) and "project" in outcome.reason and "ya29" not in outcome.reason
        assert twin.grants == 1


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [({}, 60_000), ({"Retry-After": "7"}, 7_000), ({"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30_000)],
)
async def test_too_many_is_throttled_for_a_minute_or_what_fcm_says(headers: dict[str, str], wait_ms: int) -> None:
    async with fcm() as (twin, channel):
        twin.script(error(429, "RESOURCE_EXHAUSTED", "Quota exceeded", "QUOTA_EXCEEDED", headers=headers))
        assert await send(channel) == Throttled(wait_ms)
        twin.script(Reply(429, b"<html>", headers))
        assert await send(channel) == Throttled(wait_ms)


@pytest.mark.parametrize(
    "reply",
    [
        error(500, "INTERNAL", "Internal error encountered.", "INTERNAL"), Reply(502, b"<html>bad gateway"),
        error(503, "UNAVAILABLE", "Unavailable", "UNAVAILABLE", headers={"Retry-After": "5"}), Reply(200, b"<html>"),
        Reply(200, {}), Reply(204, b""), Reply(302, b""), Reply(404, b"<html>not found"), Reply(400, b"[]"),
        Reply(400, {"error": "a text"}),
    ],
)  # fmt: skip
async def test_whatever_may_have_been_sent_is_unknown(reply: Reply) -> None:
    async with fcm() as (twin, channel):
        twin.script(reply)
        outcome = await send(channel)
        assert isinstance(outcome, Unknown) and outcome.reason.startswith(str(reply.status))


async def test_silence_is_unknown_once_the_time_is_up() -> None:
    async with fcm(timeout_ms=100) as (twin, channel):
        twin.script("stall")
        assert isinstance(await send(channel), Unknown)
        assert twin.ledger == []
