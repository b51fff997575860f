"""Access tokens: signed for, kept, shared, renewed; and what goes wrong with them is never the message's fault."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sagamore.actors.providers.fcm import FcmPush
from sagamore.actors.providers.google_tokens import service_account_of
from sagamore.engine.effect import NotReached, Succeeded
from sagamore.engine.errors import InvalidInput
from sagamore.engine.testing.clock import ManualClock
from tests.notifications.push.kit import NOW_MS, Time, fcm, send
from tests.notifications.twins.fcm_twin import UNAUTHENTICATED, account, key
from tests.notifications.twins.http_twin import Reply

MINUTE_MS = 60_000


async def test_one_token_serves_many_messages_until_some_minutes_before_its_end() -> None:
    time = Time()
    async with fcm(time) as (twin, channel):
        for minutes, grants in ((0, 1), (1, 1), (54, 1), (55, 2), (56, 2), (111, 3)):
            time.at_ms = NOW_MS + minutes * MINUTE_MS
            assert isinstance(await send(channel), Succeeded)
            assert twin.grants == grants
        assert twin.errors == []


async def test_messages_that_find_no_token_share_one_request() -> None:
    async with fcm() as (twin, channel):
        twin.may_grant.clear()
        sends = [asyncio.create_task(send(channel)) for _ in range(20)]
        await twin.asked.wait()
        twin.may_grant.set()
        assert all(isinstance(outcome, Succeeded) for outcome in await asyncio.gather(*sends))
        assert twin.grants == 1 and len(twin.ledger) == 20


async def test_messages_that_wait_share_a_failure_too_and_the_next_one_asks_again() -> None:
    async with fcm() as (twin, channel):
        twin.may_grant.clear()
        twin.token_reply = Reply(503, b"<html>")
        sends = [asyncio.create_task(send(channel)) for _ in range(20)]
        await twin.asked.wait()
        twin.may_grant.set()
        assert set(map(repr, await asyncio.gather(*sends))) == {repr(NotReached("no access token: 503"))}
        assert twin.grants == 1
        twin.token_reply = None
        assert isinstance(await send(channel), Succeeded)


async def test_a_message_cancelled_while_it_asks_leaves_the_others_to_ask() -> None:
    async with fcm() as (twin, channel):
        twin.may_grant.clear()
        first, second = (asyncio.create_task(send(channel)) for _ in range(2))
        await twin.asked.wait()
        first.cancel()
        twin.may_grant.set()
        assert isinstance(await second, Succeeded)
        assert first.cancelled()


async def test_a_token_that_is_refused_is_renewed_within_the_attempt() -> None:
    async with fcm() as (twin, channel):
        assert isinstance(await send(channel), Succeeded)
        twin.tokens.clear()
        outcomes = await asyncio.gather(*(send(channel) for _ in range(10)))
        assert all(isinstance(outcome, Succeeded) for outcome in outcomes)
        assert twin.grants == 2 and len(twin.ledger) == 11


@pytest.mark.parametrize("reply", [UNAUTHENTICATED, Reply(401, b"")])
async def test_a_new_token_that_is_refused_as_well_is_not_reached(reply: Reply) -> None:
    async with fcm() as (twin, channel):
        twin.script(reply)
        assert await send(channel) == NotReached("FCM refuses the access token, and a new one too")
        assert twin.grants == 2


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}), "Invalid JWT Sig"),
        (Reply(401, {"error": "invalid_client"}), "invalid_client"), (Reply(403, b"ya29.secret"), "403"),
        (Reply(200, b"<html>ya29.secret"), "cannot be"), (Reply(200, {"access_token": "ya29.secret"}), "cannot be"),
        (Reply(302, b""), "302"), (Reply(429, b""), "429"), (Reply(500, b"<"), "500"),
    ],
)  # fmt: skip
async def test_no_token_is_not_reached_and_says_why_but_never_a_token(reply: Reply, why: str) -> None:
    async with fcm() as (twin, channel):
        twin.token_reply = reply
        outcome = await send(channel)
        assert isinstance(outcome, NotReached) and why in outcome.reason and "secret" not in outcome.reason
        assert twin.ledger == []


async def test_a_token_endpoint_that_is_silent_or_gone_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagamore.actors.providers.google_tokens.TIMEOUT_MS", 100)
    async with fcm() as (twin, channel):
        twin.may_grant.clear()
        assert isinstance(await send(channel), NotReached)
        await twin.vanish()
        assert isinstance(await send(channel), NotReached)


async def test_tokens_come_from_another_url_if_told_so() -> None:
    async with fcm() as (twin, _):
        elsewhere = {**account(twin.url), "token_uri": "http://127.0.0.1:1/token"}
        channel = FcmPush(elsewhere, base_url=twin.url, token_url=f"{twin.url}/token")
        channel.open(ManualClock(NOW_MS))
        assert isinstance(await send(channel), Succeeded)
        await channel.close()


async def test_an_account_that_google_does_not_know_is_not_reached() -> None:
    async with fcm() as (twin, _):
        stranger = {**account(twin.url), "client_email": "another@example.com"}
        channel = FcmPush(stranger, base_url=twin.url)
        channel.open(ManualClock(NOW_MS))
        assert await send(channel) == NotReached("no access token: 400 invalid_grant: Invalid issuer or scope")
        await channel.close()


async def test_a_clock_that_is_wrong_is_not_reached() -> None:
    async with fcm() as (twin, channel):
        channel.open(ManualClock(NOW_MS + 7_200_000))
        outcome = await send(channel)
        assert isinstance(outcome, NotReached) and "reasonable timeframe" in outcome.reason
        assert twin.ledger == []


def test_an_account_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    path.write_text(json.dumps(account("http://127.0.0.1:1")))
    assert (
        service_account_of(path) == service_account_of(str(path)) == service_account_of(account("http://127.0.0.1:1"))
    )


EC_PEM = generate_ec_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC_PEM = key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"type": "authorized_user"}, "service_account"), ({"client_email": 1}, "service_account"),
        ({"private_key": "-----BEGIN secret"}, "service_account.private_key"),
        ({"private_key": EC_PEM}, "service_account.private_key"),
        ({"private_key": PUBLIC_PEM}, "service_account.private_key"), ({"token_uri": "ftp://x"}, "token_url"),
    ],
)  # fmt: skip
def test_an_account_that_cannot_work_is_refused_and_no_key_is_shown(changed: dict[str, Any], field: str) -> None:
    make: Callable[..., FcmPush] = FcmPush
    with pytest.raises(InvalidInput) as refused:
        make({**account("http://127.0.0.1:1"), **changed})
    shown = f"{refused.value} {refused.value.value} {refused.value.__cause__}"
    assert refused.value.field == field
    assert "PRIVATE" not in shown and "BEGIN" not in shown


def test_a_file_that_is_missing_or_no_json_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("no")
    for name in ("no.json", "missing.json"):
        with pytest.raises(InvalidInput) as refused:
            service_account_of(tmp_path / name)
        assert (refused.value.field, str(refused.value.value).endswith(name)) == ("service_account", True)


def test_an_account_does_not_show_its_key() -> None:
    known = service_account_of(account("http://127.0.0.1:1"))
    assert "PRIVATE" in known.private_key and "PRIVATE" not in f"{known} {known!r}"
