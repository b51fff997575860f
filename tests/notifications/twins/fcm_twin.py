"""Google's token endpoint and FCM's POST /v1/projects/{project}/messages:send, as their documentation describes them.

A request for a token must be signed by the service account whose key is `account()`; a message must bear a token that
was granted here and has not ended. Time is the twin's `now_ms`.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qsl

import jwt
import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.notifications.twins.http_twin import Behaviour, HttpTwin, Reply

PROJECT = "shop-of-tests"
EMAIL = "sender@shop-of-tests.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
AUDIENCE = "https://oauth2.googleapis.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_S = 3_599
SKEW_S = 300
PAYLOAD_BYTES_MAX = 4_096
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"

Seconds = Annotated[str, msgspec.Meta(pattern=r"^\d+s$")]


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    pass


class _Notification(_Strict):
    title: str
    body: str


class _Tag(_Strict):
    tag: str


class _Android(_Strict):
    collapse_key: str
    notification: _Tag
    ttl: Seconds = "2419200s"


class _Apns(_Strict):
    headers: dict[str, str]


class _Webpush(_Strict):
    headers: dict[str, str]
    notification: _Tag


class _Message(_Strict, kw_only=True):
    token: str = ""
    fid: str = ""
    notification: _Notification
    data: dict[str, str]
    android: _Android
    apns: _Apns
    webpush: _Webpush


class _Body(_Strict):
    message: _Message


@cache
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65_537, key_size=2_048)


def account(url: str) -> dict[str, Any]:
    """The JSON file of the service account, whose tokens are granted at that server."""
    pem = key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "type": "service_account", "project_id": PROJECT, "private_key_id": "key-1", "private_key": pem,
        "client_email": EMAIL, "client_id": "1", "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": f"{url}/token", "universe_domain": "googleapis.com",
    }  # fmt: skip


def error(
    status: int, name: str, message: str, fcm: str = "", field: str = "", headers: Mapping[str, str] | None = None
) -> Reply:
    details: list[dict[str, Any]] = [{"@type": FCM_ERROR, "errorCode": fcm}] if fcm else []
    if field:
        details.append({"@type": BAD_REQUEST, "fieldViolations": [{"field": field, "description": message}]})
    said = {"code": status, "message": message, "status": name} | ({"details": details} if details else {})
    return Reply(status, {"error": said}, headers)


def invalid(message: str, field: str = "") -> Reply:
    return error(400, "INVALID_ARGUMENT", message, "INVALID_ARGUMENT", field)


UNAUTHENTICATED = error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
UNREGISTERED = error(404, "NOT_FOUND", "Requested entity was not found.", "UNREGISTERED")


class FcmTwin(HttpTwin):
    """One project. `grants` counts the tokens asked for; `token_reply` is given instead of one."""

    replies: ClassVar[Mapping[Behaviour, Reply]] = {
        "refuse": invalid("Invalid value at 'message.data[0].value'", "message.data[0].value"),
        "dead_address": UNREGISTERED,
        "unable": error(503, "UNAVAILABLE", "The service is currently unavailable.", "UNAVAILABLE"),
        "throttle": error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", "QUOTA_EXCEEDED", headers={"Retry-After": "5"}),
    }

    def __init__(self, now_ms: Callable[[], int]) -> None:
        super().__init__()
        self.now_ms = now_ms
        self.grants = 0
        self.token_reply: Reply | None = None
        self.asked, self.may_grant = asyncio.Event(), asyncio.Event()
        self.may_grant.set()
        self.tokens: dict[str, int] = {}

    def application(self) -> web.Application:
        application = web.Application(client_max_size=65_536)
        application.router.add_post("/token", self._token)
        application.router.add_route("*", "/{path:.*}", self._send)
        return application

    async def _token(self, request: web.Request) -> web.Response:
        self.grants += 1
        self.asked.set()
        granted = f"ya29.token-{self.grants}"
        await self.may_grant.wait()
        if self.token_reply:
            return self.token_reply.response()
        wrong = self._wrong_claim(request.content_type, dict(parse_qsl(await request.text(), strict_parsing=True)))
        if wrong:
            self.errors.append(wrong)
            return Reply(400, {"error": "invalid_grant", "error_description": wrong}).response()
        self.tokens[granted] = self.now_ms() + TOKEN_S * 1000
        return Reply(200, {"access_token": granted, "expires_in": TOKEN_S, "token_type": "Bearer"}).response()

    def _wrong_claim(self, content_type: str, form: dict[str, str]) -> str:
        if content_type != "application/x-www-form-urlencoded" or form.keys() != {"grant_type", "assertion"}:
            return "Invalid request"
        if form["grant_type"] != GRANT:
            return f"Invalid grant_type: {form['grant_type']}"
        try:
            claim = jwt.decode(
                form["assertion"], key().public_key(), algorithms=["RS256"], audience=AUDIENCE,
                options={"verify_exp": False, "verify_iat": False, "require": ["iss", "scope", "aud", "iat", "exp"]},
            )  # fmt: skip
        except jwt.PyJWTError as cause:
            return f"Invalid JWT Signature. {cause}"
        now_s, issued_s, ends_s = self.now_ms() // 1000, claim["iat"], claim["exp"]
        if claim["iss"] != EMAIL or SCOPE not in claim["scope"].split():
            return "Invalid issuer or scope"
        if not issued_s - SKEW_S <= now_s < ends_s or ends_s - issued_s > 3_600:
            return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        return ""

    async def _send(self, request: web.Request) -> web.Response:
        try:
            message = await self._checked(request)
        except Reply as reply:
            return reply.response()
        name = f"projects/{PROJECT}/messages/0:{len(self.ledger)}%31bd1c9631bd1c96"
        return await self.take(request, message.token or message.fid, Reply(200, {"name": name}))

    async def _checked(self, request: web.Request) -> _Message:
        if request.method != "POST" or request.path != f"/v1/projects/{PROJECT}/messages:send":
            raise self.wrong(error(404, "NOT_FOUND", "Requested entity was not found."), "path")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or self.tokens.get(token, 0) <= self.now_ms():
            raise UNAUTHENTICATED
        if request.content_type != "application/json" or request.query_string:
            raise self.wrong(invalid("Invalid JSON payload received."), "content type")
        try:
            message = msgspec.json.decode(await request.read(), type=_Body).message
        except msgspec.MsgspecError as cause:
            raise self.wrong(invalid(f"Invalid JSON payload received. {cause}"), str(cause)) from None
        for said, reply in self._rules(message):
            if said:
                raise self.wrong(reply, str(reply.body))
        return message

    def _rules(self, message: _Message) -> list[tuple[bool, Reply]]:
        payload = len(msgspec.json.encode([message.notification, message.data]))
        reserved = [name for name in message.data if name in ("from", "gcm") or name.startswith("google")]
        apns, web_push = message.apns.headers, message.webpush.headers
        topic = re.fullmatch(r"[\w-]{1,32}", web_push.get("Topic", "topic"), re.ASCII)
        return [
            (bool(message.token) == bool(message.fid), invalid("Recipient of the message is not set.", "message")),
            (not re.fullmatch(r"[\w:-]*", message.token, re.ASCII), invalid("Invalid token", "message.token")),
            (not re.fullmatch(r"([c-f][\w-]{21})?", message.fid, re.ASCII), invalid("Invalid fid", "message.fid")),
            (payload > PAYLOAD_BYTES_MAX, error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")),
            (bool(reserved), invalid(f"Invalid data payload key: {reserved}", "message.data")),
            (int(message.android.ttl[:-1]) > 2_419_200, invalid("Invalid ttl", "message.android.ttl")),
            (len(apns.get("apns-collapse-id", "")) > 64, invalid("Invalid apns-collapse-id", "message.apns.headers")),
            (not apns.get("apns-expiration", "0").isdecimal(), invalid("Invalid expiration", "message.apns.headers")),
            (not topic, invalid("Invalid Topic", "message.webpush.headers")),
            (not web_push.get("TTL", "0").isdecimal(), invalid("Invalid TTL", "message.webpush.headers")),
        ]
