"""Access tokens for Google's APIs: a service account signs a claim (RS256), Google answers with a token for an hour.

One request at a time: sends that find no token wait for the one under way and share what comes of it. A token is asked
for again some minutes before it ends. Whatever goes wrong here is not reached: the message itself was never sent.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from sagamore.actors.providers.http_client import Answer, HttpClient, base_url_of
from sagamore.engine.effect import NotReached
from sagamore.engine.errors import InvalidInput
from sagamore.engine.policy import MINUTE_MS, SECOND_MS

TIMEOUT_MS = 8 * SECOND_MS  # one's own request after another's leaves time for the message within the engine's 30 s
CLAIM_S = 3_600  # Google takes no longer one
EARLY_MS = 5 * MINUTE_MS
AUDIENCE = "https://oauth2.googleapis.com/token"  # always, whatever URL is asked
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
HIDDEN = "(hidden)"  # in errors, for a secret


class ServiceAccount(msgspec.Struct, frozen=True):
    """What is needed of the JSON file that Google gives out."""

    type: str
    project_id: str
    private_key_id: str
    private_key: str
    client_email: str
    token_uri: str

    def __repr__(self) -> str:
        return f"ServiceAccount({self.client_email})"


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: int


class _Refused(msgspec.Struct):
    error: str = ""
    error_description: str = ""


def service_account_of(source: Mapping[str, Any] | Path | str) -> ServiceAccount:
    """From what the file holds, or from the file. Raises InvalidInput."""
    try:
        if isinstance(source, Path | str):
            account = msgspec.json.decode(Path(source).read_bytes(), type=ServiceAccount)
        else:
            account = msgspec.convert(dict(source), ServiceAccount)
    except (OSError, msgspec.MsgspecError, ValueError) as cause:
        shown = str(source) if isinstance(source, Path | str) else HIDDEN
        raise InvalidInput("service_account", shown, f"Google's JSON file of a service account ({cause})") from None
    if account.type != "service_account":
        raise InvalidInput("service_account", account.type, "a file of the type service_account would be right")
    return account


class GoogleTokens:
    """Tokens of one service account for one scope; for one event loop. `token_url` instead of the account's own.

    Raises InvalidInput for a key that cannot sign, ImportError without PyJWT and cryptography."""

    def __init__(
        self, account: ServiceAccount, scope: str, *, now_ms: Callable[[], int], token_url: str = ""
    ) -> None:  # fmt: skip
        base_url_of("token_url", token_url or account.token_uri)
        self._url, self._account, self._scope, self._now_ms = token_url or account.token_uri, account, scope, now_ms
        self._sign = _signer(account)
        self._http = HttpClient(timeout_ms=TIMEOUT_MS, connections_max=1)
        self._asking = asyncio.Lock()
        self._answers = 0
        self._latest: str | NotReached = ""
        self._fresh_until_ms = 0

    async def token(self, refused: str = "") -> str | NotReached:
        """A token that is good for some minutes more, and not the one that was `refused`."""
        if not self._fresh(refused):
            answers = self._answers
            async with self._asking:
                if answers == self._answers:  # else somebody asked while this one waited
                    self._latest = await self._ask()
                    self._answers += 1
        return self._latest

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    def _fresh(self, refused: str) -> bool:
        known = isinstance(self._latest, str) and self._latest not in ("", refused)
        return known and self._now_ms() < self._fresh_until_ms

    async def _ask(self) -> str | NotReached:
        began_ms = self._now_ms()
        began_s = began_ms // SECOND_MS
        claim = {
            "iss": self._account.client_email, "scope": self._scope, "aud": AUDIENCE,
            "iat": began_s, "exp": began_s + CLAIM_S,
        }  # fmt: skip
        form = urlencode({"grant_type": GRANT, "assertion": self._sign(claim)}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await self._http.send("POST", self._url, content=form, headers=headers)
        if not isinstance(answer, Answer):
            return NotReached(f"no access token: {answer.reason}")
        if answer.status != 200:
            return NotReached(f"no access token: {answer.status} {_why(answer.body)}".rstrip())
        try:
            granted = msgspec.json.decode(answer.body, type=_Granted)
        except (msgspec.MsgspecError, ValueError):
            return NotReached("no access token: 200 with a body that cannot be read")
        self._fresh_until_ms = began_ms + granted.expires_in * SECOND_MS - EARLY_MS
        return granted.access_token


def _why(body: bytes) -> str:
    """Google's words only: the rest of an answer may be a token."""
    try:
        refused = msgspec.json.decode(body, type=_Refused)
    except (msgspec.MsgspecError, ValueError):
        return ""
    return f"{refused.error}: {refused.error_description}"


def _signer(account: ServiceAccount) -> Callable[[dict[str, Any]], str]:
    try:
        import jwt
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as cause:
        raise ImportError("push messages need PyJWT and cryptography: pip install 'sagamore[push]'") from cause
    try:
        key = load_pem_private_key(account.private_key.encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise InvalidInput("service_account.private_key", HIDDEN, "an RSA key in PEM, not encrypted, would be right")
    return lambda claim: jwt.encode(claim, key, algorithm="RS256", headers={"kid": account.private_key_id})
