"""Push messages through Firebase Cloud Messaging, HTTP v1.

    200 with a message's name                   sent
    404 UNREGISTERED, 403 SENDER_ID_MISMATCH,   permanent, and the token is dead
    400 INVALID_ARGUMENT about the token
    400 and the like                            permanent
    429                                         throttled, a minute if nothing is said
    401                                         once with a new access token, then not reached
    401, 403, 404 for another reason            not reached: the project or its rights; messages wait until it is mended
    5xx, 3xx, not FCM's JSON                    unknown, a 503 with Retry-After too: FCM has no idempotency key, and
                                                does not promise that a message it could not finish was not passed on

A copy of a message replaces the one before it where the platform can: by the delivery's id.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from sagamore.actors.notifications.channel import Outgoing, permanent, sent
from sagamore.actors.notifications.channels.push import PushChannel
from sagamore.actors.providers.google_tokens import GoogleTokens, service_account_of
from sagamore.actors.providers.http_client import CONNECTIONS_MAX, Answer, HttpClient, base_url_of, words_of
from sagamore.engine.effect import Call, NotReached, Outcome, Throttled, Unknown
from sagamore.engine.policy import DAY_MS, MINUTE_MS, SECOND_MS

BASE_URL = "https://fcm.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
TIMEOUT_MS = 12 * SECOND_MS  # with two waits for an access token it stays below the engine's 30 s
TTL_MAX_MS = 28 * DAY_MS  # FCM keeps a message for four weeks at most, and does so if nothing is said
RETRY_AFTER_DEFAULT_MS = MINUTE_MS
COLLAPSE_BYTES_MAX = 64  # of apns-collapse-id

_FID = re.compile(r"[c-f][A-Za-z0-9_-]{21}")

DEAD_TOKEN = frozenset({"UNREGISTERED", "SENDER_ID_MISMATCH"})
ADDRESS_FIELDS = frozenset({"message.token", "message.fid"})
OURS = frozenset({401, 403, 404})


class _Violation(msgspec.Struct):
    field: str = ""


class _Detail(msgspec.Struct, rename="camel"):
    error_code: str = ""
    field_violations: list[_Violation] = []


class _Error(msgspec.Struct):
    status: str = ""
    message: str = ""
    details: list[_Detail] = []

    @property
    def code(self) -> str:
        """FCM's own code, else the one of all Google's APIs."""
        return next((detail.error_code for detail in self.details if detail.error_code), self.status)

    @property
    def about_token(self) -> bool:
        """Whether the address itself was refused."""
        fields = {violation.field for detail in self.details for violation in detail.field_violations}
        return bool(fields & ADDRESS_FIELDS) or "not a valid FCM registration token" in self.message


class _Said(msgspec.Struct):
    name: str = ""
    error: _Error | None = None


class FcmPush(PushChannel):
    """For one event loop. `service_account` is Google's JSON file of one, or what it holds; the project is its own
    unless `project_id` says another. More sends than `connections_max` wait. Raises InvalidInput, and ImportError
    without the extra `push`."""

    def __init__(
        self, service_account: Mapping[str, Any] | Path | str, *, project_id: str = "",
        base_url: str = BASE_URL, token_url: str = "", timeout_ms: int = TIMEOUT_MS,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:  # fmt: skip
        account = service_account_of(service_account)
        project = quote(project_id or account.project_id, safe="")
        self._url = f"{base_url_of('base_url', base_url)}/v1/projects/{project}/messages:send"
        self._tokens = GoogleTokens(account, SCOPE, now_ms=self._now_ms, token_url=token_url)
        self._http = HttpClient(timeout_ms=timeout_ms, connections_max=connections_max)

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """One message; twice if the access token was refused, when nothing was sent."""
        content = msgspec.json.encode({"message": message_of(outgoing, self._now_ms())})
        token = await self._tokens.token()
        outcome = await self._attempt(content, token)
        if outcome is None and isinstance(token, str):
            outcome = await self._attempt(content, await self._tokens.token(refused=token))
        return outcome or NotReached("FCM refuses the access token, and a new one too")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
        await self._tokens.close()

    def _now_ms(self) -> int:
        return self.clock.now_ms()

    async def _attempt(self, content: bytes, token: str | NotReached) -> Outcome | None:
        """None: the access token was refused."""
        if isinstance(token, NotReached):
            return token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=UTF-8"}
        answer = await self._http.send("POST", self._url, content=content, headers=headers)
        return outcome_of(answer, self._now_ms()) if isinstance(answer, Answer) else answer


def message_of(outgoing: Outgoing, now_ms: int) -> dict[str, Any]:
    """The message as FCM takes it."""
    delivery, link = outgoing.delivery, outgoing.part("link")
    message: dict[str, Any] = {
        "fid" if _FID.fullmatch(outgoing.address) else "token": outgoing.address,
        "notification": {"title": outgoing.part("title"), "body": outgoing.part("body")},
        "data": {"delivery": delivery} | ({"link": link} if link else {}),
        "android": {"collapse_key": delivery, "notification": {"tag": delivery}},
        "apns": {"headers": {"apns-collapse-id": delivery[:COLLAPSE_BYTES_MAX]}},
        "webpush": {"headers": {"Topic": _topic(delivery)}, "notification": {"tag": delivery}},
    }
    if outgoing.expires_at_ms:
        ttl_s = max(min(outgoing.expires_at_ms - now_ms, TTL_MAX_MS) // SECOND_MS, 1)
        message["android"]["ttl"] = f"{ttl_s}s"
        message["apns"]["headers"]["apns-expiration"] = str(outgoing.expires_at_ms // SECOND_MS)
        message["webpush"]["headers"]["TTL"] = str(ttl_s)
    return message


def _topic(delivery: str) -> str:
    """32 characters of base64url, as RFC 8030 allows at most."""
    return urlsafe_b64encode(blake2b(delivery.encode(), digest_size=24).digest()).decode()


def outcome_of(answer: Answer, now_ms: int) -> Outcome | None:
    """What an answer of FCM's means; None: the access token is not good any more."""
    said = _read(answer.body)
    error = said.error
    if answer.status == 429:
        return Throttled(answer.retry_after_ms(now_ms, RETRY_AFTER_DEFAULT_MS))
    if 200 <= answer.status < 300 and said.name:
        return sent(words_of(said.name))
    if answer.status == 401 and (error is None or error.code == "UNAUTHENTICATED"):
        return None
    if 400 <= answer.status < 500 and error is not None:
        dead = error.code in DEAD_TOKEN or error.about_token
        if answer.status in OURS and not dead:
            return NotReached(f"FCM refuses the project: {answer.status} {error.code}: {error.message}")
        return permanent(words_of(error.code), words_of(error.message), dead_address=dead)
    if answer.status == 403:
        return NotReached(f"FCM refuses the project: {answer.shown}")
    return Unknown(answer.shown)


def _read(body: bytes) -> _Said:
    try:
        return msgspec.json.decode(body, type=_Said)
    except (msgspec.MsgspecError, ValueError):
        return _Said()
